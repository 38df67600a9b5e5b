//! `jwt verify` and `jwt explain` with `--issuer`: the keys come from where the issuer publishes them.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use countersign::{Algorithm, KeySet, SigningKey, UnixTime};
use serde_json::json;

use crate::guard::{AUTHORITY, SIGNED, SIGNED_KEY};
use crate::keys::Folder;
use crate::run::{Ended, run, run_with_input};
use crate::stage::Stage;

/// An issuer that answers discovery and publishes one key.
pub(crate) struct Issuer {
    pub(crate) url: String,
    pub(crate) key: SigningKey,
}

impl Issuer {
    pub(crate) fn start() -> Self {
        Self::start_on("127.0.0.1", "")
    }

    /// Under a name that does not lead to its URL.
    pub(crate) fn start_named(name: &str) -> Self {
        Self::start_as("127.0.0.1", Some(name), "")
    }

    /// On this address; its metadata promise revocations at this path of its own, if it is not empty.
    fn start_on(host: &str, revocations: &str) -> Self {
        Self::start_as(host, None, revocations)
    }

    fn start_as(host: &str, name: Option<&str>, revocations: &str) -> Self {
        let listener = TcpListener::bind((host, 0)).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let key = SigningKey::generate(Algorithm::ES256).expect("a key");
        let keys = KeySet::new([key.verifying_key()]).expect("a set").to_json();
        let name = name.unwrap_or(&url);
        let mut metadata =
            serde_json::json!({ "issuer": name, "jwks_uri": format!("{name}/keys") });
        if !revocations.is_empty() {
            let endpoint = format!("{url}{revocations}");
            metadata["countersign_revocations_endpoint"] = endpoint.into();
        }
        let metadata = metadata.to_string();
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let mut lines = BufReader::new(stream.try_clone().expect("a handle")).lines();
                let request = lines.next().expect("a request").expect("text");
                let _ = lines.find(|line| line.as_ref().is_ok_and(String::is_empty));
                let (status, body) = match request.split(' ').nth(1) {
                    Some("/.well-known/openid-configuration") => ("200 OK", metadata.as_str()),
                    Some("/keys") => ("200 OK", keys.as_str()),
                    _ => ("404 Not Found", ""),
                };
                write!(
                    stream,
                    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
                     connection: close\r\n\r\n{body}",
                    body.len()
                )
                .expect("the answer is sent");
            }
        });
        Self { url, key }
    }

    fn token(&self, folder: &Folder, more: &[&str]) -> String {
        let private = folder.file("issuer.json", self.key.to_jwk().to_json().expose());
        let sign = ["jwt", "sign", "--key", &private, "--iss", &self.url];
        run(&[&sign, more].concat()).done().trim_end().to_owned()
    }
}

fn verify(issuer: &str, token: &str) -> Ended {
    run(&[
        "jwt",
        "verify",
        "--issuer",
        issuer,
        "--audience",
        "api",
        token,
    ])
}

#[test]
fn an_issuers_published_keys_are_found() {
    let (folder, issuer) = (Folder::new(), Issuer::start());
    let good = issuer.token(&folder, &["--aud", "api", "--sub", "ada"]);
    assert!(
        verify(&issuer.url, &good)
            .done()
            .contains(r#""sub": "ada""#)
    );

    verify(&issuer.url, &issuer.token(&folder, &["--aud", "shop"])).refused("wrong_audience");
    let expired = issuer.token(&folder, &["--aud", "api", "--exp", "-1s"]);
    verify(&issuer.url, &expired).refused("expired");
    let (stranger, _) = folder.jwks(Algorithm::ES256);
    let forged = run(&[
        "jwt",
        "sign",
        "--key",
        &stranger,
        "--iss",
        &issuer.url,
        "--aud",
        "api",
    ]);
    verify(&issuer.url, forged.done().trim_end()).refused("unknown_key");
}

#[test]
fn an_issuer_that_says_it_is_another_is_not_believed() {
    let (folder, issuer) = (Folder::new(), Issuer::start());
    let token = issuer.token(&folder, &["--aud", "api"]);
    let ended = verify(&format!("{}/", issuer.url), &token);
    assert_eq!((ended.code, ended.data.as_str()), (1, ""), "{ended:?}");
    assert!(ended.words.contains("to the last character"), "{ended:?}");
}

#[test]
fn an_issuer_that_cannot_be_asked_is_a_failure_and_no_verdict() {
    let (folder, issuer) = (Folder::new(), Issuer::start());
    let token = issuer.token(&folder, &["--aud", "api"]);
    for (url, told) in [
        ("http://127.0.0.1:9", "Connection refused"),
        ("http://id.example", "plain HTTP"),
    ] {
        let ended = verify(url, &token);
        assert_eq!((ended.code, ended.data.as_str()), (1, ""), "{ended:?}");
        assert!(ended.words.contains(told), "{told}: {ended:?}");
    }
}

#[test]
fn a_key_that_was_given_is_used_and_nobody_is_asked() {
    let (folder, issuer) = (Folder::new(), Issuer::start());
    let token = issuer.token(&folder, &["--aud", "api"]);
    let other = folder.jwks(Algorithm::ES256).1;
    let arguments = [
        "--issuer",
        &issuer.url,
        "--audience",
        "api",
        "--key",
        &other,
        &token,
    ];
    run(&[&["jwt", "verify"], &arguments[..]].concat()).refused("bad_signature");
}

#[test]
fn what_the_issuer_took_back_is_not_verified() {
    let stage = Stage::set();
    stage.login("ada", &[]).done();
    let token = stage.run(&["token"]).done();
    verify(stage.server(), token.trim()).done();
    stage.end_sessions();
    verify(stage.server(), token.trim()).refused("revoked");
}

#[test]
fn revocations_that_cannot_be_had_are_told() {
    let (folder, issuer) = (Folder::new(), Issuer::start_on("127.0.0.1", "/nowhere"));
    let token = issuer.token(&folder, &["--aud", "api"]);
    let ended = verify(&issuer.url, &token);
    assert_eq!(ended.code, 0, "{ended:?}");
    for told in ["whether it was taken back is not known", "404"] {
        assert!(ended.words.contains(told), "{told}: {ended:?}");
    }
}

#[test]
fn a_claim_that_a_guard_would_find_twice_is_explained() {
    let issuer = Issuer::start();
    let claims = json!({
        "iss": issuer.url, "aud": "api", "sub": "u-1", "exp": UnixTime::now().as_secs() + 600,
        "realm_access": { "roles": ["clerk"] }, "realm_access.roles": ["admin"],
    });
    let token = issuer.key.sign(&claims).expect("a token");
    let explain = |more: &[&str]| {
        let asked = ["--issuer", &issuer.url, "--audience", "api", &token];
        run(&[ASKING[1], more, &asked[..]].concat())
    };
    explain(&[]).done();
    explain(&["--scope-claim", "realm_access"]).done();
    for option in ["--roles-claim", "--scope-claim"] {
        let ended = explain(&[option, "realm_access.roles"]);
        assert_eq!(ended.code, 3, "{ended:?}");
        assert!(ended.words.contains("(bad_claim)"), "{ended:?}");
        let told = "two things that 'realm_access.roles' can mean";
        // It is wrapped.
        let said: Vec<_> = ended.data.split_whitespace().collect();
        assert!(said.join(" ").contains(told), "{ended:?}");
    }
}

/// Both commands that ask an issuer.
const ASKING: [&[&str]; 2] = [
    &["jwt", "verify"],
    &["jwt", "explain", "--claims", "any", "--typ", "any"],
];

#[test]
fn an_issuer_whose_authority_is_ones_own_is_asked_all_the_same() {
    let stage = Stage::with_tls(SIGNED, SIGNED_KEY);
    fs::write(stage.folder().join("authority.pem"), AUTHORITY).expect("a file");
    let cacert = ["--cacert", "authority.pem"];
    stage.login("ada", &cacert).done();
    let token = stage.run(&["token"]).done();
    for command in ASKING {
        let ask = [command, &["--issuer", stage.server(), "--audience", "api"]].concat();
        let with = |more: &[&str]| stage.run(&[&ask[..], more, &[token.trim()]].concat());
        // What it says to do is what it takes.
        let unknown = with(&[]);
        assert_eq!(unknown.code, 1, "{unknown:?}");
        assert!(unknown.words.contains("--cacert FILE"), "{unknown:?}");
        let log = "rustls_platform_verifier";
        assert!(!unknown.words.contains(log), "twice: {unknown:?}");
        with(&cacert).done();
        let mut by_variable = stage.command(&[&ask[..], &[token.trim()]].concat());
        by_variable.env("COUNTERSIGN_CACERT", "authority.pem");
        run_with_input(&mut by_variable, "").done();
        for (file, told) in [
            ("key.pem", "key.pem: there is no certificate (PEM)"),
            ("missing.pem", "missing.pem: "),
        ] {
            let ended = with(&["--cacert", file]);
            assert_eq!(ended.code, 2, "{ended:?}");
            assert!(ended.words.contains(told), "{ended:?}");
        }
    }
}

#[test]
fn an_issuer_that_is_reached_at_another_address_than_its_name() {
    let folder = Folder::new();
    for name in ["https://id.example", "my-app"] {
        let issuer = Issuer::start_named(name);
        let private = folder.file("issuer.json", issuer.key.to_jwk().to_json().expose());
        let sign = [
            "jwt", "sign", "--key", &private, "--iss", name, "--sub", "ada",
        ];
        let token = run(&[&sign[..], &["--aud", "api"]].concat()).done();
        for command in ASKING {
            let ask = |address: &str| {
                let typed = format!("{name}={address}");
                let asked = ["--issuer", &typed, "--audience", "api", token.trim()];
                run(&[command, &asked[..]].concat())
            };
            ask(&issuer.url).done();
            let half = ask("127.0.0.1:7800");
            if name.contains("://") {
                assert_eq!(half.code, 2, "{half:?}");
                let told = "a whole URL with http:// or https://";
                assert!(half.words.contains(told), "{half:?}");
            } else {
                assert_ne!(half.code, 0, "{half:?}");
            }
        }
    }
}

#[test]
fn plain_http_to_another_machine_is_spoken_only_if_that_is_said() {
    // This machine, by an address that is not known to be its own.
    let (folder, issuer) = (Folder::new(), Issuer::start_on("0.0.0.0", ""));
    let more = ["--aud", "api", "--sub", "ada", "--typ", "at+jwt"];
    let token = issuer.token(&folder, &more);
    for command in ASKING {
        let ask = |more: &[&str]| {
            let asked = ["--issuer", &issuer.url, "--audience", "api", &token];
            run(&[command, more, &asked[..]].concat())
        };
        let ended = ask(&[]);
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(ended.words.contains("plain HTTP"), "{ended:?}");
        ask(&["--insecure-http"]).done();
    }
}
