//! `cargo xtask order`: finds out which functions a server runs, and has the linker put them together.
//!
//! A page of the program is mapped with its neighbours around it, so functions that run, strewn over eleven
//! megabytes of others, keep most of those in memory as well. Here the release build, with its
//! symbols, is started under valgrind, asked what servers are asked all day, and stopped; the names
//! of what ran become `crates/cli/order.ld`, which its build script hands to the linker. The names are
//! without their hashes, so the file outlives a change here and there: a name that is gone does
//! nothing, what is new and not named lies behind. When an idle server has grown (`cargo xtask bench
//! footprint`), run it again.
//!
//! It reads the map that lld writes, the linker of Rust's toolchain on x86-64 Linux.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::cargo::cargo;
use crate::command::Call;
use crate::failure::Failure;
use crate::workspace::Workspace;

const FILE: &str = "crates/cli/order.ld";
const PASSWORD: &str = "correct horse battery staple";
const HEAD: &str = "\
/* Written by `cargo xtask order`: what a server on its embedded database runs, without TLS, from its start
 * on. It lies together in the program, so that an idle server keeps less of it in memory. Nothing
 * depends on it: a name that is no more does nothing. The section is a second one for code, before
 * the usual one, which holds all that is not named. */
SECTIONS
{
  .text.hot :
  {
";

pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let folder = workspace.target.join("order");
    fs::create_dir_all(&folder).map_err(|error| failed("make", &folder, &error))?;
    let map = folder.join("map");
    let arguments = "rustc --release -p countersign-cli --bin countersign --";
    let linking = format!("link-arg=-Wl,--no-demangle,-Map={}", map.display());
    let arguments = arguments.split(' ');
    cargo(
        workspace,
        arguments.chain(["-C", &linking, "-C", "strip=none"]),
    )
    .run()?;
    let program = workspace.target.join("release/countersign");
    let ran = traced(&program, &folder)?;
    let sections = sections(&read(&map)?, &ran);
    if sections.len() < 1000 {
        return Err(Failure::new(format!(
            "only {} sections ran: is {} a map of lld's, and did the server answer?",
            sections.len(),
            map.display()
        )));
    }
    let lines: Vec<_> = sections
        .iter()
        .map(|name| format!("    {name}\n"))
        .collect();
    let script = format!("{HEAD}{}  }}\n}}\nINSERT BEFORE .text;\n", lines.concat());
    let file = workspace.root.join(FILE);
    fs::write(&file, script).map_err(|error| failed("write", &file, &error))?;
    println!(
        "{FILE}: {} names; the next build is in this order",
        lines.len()
    );
    Ok(())
}

/// The names of all functions that a server runs, as the linker knows them.
fn traced(program: &Path, folder: &Path) -> Result<BTreeSet<String>, Failure> {
    let (database, profile) = (folder.join("order.db"), folder.join("profile"));
    for old in ["order.db", "order.db-wal", "order.db-shm", "order.key"] {
        // The first time there is none.
        let _ = fs::remove_file(folder.join(old));
    }
    let database = format!("sqlite:{}", database.display());
    let mut add = Command::new(program);
    add.args([
        "user",
        "add",
        "ada",
        "--password-stdin",
        "--database",
        &database,
    ]);
    let _ = fs::remove_file(&profile);
    let mut adding = started(add.stdin(Stdio::piped()), "countersign")?;
    if let Some(mut stdin) = adding.stdin.take() {
        let written = stdin.write_all(PASSWORD.as_bytes());
        written.map_err(|error| Failure::new(format!("countersign user add: {error}")))?;
    }
    ended(adding, "countersign user add")?;

    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--demangle=no"])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(program)
        .args(["serve", "--listen", "127.0.0.1:0", "--database", &database])
        .stderr(Stdio::piped());
    let mut server = started(&mut valgrind, "valgrind")?;
    let asked = ask_all(&mut server);
    let stopped = Call::new("kill", [server.id().to_string()]).run();
    // It may fall at its very end, when it has written what it saw.
    let _ = server.wait();
    asked.and(stopped)?;
    let functions = read(&profile)?;
    // `fn=(12) name`, and with a number behind an apostrophe where it called itself.
    let name = |line: &str| {
        let named = line.strip_prefix("fn=").or(line.strip_prefix("cfn="))?;
        let (_, name) = named.split_once(") ")?;
        Some(name.split('\'').next().unwrap_or(name).to_owned())
    };
    Ok(functions.lines().filter_map(name).collect())
}

/// What a server is asked all day: somebody signs in, refreshes, calls; guards and scrapers look.
fn ask_all(server: &mut Child) -> Result<(), Failure> {
    let stderr = server.stderr.take().map(BufReader::new);
    let mut lines = stderr.into_iter().flat_map(BufRead::lines);
    let address = lines
        .find_map(|line| {
            let line = line.ok()?;
            let (_, address) = line.strip_prefix("serving ")?.rsplit_once(" on ")?;
            Some(address.to_owned())
        })
        .ok_or_else(|| Failure::new("the server did not start under valgrind"))?;
    // It must not wait for somebody who reads what else it says.
    std::thread::spawn(move || lines.for_each(drop));
    let post = |path: &str, body: &str| {
        let head = format!("POST {path} HTTP/1.1\r\ncontent-type: application/json\r\n");
        ask(
            &address,
            &format!("{head}content-length: {}", body.len()),
            body,
        )
    };
    let get = |path: &str, header: &str| {
        ask(
            &address,
            &format!("GET {path} HTTP/1.1\r\naccept: application/json{header}"),
            "",
        )
    };
    let login = format!("{{\"username\":\"ada\",\"password\":\"{PASSWORD}\"}}");
    let signed_in = post("/login", &login)?;
    let refresh = member(&signed_in, "refresh_token")?;
    let refreshed = post("/refresh", &format!("{{\"refresh_token\":\"{refresh}\"}}"))?;
    let bearer = member(&refreshed, "access_token")?;
    let bearer = format!("\r\nauthorization: Bearer {bearer}");
    for (path, header) in [
        ("/me", &*bearer),
        ("/me", &bearer),
        ("/sessions", &bearer),
        ("/.well-known/jwks.json", ""),
        ("/revocations", ""),
        ("/readyz", ""),
        // `/metrics` is left out: valgrind falls over what is read there about the process.
        ("/healthz", ""),
    ] {
        get(path, header)?;
    }
    post("/logout", &format!("{{\"refresh_token\":\"{refresh}\"}}"))?;
    Ok(())
}

fn ask(address: &str, head: &str, body: &str) -> Result<String, Failure> {
    let request = format!("{head}\r\nhost: {address}\r\nconnection: close\r\n\r\n{body}");
    let mut answer = String::new();
    TcpStream::connect(address)
        .and_then(|mut stream| {
            stream.write_all(request.as_bytes())?;
            stream.read_to_string(&mut answer)
        })
        .map_err(|error| Failure::new(format!("{head}: {error}")))?;
    if answer.starts_with("HTTP/1.1 2") {
        return Ok(answer);
    }
    Err(Failure::new(format!("{head}\n{answer}")))
}

/// A member of a flat JSON object that is a token.
fn member(answer: &str, name: &str) -> Result<String, Failure> {
    let value = answer
        .split_once(&format!("\"{name}\":\""))
        .and_then(|(_, rest)| rest.split_once('"'));
    let (value, _) = value.ok_or_else(|| Failure::new(format!("no {name} in {answer}")))?;
    Ok(value.to_owned())
}

/// The sections of these functions, as patterns of the linker's. Assembly has one section a file, which
/// goes by the file's name.
fn sections(map: &str, ran: &BTreeSet<String>) -> Vec<String> {
    let mut patterns = BTreeSet::new();
    let mut current = None;
    for line in map.lines() {
        // Address, address, size, alignment; a section of a file, or a symbol in it.
        let Some(what) = line.split_whitespace().nth(4) else {
            continue;
        };
        if let Some((file, section)) = what.strip_suffix(')').and_then(|it| it.rsplit_once(":(")) {
            current = Some((file, section)).filter(|_| section.starts_with(".text"));
        } else if let Some((file, section)) = current.filter(|_| ran.contains(what)) {
            patterns.extend(pattern(file, section));
        }
    }
    patterns.into_iter().collect()
}

/// A section, without what changes from one build to the next: the hash behind a function, the
/// one in front of a crate of the standard library, the version in the names of the crypto library.
fn pattern(file: &str, section: &str) -> Option<String> {
    if section == ".text" {
        // `path/lib.rlib(hash-name.o)`. What the C library starts a program with stays where it is.
        let member = file.strip_suffix(')')?.rsplit_once('(')?.1;
        let (_, name) = member.split_once('-')?;
        return Some(format!("*{name}(.text)"));
    }
    let mut name = String::new();
    let mut rest = section;
    while let Some((before, after)) = rest.split_once("Cs") {
        name.push_str(before);
        let hash = after.find(|c: char| !c.is_ascii_alphanumeric());
        if let Some(end) = hash.filter(|&end| end >= 6 && after[end..].starts_with('_')) {
            name.push_str("Cs*");
            rest = &after[end..];
        } else {
            name.push_str("Cs");
            rest = after;
        }
    }
    name.push_str(rest);
    if let Some((before, hash)) = name.rsplit_once("17h")
        && hash.len() >= 17
        && hash.bytes().take(16).all(|byte| byte.is_ascii_hexdigit())
    {
        name = format!("{before}17h*");
    }
    if let Some((before, _)) = name.split_once(".llvm.") {
        name = format!("{before}*");
    }
    if let Some((before, after)) = name.split_once("aws_lc_") {
        let function = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
        name = format!("{before}aws_lc_*_{function}");
    }
    Some(format!("*({name})"))
}

fn started(command: &mut Command, name: &str) -> Result<Child, Failure> {
    let child = command.spawn();
    child.map_err(|error| Failure::new(format!("cannot run {name}: {error}")))
}

fn ended(mut child: Child, name: &str) -> Result<(), Failure> {
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::new(format!("{name} ended with {status}"))),
        Err(error) => Err(Failure::new(format!("{name}: {error}"))),
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| failed("read", path, &error))
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot {what} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::sections;

    #[test]
    fn names_are_kept_without_what_changes() {
        let map = "\
      VMA      LMA     Size Align Out     In      Symbol
     1000     1000       10    16 .text
     1000     1000       10    16         /x/a.o:(.text._ZN5tokio3run17h0123456789abcdefE)
     1000     1000       10     1                 _ZN5tokio3run17h0123456789abcdefE
     1010     1010       10    16         /x/a.o:(.text._ZN5tokio4park17h0123456789abcdefE)
     1010     1010       10     1                 _ZN5tokio4park17h0123456789abcdefE
     1020     1020       10    16         /x/a.o:(.text._RNvNtCs5QWcPvOEEEs_3std2io4read)
     1020     1020       10     1                 _RNvNtCs5QWcPvOEEEs_3std2io4read
     1030     1030       10    16         /x/lib.rlib(00ff-ec.o):(.text.aws_lc_0_47_0_EC_KEY_new)
     1030     1030       10     1                 aws_lc_0_47_0_EC_KEY_new
     1040     1040       10    16         /x/lib.rlib(00ff-sha256-x86_64.o):(.text)
     1040     1040       10     1                 aws_lc_0_47_0_sha256_block_data_order_hw
     1050     1050       10    16         /usr/lib/Scrt1.o:(.text)
     1050     1050       10     1                 _start
     2000     2000       10    16         /x/a.o:(.rodata.x)
     2000     2000       10     1                 _start
";
        let ran = [
            "_ZN5tokio3run17h0123456789abcdefE",
            "_RNvNtCs5QWcPvOEEEs_3std2io4read",
            "aws_lc_0_47_0_EC_KEY_new",
            "aws_lc_0_47_0_sha256_block_data_order_hw",
            "_start",
        ];
        let ran: BTreeSet<_> = ran.into_iter().map(str::to_owned).collect();
        assert_eq!(
            sections(map, &ran),
            [
                "*(.text._RNvNtCs*_3std2io4read)",
                "*(.text._ZN5tokio3run17h*)",
                "*(.text.aws_lc_*_EC_KEY_new)",
                "*sha256-x86_64.o(.text)",
            ]
        );
    }
}
