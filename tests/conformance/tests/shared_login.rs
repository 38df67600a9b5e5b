//! One login, many processes: they renew once, whoever is killed on the way, and nobody is signed out.
//!
//! The processes are the real command, the server is the real server. Between them stands a gate that
//! counts the renewals and keeps each answer back for a moment, so that a killed process often dies
//! when the server has replaced the refresh token and nobody has the new one yet.
#![cfg(unix)]
#![expect(
    clippy::expect_used,
    reason = "a test whose preparations fail must fail loudly"
)]

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use countersign_conformance::chance::Chance;
use countersign_conformance::command::binary;
use countersign_conformance::{Http, Server};
use countersign_witness::{Keep, Started};
use serde_json::Value;
use tempfile::TempDir;

const PASSWORD: &str = "correct horse battery staple";
const PROCESSES: usize = 20;
const RENEWALS: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_processes_renew_once_for_each_expiry() {
    let (_server, home) = started().await;
    for round in 0..5 {
        home.expire();
        let before = home.gate.renewals();
        let started: Vec<_> = (0..PROCESSES).map(|_| home.start_token()).collect();
        let tokens: Vec<_> = started.into_iter().map(ended).map(token).collect();
        assert!(
            tokens.iter().all(|token| *token == tokens[0]),
            "round {round}: they have different tokens"
        );
        assert_eq!(home.gate.renewals() - before, 1, "round {round}");
    }
    home.is_signed_in().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_renewals_with_killed_processes_lose_no_login() {
    let (_server, home) = started().await;
    let home = Arc::new(home);
    let mut chance = Chance::from_environment();
    let over = Arc::new(AtomicBool::new(false));
    let killed = Arc::new(AtomicUsize::new(0));
    let mut threads = Vec::new();
    for _ in 0..PROCESSES {
        let (home, over, killed) = (Arc::clone(&home), Arc::clone(&over), Arc::clone(&killed));
        let mut chance = chance.fork();
        threads.push(thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let mut child = home.start_token();
                if chance.below(3) > 0 {
                    token(ended(child));
                    continue;
                }
                thread::sleep(Duration::from_millis(chance.below(60)));
                child.kill().expect("a child of ours");
                // It may have been done already, and then all was well.
                if child.wait().expect("it ends").code().is_none() {
                    killed.fetch_add(1, Ordering::Relaxed);
                }
            }
        }));
    }
    let clock = {
        let (home, over) = (Arc::clone(&home), Arc::clone(&over));
        thread::spawn(move || {
            while home.gate.renewals() < RENEWALS {
                home.expire();
                thread::sleep(Duration::from_millis(5));
            }
            over.store(true, Ordering::Relaxed);
        })
    };
    let all = tokio::task::spawn_blocking(move || {
        threads.push(clock);
        threads
            .into_iter()
            .map(thread::JoinHandle::join)
            .collect::<Vec<_>>()
    });
    for outcome in all.await.expect("no panic") {
        outcome.expect("a process was signed out, or stopped");
    }
    let killed = killed.load(Ordering::Relaxed);
    println!(
        "{} renewals, {killed} killed processes",
        home.gate.renewals()
    );
    assert!(killed > 20, "only {killed} processes were killed");
    home.expire();
    token(ended(home.start_token()));
    home.is_signed_in().await;
}

/// A user's state folder with one login in it, made through the gate.
struct Home {
    folder: TempDir,
    gate: Gate,
    http: Http,
}

/// A server with a user, and that user's home. The server lives as long as its value.
async fn started() -> (Server, Home) {
    let mut server = Server::new();
    server.add_user("ada", PASSWORD);
    server.start().await;
    let home = Home::signed_in(&server);
    (server, home)
}

impl Home {
    fn signed_in(server: &Server) -> Self {
        let home = Self {
            folder: tempfile::tempdir().expect("a folder"),
            gate: Gate::before(server),
            http: server.http(),
        };
        let mut login = home.command(["login", &home.gate.url(), "-u", "ada", "--password-stdin"]);
        let mut login = login
            .stdin(Stdio::piped())
            .start_heard()
            .expect("it starts");
        let mut stdin = login.stdin.take().expect("it is piped");
        writeln!(stdin, "{PASSWORD}").expect("it reads");
        drop(stdin);
        let login = ended(login);
        assert!(login.status.success(), "{login:?}");
        home
    }

    fn command<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .env("COUNTERSIGN_STATE", self.folder.path())
            .env_remove("COUNTERSIGN_PROFILE")
            .env_remove("COUNTERSIGN_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command
    }

    fn start_token(&self) -> Started {
        self.command(["token"]).start_heard().expect("it starts")
    }

    /// Makes the held token look as if its time were up, as an owner of the lock may.
    fn expire(&self) {
        let login = self.login_file();
        let mut lock = login.clone().into_os_string();
        lock.push(".lock");
        let lock = File::open(lock).expect("there is a lock");
        lock.lock().expect("it can be locked");
        let text = fs::read(&login).expect("there is a login");
        let mut kept: Value = serde_json::from_slice(&text).expect("a whole login");
        kept["obtained_at_ms"] = 1.into();
        let new = login.with_extension("expired");
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&new).expect("room for it");
        file.write_all(kept.to_string().as_bytes())
            .expect("room for it");
        fs::rename(new, login).expect("renamed");
    }

    fn login_file(&self) -> PathBuf {
        let entries = fs::read_dir(self.folder.path().join("logins")).expect("logins");
        let mut paths = entries.map(|entry| entry.expect("an entry").path());
        let is_login = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "json");
        paths.find(is_login).expect("a login")
    }

    /// The server still knows the session.
    async fn is_signed_in(&self) {
        let token = token(ended(self.start_token()));
        let me = self.http.me(&token).await.expect("an answer");
        assert_eq!(me.status, 200, "{me:?}");
        let left = fs::read_dir(self.folder.path().join("logins")).expect("logins");
        let names: Vec<_> = left
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        assert!(
            names.len() <= 3,
            "killed processes leave files behind: {names:?}"
        );
    }
}

fn ended(child: Started) -> Output {
    child.wait_with_output().expect("it ends")
}

fn token(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(text.trim().matches('.').count(), 2, "{text}");
    text.trim().to_owned()
}

/// Hands every connection on to the server.
struct Gate {
    port: u16,
    renewals: Arc<AtomicUsize>,
}

impl Gate {
    fn before(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let renewals = Arc::new(AtomicUsize::new(0));
        let (counter, server) = (Arc::clone(&renewals), server.url());
        thread::spawn(move || {
            for visitor in listener.incoming().map_while(Result::ok) {
                let (counter, server) = (Arc::clone(&counter), server.clone());
                // A visitor that was killed is no news.
                thread::spawn(move || pass(visitor, &server, &counter).ok());
            }
        });
        Self { port, renewals }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn renewals(&self) -> usize {
        self.renewals.load(Ordering::SeqCst)
    }
}

/// One request and its answer, for a client that ends after it.
fn pass(mut visitor: TcpStream, server: &str, renewals: &AtomicUsize) -> std::io::Result<()> {
    let address = server.trim_start_matches("http://");
    let mut upstream = TcpStream::connect(address)?;
    let mut first = [0; 8192];
    let length = visitor.read(&mut first)?;
    let is_renewal = first.starts_with(b"POST /refresh ");
    upstream.write_all(&first[..length])?;
    let (mut from, mut to) = (visitor.try_clone()?, upstream.try_clone()?);
    thread::spawn(move || std::io::copy(&mut from, &mut to));
    let length = upstream.read(&mut first)?;
    if is_renewal {
        // The server is done, and the client does not know it.
        thread::sleep(Duration::from_millis(10));
        renewals.fetch_add(1, Ordering::SeqCst);
    }
    visitor.write_all(&first[..length])?;
    std::io::copy(&mut upstream, &mut visitor)?;
    Ok(())
}
