//! `countersign serve` as a process, to be killed and started again: on an embedded database, or on
//! one that it shares with others.

use std::io::{BufRead, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use countersign_wire::paths;
use countersign_witness::{Keep, Kind, Started, keeps, note};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::command::Countersign;
use crate::port;
use crate::request::Http;

/// A server of one test: a folder, a port, and the process while there is one.
#[derive(Debug)]
pub struct Server {
    folder: TempDir,
    port: u16,
    arguments: Vec<String>,
    shared: Option<Shared>,
    tls: bool,
    process: Option<Process>,
}

/// A certificate for 127.0.0.1, signed by itself, and its key.
const CERTIFICATE: &str = include_str!("../../../crates/server/tests/sockets/tls/first.pem");
const CERTIFIED_KEY: &str = include_str!("../../../crates/server/tests/sockets/tls/first-key.pem");

/// What several servers have in common: a database, its master key and the issuer.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The URL of the PostgreSQL database.
    pub database: String,
    /// The master key, as text.
    pub master_key: String,
    /// The issuer.
    pub issuer: String,
}

impl Shared {
    /// The servers of `https://id.example` on this database, with a master key of their own.
    #[must_use]
    pub fn on(database: String) -> Self {
        Self {
            database,
            master_key: "5b".repeat(32),
            issuer: "https://id.example".to_owned(),
        }
    }
}

#[derive(Debug)]
struct Process {
    child: Started,
    said: Receiver<String>,
    /// All it says on its stderr, once it has ended.
    words: JoinHandle<Vec<String>>,
}

/// Long enough for the slowest machine, for nothing hangs on it unless the server is broken.
const PATIENCE: Duration = Duration::from_secs(30);

impl Server {
    /// A place for a server with its own database, not started yet.
    ///
    /// # Panics
    /// If there is no room for it.
    pub fn new() -> Self {
        Self::with(Vec::<String>::new())
    }

    /// The same, with further arguments for `serve`.
    ///
    /// # Panics
    /// If there is no room for it.
    pub fn with<S: Into<String>>(arguments: impl IntoIterator<Item = S>) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            port: port::free(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            shared: None,
            tls: false,
            process: None,
        }
    }

    /// The same, over TLS.
    ///
    /// # Panics
    /// If there is no room for it.
    pub fn over_tls<S: Into<String>>(arguments: impl IntoIterator<Item = S>) -> Self {
        let mut server = Self::with(arguments);
        let files = [
            ("--tls-cert", "cert.pem", CERTIFICATE),
            ("--tls-key", "key.pem", CERTIFIED_KEY),
        ];
        for (option, name, pem) in files {
            let file = server.folder().join(name);
            std::fs::write(&file, pem).expect("a file");
            let file = file.to_string_lossy().into_owned();
            server.arguments.extend([option.to_owned(), file]);
        }
        server.tls = true;
        server
    }

    /// The certificate of a server over TLS, as PEM.
    pub fn certificate(&self) -> &str {
        CERTIFICATE
    }

    /// One of several on one database, not started yet.
    ///
    /// # Panics
    /// If there is no room for it.
    pub fn sharing(shared: &Shared) -> Self {
        let mut server = Self::with(["--issuer", &shared.issuer]);
        server.shared = Some(shared.clone());
        server
    }

    /// The URL it serves, which is its issuer as well unless it shares a database.
    pub fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// Its folder: database and master key, unless it shares them, and nothing else.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A client of it.
    pub fn http(&self) -> Http {
        if self.tls {
            return Http::trusting(CERTIFICATE, self.url());
        }
        Http::new(self.url())
    }

    /// Makes a user by the command, beside the server or before it.
    ///
    /// # Panics
    /// If the command refuses.
    pub fn add_user(&self, name: &str, password: &str) {
        self.command(["user", "add", name, "--password-stdin"])
            .input(format!("{password}\n"))
            .succeed();
    }

    /// A command on its database.
    pub fn command<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Countersign {
        let command = Countersign::new(arguments)
            .and(["--database", &self.database()])
            .within(self.folder());
        match &self.shared {
            Some(shared) => command.setting("COUNTERSIGN_MASTER_KEY", &shared.master_key),
            None => command,
        }
    }

    /// The value of `--database`.
    pub fn database(&self) -> String {
        match &self.shared {
            Some(shared) => shared.database.clone(),
            None => format!("sqlite:{}", self.database_file().display()),
        }
    }

    fn database_file(&self) -> PathBuf {
        self.folder().join("countersign.db")
    }

    /// Starts the process and returns without waiting for it to be ready.
    ///
    /// # Panics
    /// If it cannot be started, or is running.
    pub fn spawn(&mut self) {
        assert!(self.process.is_none(), "the server is running already");
        let listen = format!("127.0.0.1:{}", self.port);
        let mut command = self.command(["serve", "--listen", &listen]).into_command();
        command.args(&self.arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command
            .talkative()
            .start_heard()
            .expect("countersign starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        let (say, said) = channel();
        // After the last line that the test wants to hear, nobody listens.
        let mut told = countersign_witness::log("told");
        thread::spawn(move || {
            for line in relay(stdout) {
                if let Some(told) = &mut told {
                    writeln!(told, "{line}").expect("its words are kept");
                }
                drop(say.send(line));
            }
        });
        let words = thread::spawn(move || relay(stderr).collect());
        self.process = Some(Process { child, said, words });
    }

    /// Starts the process and waits until it says that it is ready.
    ///
    /// # Panics
    /// If it ends instead, or takes longer than anyone would wait.
    pub async fn start(&mut self) {
        self.spawn();
        self.ready().await;
    }

    /// Waits until it says that it is ready.
    ///
    /// # Panics
    /// If it ends instead, or takes longer than anyone would wait.
    pub async fn ready(&mut self) {
        let http = self.http();
        let key = self.folder().join("countersign.key");
        let began = Instant::now();
        loop {
            if http
                .get(paths::READYZ)
                .await
                .is_ok_and(|answer| answer.status == 200)
            {
                if let Ok(key) = std::fs::read_to_string(key) {
                    note(Kind::MasterKey, &key);
                }
                return;
            }
            if let Some(process) = &mut self.process
                && let Ok(Some(status)) = process.child.try_wait()
            {
                panic!("countersign serve ended with {status} before it was ready");
            }
            assert!(
                began.elapsed() < PATIENCE,
                "countersign serve does not get ready"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The next line on its stdout, while it runs.
    ///
    /// # Panics
    /// If there is none.
    pub fn line(&self) -> String {
        let process = self.process.as_ref().expect("the server runs");
        process
            .said
            .recv_timeout(PATIENCE)
            .expect("countersign serve says one more line")
    }

    /// The number of its process.
    ///
    /// # Panics
    /// If there is none.
    pub fn id(&self) -> u32 {
        self.process.as_ref().expect("the server runs").child.id()
    }

    /// Asks it to end, as a supervisor does (SIGTERM), and does not wait for it.
    ///
    /// # Panics
    /// If it is not running, or the system refuses.
    pub fn terminate(&self) {
        let id = i32::try_from(self.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("a process has a number"), Signal::TERM)
            .expect("the server can be asked to end");
    }

    /// Waits until it has ended, and says how.
    ///
    /// # Panics
    /// If it was not running, or goes on.
    pub async fn ended(&mut self) -> ExitStatus {
        self.ended_with_words().await.0
    }

    /// The same, and all it has said on its stderr, line by line: to the last word, which may be read
    /// later than the answer to the request that it is about.
    ///
    /// # Panics
    /// If it was not running, or goes on.
    pub async fn ended_with_words(&mut self) -> (ExitStatus, Vec<String>) {
        let mut process = self.process.take().expect("the server runs");
        let began = Instant::now();
        loop {
            if let Some(status) = process.child.try_wait().expect("a child of ours") {
                return (status, process.words.join().expect("its words are read"));
            }
            if began.elapsed() >= PATIENCE {
                let _ = process.child.kill();
                panic!("countersign serve does not end");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends it as a power cut would: without a word (SIGKILL).
    ///
    /// # Panics
    /// If the system refuses.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.child.kill().expect("the server can be killed");
            process.child.wait().expect("the server ends");
        }
    }
}

/// What the server says, line by line; shown among the test's own output unless it is kept.
fn relay(from: impl Read) -> impl Iterator<Item = String> {
    let lines = BufReader::new(from).lines().map_while(Result::ok);
    lines.inspect(move |line| {
        if !keeps() {
            println!("serve: {line}");
        }
    })
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}
