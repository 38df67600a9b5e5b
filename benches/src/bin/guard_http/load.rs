//! The load: `wrk`, one thread, on the second core.

use std::fs;
use std::process::Command;

use countersign_benches::Failure;
use tempfile::TempDir;

/// Which tokens are sent.
#[derive(Clone, Copy)]
pub(crate) enum Tokens {
    One,
    InTurn,
    /// Nine of those that come in turn, then one that comes for the first time.
    Mixed,
}

/// Scripts with the tokens in them.
pub(crate) struct Load {
    folder: TempDir,
}

impl Load {
    pub(crate) fn new(tokens: &[String], strangers: &[String]) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let one = tokens.first().ok_or("no tokens")?;
        fs::write(
            folder.path().join("one.lua"),
            format!("wrk.headers['Authorization'] = 'Bearer {one}'\n"),
        )?;
        fs::write(folder.path().join("tokens"), tokens.join("\n"))?;
        fs::write(folder.path().join("strangers"), strangers.join("\n"))?;
        fs::write(folder.path().join("in_turn.lua"), IN_TURN)?;
        fs::write(folder.path().join("mixed.lua"), MIXED)?;
        Ok(Self { folder })
    }

    /// Requests a second for one second.
    pub(crate) fn run(&self, address: &str, tokens: Tokens) -> Result<f64, Failure> {
        let script = match tokens {
            Tokens::One => "one.lua",
            Tokens::InTurn => "in_turn.lua",
            Tokens::Mixed => "mixed.lua",
        };
        let output = Command::new("wrk")
            .args(["-t1", "-c32", "-d1s", "-s", script])
            .arg(format!("http://{address}/"))
            .current_dir(self.folder.path())
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        if said.contains("Non-2xx") || said.contains("Socket errors") || !output.status.success() {
            return Err(format!("{address} did not answer as it should: {said}").into());
        }
        let rate = said
            .lines()
            .find_map(|line| line.strip_prefix("Requests/sec:"))
            .ok_or("wrk says no rate")?;
        Ok(rate.trim().parse()?)
    }
}

/// All requests are written down beforehand, so that the load program has little to do.
const IN_TURN: &str = r#"
local requests = {}
local at = 0

function init(args)
  for token in io.lines("tokens") do
    wrk.headers["Authorization"] = "Bearer " .. token
    requests[#requests + 1] = wrk.format("GET", "/")
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end
"#;

const MIXED: &str = r#"
local known, strangers = {}, {}
local at = 0

local function read(name, requests)
  for token in io.lines(name) do
    wrk.headers["Authorization"] = "Bearer " .. token
    requests[#requests + 1] = wrk.format("GET", "/")
  end
end

function init(args)
  read("tokens", known)
  read("strangers", strangers)
end

function request()
  at = at + 1
  if at % 10 == 0 then
    return strangers[at / 10 % #strangers + 1]
  end
  return known[at % #known + 1]
end
"#;
