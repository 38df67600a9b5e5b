//! The time of a client's refusal tells nothing of its secret: how much of it was right, and whether a
//! right one is of no use because the client is disabled. Each costs one look into the database.
//!
//! Planted is a refusal without that look. Whether there is a client of an id is no secret (RFC 6749
//! §2.2), and is not looked at here: a row that is found has to be read.

use std::time::{Duration, Instant};

use countersign_issuer::client::ClientTerms;
use countersign_server::{Config, Database, NewClient, Proof, Server};
use countersign_witness::{Kind, note};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use super::assert_alike;

/// Of the form of one of ours, so that nothing is refused for its looks.
const WRONG: &str = "csc_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A way to be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Wrong,
    /// All of it but the last letter.
    AlmostRight,
    Disabled,
    /// Planted: an assertion that is none, for which nobody is looked up.
    Early,
}

const HONEST: [Way; 3] = [Way::Wrong, Way::AlmostRight, Way::Disabled];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_of_a_clients_refusal_tells_nothing_of_its_secret() {
    let stand = Stand::start().await;
    let refuse = async |way: Way| stand.refusal(way).await;
    assert_alike(&HONEST, &[Way::Early], Way::Wrong, refuse).await;
}

struct Stand {
    server: Server,
    client: Client,
    almost_right: String,
    /// The right secret of a disabled client.
    disabled: String,
    _folder: TempDir,
}

impl Stand {
    async fn start() -> Self {
        countersign_witness::listen_as_served();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let server = Server::start(Config {
            listen: ([127, 0, 0, 1], 0).into(),
            database: Database::Sqlite(folder.path().join("test.db")),
            ..Config::default()
        });
        let server = server.await.expect("a server");
        let registry = server.registry();
        let mut secrets = Vec::new();
        for client_id in ["reports", "former"] {
            let new = NewClient {
                client_id: client_id.to_owned(),
                name: String::new(),
                proof: Proof::Secret,
                grant_types: None,
                scope: "read".to_owned(),
                audiences: Vec::new(),
                serves: Vec::new(),
                roles: Vec::new(),
                terms: ClientTerms::default(),
            };
            let (_, secret) = registry.add(new).await.expect("a client");
            let secret = secret.expect("a secret").expose().to_owned();
            note(Kind::ClientSecret, &secret);
            secrets.push(secret);
        }
        let [right, disabled] = secrets.try_into().expect("two");
        let last = if right.ends_with('A') { 'B' } else { 'A' };
        let almost_right = format!("{}{last}", &right[..right.len() - 1]);
        registry.disable("former").await.expect("a client");
        Self {
            server,
            client: Client::new(),
            almost_right,
            disabled,
            _folder: folder,
        }
    }

    /// The time until the refusal.
    async fn refusal(&self, way: Way) -> Duration {
        let (id, secret) = match way {
            Way::Wrong => ("reports", WRONG),
            Way::AlmostRight => ("reports", self.almost_right.as_str()),
            Way::Disabled => ("former", self.disabled.as_str()),
            Way::Early => ("reports", ""),
        };
        let proof = if way == Way::Early {
            "client_assertion=x&client_assertion_type=\
             urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
                .to_owned()
        } else {
            format!("client_secret={secret}")
        };
        let url = format!("http://{}/oauth/token", self.server.address());
        let request = self.client.post(url);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let body = format!("grant_type=client_credentials&client_id={id}&{proof}");
        let request = request.body(body);
        let asked = Instant::now();
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let body: Value = answer.json().await.expect("JSON");
        let took = asked.elapsed();
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{body}");
        assert_eq!(body["error"], "invalid_client", "{body}");
        took
    }
}
