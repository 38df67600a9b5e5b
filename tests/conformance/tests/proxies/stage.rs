//! An issuer, a sidecar, a service, and a proxy in front of it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use countersign_conformance::plain::Connection;
use countersign_conformance::{Answer, Countersign, Http, Server, port};
use countersign_witness::{Keep, Started};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::guide;
use crate::service::Service;

const PASSWORD: &str = "correct horse battery staple";
/// Long enough for the slowest machine.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) service: Service,
    pub(crate) folder: TempDir,
    guard: Option<Process>,
    guard_port: u16,
    proxy: Option<Process>,
    proxy_port: u16,
}

impl Stage {
    /// Everything but the proxy; the sidecar with the rules of the page about nginx.
    pub(crate) async fn set(proxy: &str) -> Self {
        let mut server = Server::new();
        for (name, role) in [("ada", "clerk"), ("root", "admin")] {
            server
                .command(["user", "add", name, "--role", role, "--password-stdin"])
                .input(format!("{PASSWORD}\n"))
                .succeed();
        }
        server.start().await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let rules = folder.path().join("rules.toml");
        let text = guide::file("guides/nginx.md", "rules.toml", &[]);
        std::fs::write(&rules, text).expect("room for the rules");
        let guard_port = port::free();
        let listen = format!("127.0.0.1:{guard_port}");
        let rules = rules.to_string_lossy().into_owned();
        let arguments = [
            "guard",
            "--listen",
            &listen,
            "--issuer",
            &server.url(),
            "--proxy",
            proxy,
            "--rules",
            &rules,
        ];
        let guard = Process::start("guard", Countersign::new(arguments).into_command());
        ready(&format!("http://{listen}"), "/readyz").await;
        Self {
            server,
            service: Service::start().await,
            folder,
            guard: Some(guard),
            guard_port,
            proxy: None,
            proxy_port: port::free(),
        }
    }

    pub(crate) fn guard(&self) -> String {
        format!("127.0.0.1:{}", self.guard_port)
    }

    pub(crate) fn proxy(&self) -> String {
        format!("127.0.0.1:{}", self.proxy_port)
    }

    /// Starts the proxy and waits until it answers.
    pub(crate) async fn open(&mut self, name: &'static str, command: Command) {
        self.proxy = Some(Process::start(name, command));
        ready(&format!("http://{}", self.proxy()), "/public").await;
        self.service.asked().requests.clear();
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection::to(&self.proxy()).await
    }

    /// Asks the proxy, over a connection of its own.
    pub(crate) async fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
        self.connect().await.ask(method, target, headers).await
    }

    /// Signs in; the pair's access and refresh tokens.
    pub(crate) async fn sign_in(&self, name: &str) -> (String, String) {
        let answer = self.server.http().login(name, PASSWORD).await;
        let answer = answer.expect("the server answers");
        assert_eq!(answer.status, 200, "{answer:?}");
        (answer.field("access_token"), answer.field("refresh_token"))
    }

    /// Stops the sidecar as a supervisor does, and demands that it ends well.
    pub(crate) fn stop_guard(&mut self) {
        let guard = self.guard.take().expect("the guard runs");
        assert_eq!(guard.terminate(), Some(0), "it ends calmly");
    }
}

/// What the service says it was sent under this header, of any spelling that is one name to CGI.
pub(crate) fn told(answer: &Answer, name: &str) -> Vec<String> {
    let body = answer.json();
    let headers = body["headers"].as_array().expect("a list of headers");
    headers
        .iter()
        .filter(|pair| {
            pair[0]
                .as_str()
                .map(|own| own.replace(|c: char| !c.is_ascii_alphanumeric(), "-"))
                == Some(name.to_owned())
        })
        .filter_map(|pair| pair[1].as_str())
        .filter(|value| !value.is_empty())
        .map(str::to_owned)
        .collect()
}

/// What the service says it was asked.
pub(crate) fn request(answer: &Answer) -> String {
    match &answer.json()["request"] {
        Value::String(line) => line.clone(),
        other => panic!("the service did not answer: {other}"),
    }
}

async fn ready(url: &str, path: &str) {
    let (http, began) = (Http::new(url), Instant::now());
    loop {
        if http
            .get(path)
            .await
            .is_ok_and(|answer| answer.status == 200)
        {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{url}{path} does not get ready");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A process that ends with the test.
struct Process {
    name: &'static str,
    child: Started,
}

impl Process {
    fn start(name: &'static str, mut command: Command) -> Self {
        let child = command.stdin(Stdio::null()).start();
        let child = child.unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Self { name, child }
    }

    /// Asks it to end and waits for it; its exit code.
    fn terminate(mut self) -> Option<i32> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("a process has a number"), Signal::TERM)
            .expect("it can be asked to end");
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                return status.code();
            }
            assert!(began.elapsed() < PATIENCE, "{} does not end", self.name);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        println!("ending {}", self.name);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program that the test command found or fetched.
pub(crate) fn program(variable: &str, usual: &str) -> Command {
    let told = std::env::var_os(variable);
    let program = told.unwrap_or_else(|| usual.into());
    assert!(
        Path::new(&program).is_file(),
        "there is no {}: `cargo xtask test` fetches it, and tells where in {variable}",
        Path::new(&program).display()
    );
    Command::new(program)
}
