//! A server, an API beside it, and a user's own state folder.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path as InPath, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use countersign_issuer::Password;
use countersign_server::{Config, Database, Server, TlsFiles};
use countersign_witness::{Kind, note};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::run::{Ended, command, run_with_input};

pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// What the API was sent: method and path, then each header it looks at, then the body.
type Heard = Arc<Mutex<Vec<String>>>;

pub(crate) struct Stage {
    folder: TempDir,
    runtime: Runtime,
    server: Option<Server>,
    api: String,
    heard: Heard,
}

impl Stage {
    pub(crate) fn set() -> Self {
        Self::with(|_| None)
    }

    /// With TLS, by files in this folder.
    pub(crate) fn with_tls(certificate: &str, key: &str) -> Self {
        Self::with(|folder| {
            let files = TlsFiles {
                certificate: folder.join("cert.pem"),
                key: folder.join("key.pem"),
                strict_transport: None,
            };
            fs::write(&files.certificate, certificate).expect("a file");
            fs::write(&files.key, key).expect("a file");
            Some(files)
        })
    }

    fn with(tls: impl FnOnce(&Path) -> Option<TlsFiles>) -> Self {
        countersign_witness::listen();
        note(Kind::Password, PASSWORD);
        let folder = tempfile::tempdir().expect("a folder");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let heard = Heard::default();
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            database: Database::Sqlite(folder.path().join("countersign.db")),
            tls: tls(folder.path()),
            ..Config::default()
        };
        let (server, api) = runtime.block_on(async {
            let server = Server::start(config).await.expect("a server");
            for name in ["ada", "grace"] {
                let password = Password::new(PASSWORD.to_owned()).expect("a password");
                let roles = vec!["admin".to_owned()];
                let added = server.directory().add(name, password, roles).await;
                added.expect("a user");
            }
            (server, serve_api(Arc::clone(&heard)).await)
        });
        Self {
            folder,
            runtime,
            server: Some(server),
            api,
            heard,
        }
    }

    pub(crate) fn server(&self) -> &str {
        self.server.as_ref().expect("it runs").issuer()
    }

    /// `host:port` of the server.
    pub(crate) fn host(&self) -> &str {
        let server = self.server();
        server.rsplit("://").next().unwrap_or(server)
    }

    pub(crate) fn api(&self, path: &str) -> String {
        format!("{}{path}", self.api)
    }

    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("no panics").drain(..).collect()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) fn login_file(&self, name: &str) -> PathBuf {
        let host = self.host().replace(':', "%3A");
        self.state().join(format!("logins/{name}@{host}.json"))
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments);
        command
            .current_dir(self.folder.path())
            .env("COUNTERSIGN_STATE", self.state())
            .env_remove("COUNTERSIGN_PROFILE");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        run_with_input(&mut self.command(arguments), "")
    }

    pub(crate) fn login(&self, name: &str, further: &[&str]) -> Ended {
        let arguments = ["login", self.server(), "-u", name, "--password-stdin"];
        let arguments = [&arguments[..], further].concat();
        run_with_input(&mut self.command(&arguments), &format!("{PASSWORD}\n"))
    }

    /// As if the held token's time were up.
    pub(crate) fn expire(&self, name: &str) {
        self.change(name, |login| login["obtained_at_ms"] = 1.into());
    }

    /// As if somebody had spoilt the held token.
    pub(crate) fn spoil(&self, name: &str) {
        self.change(name, |login| {
            login["access_token"] = "spoilt.by.test".into();
        });
    }

    fn change(&self, name: &str, how: impl FnOnce(&mut serde_json::Value)) {
        let file = self.login_file(name);
        let text = fs::read(&file).expect("a login");
        let mut login = serde_json::from_slice(&text).expect("a whole one");
        how(&mut login);
        fs::write(file, login.to_string()).expect("ours");
    }

    /// What a snapshot cannot say beforehand, replaced by what it is.
    pub(crate) fn told(&self, text: &str) -> String {
        let state = self.state().display().to_string();
        let host = self.host().replace(':', "%3A");
        text.replace(self.host(), "SERVER")
            .replace(&host, "SERVER")
            .replace(self.api.trim_start_matches("http://"), "API")
            .replace(&state, "STATE")
            // Whether the first second is over is chance.
            .replace("in 30 days", "in DAYS")
            .replace("in 29 days", "in DAYS")
    }

    pub(crate) fn end_sessions(&self) {
        let server = self.server.as_ref().expect("it runs");
        let ended = self.runtime.block_on(async {
            let oversight = server.oversight();
            let which = countersign_server::SessionsOf::User("ada".to_owned());
            oversight.end(which).await
        });
        assert!(!ended.expect("ended").is_empty());
    }

    pub(crate) fn stop_server(&mut self) {
        let server = self.server.take().expect("it runs");
        self.runtime.block_on(server.stop());
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.server.is_some() {
            self.stop_server();
        }
    }
}

/// An address that promises a hundred bytes and breaks off after four.
pub(crate) fn breaks_off() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for mut visitor in listener.incoming().map_while(Result::ok) {
            // What it says does not matter, and whether it listens neither.
            let _ = visitor.read(&mut [0; 4096]);
            let _ = visitor.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf");
        }
    });
    url
}

async fn serve_api(heard: Heard) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let router = Router::new()
        .route("/hello", get(|| async { "Hello!\n" }))
        .route("/big", get(|| async { vec![b'x'; 3_000_000] }))
        .route("/status/{code}", any(status))
        .route("/echo", any(echo))
        .route("/choosy", any(choosy))
        .with_state(heard);
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn status(InPath(code): InPath<u16>) -> Response {
    let status = StatusCode::from_u16(code).expect("a status");
    (status, format!("{{\"status\":{code}}}")).into_response()
}

async fn echo(
    State(heard): State<Heard>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    hear(&heard, &method, &uri, &headers, &body);
    (
        [("content-type", "application/json")],
        r#"{"b":1.10,"a":"x"}"#,
    )
        .into_response()
}

/// Refuses the token `spoilt.by.test`.
async fn choosy(
    State(heard): State<Heard>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    hear(&heard, &method, &uri, &headers, &body);
    if headers["authorization"] == "Bearer spoilt.by.test" {
        let challenge = r#"Bearer realm="api", error="invalid_token""#;
        return (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)]).into_response();
    }
    "content\n".into_response()
}

fn hear(heard: &Heard, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) {
    let mut heard = heard.lock().expect("no panics");
    heard.push(format!("{method} {uri}"));
    for name in ["authorization", "content-type", "x-one"] {
        for value in headers.get_all(name) {
            let value = value.to_str().expect("text");
            let value = match value.len() {
                0..100 => value,
                _ => "Bearer TOKEN",
            };
            heard.push(format!("{name}: {value}"));
        }
    }
    if !body.is_empty() {
        heard.push(String::from_utf8_lossy(body).into_owned());
    }
}
