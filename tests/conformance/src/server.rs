//! `countersign serve` as a process on an embedded database, to be killed and started again.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use countersign_wire::paths;
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
    process: Option<Process>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    said: Receiver<String>,
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
            process: None,
        }
    }

    /// The URL it serves, which is its issuer as well.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its folder: database and master key, nothing else.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A client of it.
    pub fn http(&self) -> Http {
        Http::new(self.url())
    }

    /// Makes a user by the command, beside the server or before it.
    ///
    /// # Panics
    /// If the command refuses.
    pub fn add_user(&self, name: &str, password: &str) {
        let arguments = ["user", "add", name, "--password-stdin", "--database"];
        Countersign::new(arguments.into_iter().chain([self.database().as_str()]))
            .within(self.folder())
            .input(format!("{password}\n"))
            .succeed();
    }

    /// The value of `--database`.
    pub fn database(&self) -> String {
        format!("sqlite:{}", self.database_file().display())
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
        let database = self.database();
        let arguments = ["serve", "--listen", &listen, "--database", &database];
        let mut command = Countersign::new(arguments)
            .within(self.folder())
            .into_command();
        command.args(&self.arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("countersign starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        let (say, said) = channel();
        // After the last line that the test wants to hear, nobody listens.
        relay(stdout, move |line| drop(say.send(line)));
        relay(stderr, drop);
        self.process = Some(Process { child, said });
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
        let began = Instant::now();
        loop {
            if http
                .get(paths::READYZ)
                .await
                .is_ok_and(|answer| answer.status == 200)
            {
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

/// Shows what the server says among the test's own output, and hands it on.
fn relay(from: impl Read + Send + 'static, mut to: impl FnMut(String) + Send + 'static) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            println!("serve: {line}");
            to(line);
        }
    });
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // It may have ended by itself, which the test has noticed if it matters.
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
    }
}
