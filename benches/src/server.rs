//! `countersign serve`, the release binary, on a folder of its own.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use countersign_issuer::{
    NewPassword, Password, PasswordHash, PasswordHasher, PasswordParameters, PasswordPolicy,
};
use rustix::process::{Signal, kill_process};
use serde_json::json;
use tempfile::TempDir;

use crate::http::{self, Answer, Connection};
use crate::load::Caller;
use crate::{Failure, machine};

/// The password of every user here.
pub const PASSWORD: &str = "correct horse battery staple";

/// An installation, whether or not its server runs.
#[derive(Debug)]
pub struct Server {
    folder: TempDir,
    database: String,
    arguments: Vec<String>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// One on SQLite, in a new folder, to be started with these further arguments.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn new(arguments: &[&str]) -> Result<Self, Failure> {
        let folder = folder()?;
        let database = format!("sqlite:{}", folder.path().join("countersign.db").display());
        Ok(Self::on(folder, database, arguments))
    }

    /// One on PostgreSQL.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn on_postgres(url: &str, arguments: &[&str]) -> Result<Self, Failure> {
        Ok(Self::on(folder()?, url.to_owned(), arguments))
    }

    fn on(folder: TempDir, database: String, arguments: &[&str]) -> Self {
        Self {
            folder,
            database,
            arguments: arguments.iter().map(|&argument| argument.into()).collect(),
            running: None,
        }
    }

    /// The folder of database and master key.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Adds users `name-0` to `name-(count-1)`, all with [`PASSWORD`], while the server is down or
    /// up: they are imported, all with one hash.
    ///
    /// # Errors
    /// When the command refuses.
    pub fn add_users(&self, name: &str, count: usize) -> Result<(), Failure> {
        let hash = password_hash()?;
        let mut lines = String::new();
        for number in 0..count {
            let name = format!("{name}-{number}");
            let line = json!({"username": name, "password_hash": hash.as_str()});
            lines.push_str(&line.to_string());
            lines.push('\n');
        }
        let file = self.folder.path().join("users.jsonl");
        fs::write(&file, lines)?;
        let mut command = self.command(&["user", "import"]);
        command.arg(&file);
        run(command, "")
    }

    /// Adds an OAuth client with these further arguments; the answer is its secret.
    ///
    /// # Errors
    /// When the command refuses.
    pub fn add_client(&self, id: &str, more: &[&str]) -> Result<String, Failure> {
        let mut command = self.command(&["client", "add", id]);
        let output = command.args(more).output()?;
        if output.status.success() {
            return Ok(String::from_utf8(output.stdout)?.trim().to_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(format!("{command:?} ended with {}: {said}", output.status).into())
    }

    /// Starts it and waits until it says where it listens.
    ///
    /// # Errors
    /// When it ends instead.
    pub fn start(&mut self) -> Result<(), Failure> {
        let mut command = self.command(&[
            "serve",
            "--listen",
            "127.0.0.1:0",
            // Many are opened for one user.
            "--max-sessions",
            "4000000",
        ]);
        command.args(&self.arguments).stderr(Stdio::piped());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let stderr = child.stderr.take().ok_or("stderr is piped")?;
        let mut lines = BufReader::new(stderr).lines();
        let mut said = String::new();
        let address = loop {
            let Some(line) = lines.next() else {
                child.wait()?;
                return Err(format!("countersign serve ended: {said}").into());
            };
            let line = line?;
            if let Some((_, address)) = line.rsplit_once(" on ")
                && line.contains("serving")
            {
                break address.trim().parse()?;
            }
            said.push_str(&line);
            said.push('\n');
        };
        // What it says later is nobody's business, and must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        self.running = Some(Running { child, address });
        Ok(())
    }

    /// Asks it to end and waits until it has.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn stop(&mut self) -> Result<(), Failure> {
        if let Some(mut running) = self.running.take() {
            kill_process(machine::pid(running.child.id())?, Signal::TERM)?;
            let asked = Instant::now();
            while running.child.try_wait()?.is_none() {
                if asked.elapsed() > Duration::from_secs(20) {
                    running.child.kill()?;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        Ok(())
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When it does not run.
    pub fn address(&self) -> Result<SocketAddr, Failure> {
        Ok(self.running.as_ref().ok_or("the server is down")?.address)
    }

    /// The number of its process.
    ///
    /// # Errors
    /// When it does not run.
    pub fn process(&self) -> Result<u32, Failure> {
        Ok(self
            .running
            .as_ref()
            .ok_or("the server is down")?
            .child
            .id())
    }

    /// Signs users `name-0` to `name-(count-1)` in; each comes back as somebody who refreshes.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn sign_in(&self, name: &str, count: usize) -> Result<Vec<Refresher>, Failure> {
        let mut connection = Connection::open(self.address()?).await?;
        let mut all = Vec::with_capacity(count);
        for number in 0..count {
            let request = login(&format!("{name}-{number}"), "");
            let answer = connection.send(&request).await?;
            all.push(Refresher::holding(answer.text("refresh_token")?));
        }
        Ok(all)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("COUNTERSIGN_") {
                command.env_remove(name);
            }
        }
        if self.database.starts_with("postgres") {
            // A shared database wants its key from outside; this one guards nothing.
            command.env("COUNTERSIGN_MASTER_KEY", "A".repeat(43));
        }
        command.args(arguments);
        command.args(["--database", &self.database]);
        command.current_dir(self.folder.path());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(running) = &mut self.running {
            // It may have ended by itself, which the bench has noticed if it matters.
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}

/// The hash of [`PASSWORD`], at the default cost.
fn password_hash() -> Result<PasswordHash, Failure> {
    let password = Password::new(PASSWORD)?;
    let password = NewPassword::choose(password, "", PasswordPolicy::default())?;
    Ok(PasswordHasher::new(PasswordParameters::default()).hash(&password, [7; 16])?)
}

/// A folder on the disk that builds are on: the one for temporary files may be memory.
fn folder() -> Result<TempDir, Failure> {
    let beside = std::env::current_exe()?;
    let beside = beside.parent().ok_or("a program lies in a folder")?;
    Ok(tempfile::tempdir_in(beside)?)
}

/// The command beside this program.
pub fn binary() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    own.with_file_name(format!("countersign{}", std::env::consts::EXE_SUFFIX))
}

fn run(mut command: Command, input: &str) -> Result<(), Failure> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("{command:?} ended with {}: {said}", output.status).into())
}

/// `POST /login` for this name, with further header lines.
pub fn login(name: &str, more: &str) -> Vec<u8> {
    let body = format!("{{\"username\":\"{name}\",\"password\":\"{PASSWORD}\"}}");
    http::post("/login", more, &body)
}

/// Refreshes, again and again, with the token that the last refresh gave.
#[derive(Clone, Debug)]
pub struct Refresher {
    token: String,
}

impl Refresher {
    /// One that begins with this refresh token.
    pub fn holding(token: impl Into<String>) -> Self {
        Self {
            token: token.into(),
        }
    }
}

impl Caller for Refresher {
    fn request(&mut self) -> Vec<u8> {
        http::post(
            "/refresh",
            "",
            &format!("{{\"refresh_token\":\"{}\"}}", self.token),
        )
    }

    fn answered(&mut self, answer: Answer<'_>) -> Result<(), Failure> {
        let next = answer.text("refresh_token")?;
        if next == self.token {
            return Err("a refresh did not rotate".into());
        }
        self.token.clear();
        self.token.push_str(next);
        Ok(())
    }
}
