//! The time of a refused sign-in tells nothing: unknown name, disabled user, wrong or empty password, and a
//! wrong password for a user whose imported hash is of another function, or of ours at another cost.
//!
//! Planted are two leaks: a refusal before any hashing, and one of a server that does not know of the
//! imported hashes and so does the work of its own kind only.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use countersign_issuer::{Password, PasswordParameters};
use countersign_server::{Config, Database, ForeignUser, Imported, Importer, Server};
use countersign_witness::{Kind, note};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::assert_alike;

const PASSWORD: &str = "correct horse battery staple";
/// What of the words of the hash is checked is its form: nobody signs in with it.
const IMPORTED: &str = "scrypt:16384:8:1$Y4ZMTUZc2n0kPKCw$c3cf99d09cbdf15ba6022be317918c7cfca741499ef6ca473168d0feec6ddcbc8dd6911d1e5ac4d8b59a021b28a2b7cfb02890de09c1b42b4e4907c74d782cfa";
/// Ours at a cost of eight passes, where five are the rule.
const DEARER: &str = "$argon2id$v=19$m=7168,t=8,p=1$BwcHBwcHBwcHBwcHBwcHBw$1QvY3RnxvxQ5T0l680UfQJU3D0PlyyP36P+HYaCoYes";

/// A way to be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Unknown,
    Disabled,
    Wrong,
    Empty,
    WrongForImported,
    WrongForDearer,
    /// Planted: refused before any hashing.
    Early,
    /// Planted: an unknown name, at a server that has no imported hashes.
    Unpadded,
}

const HONEST: [Way; 6] = [
    Way::Unknown,
    Way::Disabled,
    Way::Wrong,
    Way::Empty,
    Way::WrongForImported,
    Way::WrongForDearer,
];
const PLANTED: [Way; 2] = [Way::Early, Way::Unpadded];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_of_a_refused_sign_in_tells_nothing() {
    let stand = Stand::start().await;
    let refuse = async |way: Way| stand.refusal(way).await;
    assert_alike(&HONEST, &PLANTED, Way::Unknown, refuse).await;
}

/// Two servers: one has users with imported hashes, the other has not.
struct Stand {
    full: Running,
    bare: Running,
    client: Client,
    asked: AtomicU32,
}

struct Running {
    server: Server,
    _folder: TempDir,
}

impl Stand {
    async fn start() -> Self {
        Self {
            full: Running::start(&[("eve", IMPORTED), ("finn", DEARER)]).await,
            bare: Running::start(&[]).await,
            client: Client::new(),
            asked: AtomicU32::new(0),
        }
    }

    /// The time until the refusal.
    async fn refusal(&self, way: Way) -> Duration {
        let running = if way == Way::Unpadded {
            &self.bare
        } else {
            &self.full
        };
        let (name, password) = match way {
            Way::Unknown | Way::Unpadded => ("nobody", PASSWORD),
            Way::Disabled => ("dan", PASSWORD),
            Way::Wrong | Way::Early => ("ada", "another password"),
            Way::Empty => ("ada", ""),
            Way::WrongForImported => ("eve", "another password"),
            Way::WrongForDearer => ("finn", "another password"),
        };
        let mut body = json!({"username": name, "password": password});
        if way == Way::Early {
            body["audience"] = "https://nobody.example".into();
        }
        let url = format!("http://{}/login", running.server.address());
        // From elsewhere each time: nobody is made to wait.
        let [_, a, b, c] = self.asked.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let from = format!("10.{a}.{b}.{c}");
        let request = self.client.post(url).json(&body);
        let request = request.header("x-forwarded-for", from);
        let asked = Instant::now();
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let body: Value = answer.json().await.expect("JSON");
        let took = asked.elapsed();
        if way == Way::Early {
            assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        } else {
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{body}");
            assert_eq!(body["error"], "invalid_credentials", "{body}");
        }
        took
    }
}

impl Running {
    async fn start(imported: &[(&str, &str)]) -> Self {
        countersign_witness::listen_as_served();
        note(Kind::Password, PASSWORD);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            database: Database::Sqlite(folder.path().join("test.db")),
            passwords: PasswordParameters::new(7_168, 5, 1).expect("the least there is"),
            trusted_proxies: vec!["127.0.0.1/32".parse().expect("a network")],
            ..Config::default()
        };
        let door = Importer::open(&config).await.expect("a database");
        for (name, hash) in imported {
            let user = ForeignUser::new(name, hash, vec![], false);
            let user = user.expect("a hash of a known form");
            let answer = door.import(vec![user]).await;
            assert_eq!(answer.expect("a working store"), [Imported::Added]);
        }
        door.close().await;
        drop(door);
        let server = Server::start(config).await.expect("a server");
        for name in ["ada", "dan"] {
            let password = Password::new(PASSWORD).expect("a password");
            let added = server.directory().add(name, password, vec![]).await;
            added.expect("a user");
        }
        let disabled = server.directory().disable("dan").await;
        disabled.expect("a user to disable");
        Self {
            server,
            _folder: folder,
        }
    }
}
