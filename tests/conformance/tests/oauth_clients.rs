//! Unmodified OAuth clients against the real server: oauth4webapi and openid-client (JavaScript),
//! Authlib (Python) and oauth2 (Rust) find it by its metadata, have tokens, refresh, introspect and revoke them, and
//! verify them by their own means.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use std::path::{Path, PathBuf};
use std::process::Command;

use countersign::{Algorithm, SigningKey};
use countersign_conformance::request::answer;
use countersign_conformance::{Server, foreign};
use countersign_wire::paths;
use countersign_witness::Keep;
use reqwest::Method;
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse battery staple";
const AUDIENCE: &str = "https://api.example";

/// A server with a service, a signer and a page, and Ada, who signs in through the first and last.
struct Stage {
    server: Server,
    secret: String,
    key: SigningKey,
}

impl Stage {
    async fn new() -> Self {
        Self::with(Server::with(["--audience", AUDIENCE])).await
    }

    async fn with(mut server: Server) -> Self {
        server
            .command([
                "user",
                "add",
                "ada",
                "--scope",
                "read",
                "--scope",
                "write",
                "--password-stdin",
            ])
            .input(format!("{PASSWORD}\n"))
            .succeed();
        let key = SigningKey::generate(Algorithm::ES256).expect("a key");
        let public = key.verifying_key().to_jwk().to_public_json();
        let file = server.folder().join("signer.jwks");
        std::fs::write(&file, public.expect("a public key")).expect("a file");
        let add = |id: &str, more: &[&str]| {
            let add = ["client", "add", id, "--scope", "read", "--scope", "write"];
            let arguments = add.into_iter().chain(more.iter().copied());
            server.command(arguments).succeed()
        };
        let grants = ["--grant", "client_credentials", "--grant", "refresh_token"];
        let secret = add("service", &grants).trim().to_owned();
        add("signer", &["--jwks", &file.to_string_lossy()]);
        add("page", &["--public"]);
        server.start().await;
        Self {
            server,
            secret,
            key,
        }
    }

    /// A refresh token of Ada's for this client.
    async fn refresh_token(&self, client_id: &str, secret: Option<&str>) -> String {
        let body = json!({ "username": "ada", "password": PASSWORD, "client_id": client_id });
        let http = self.server.http();
        let mut request = http.request(Method::POST, paths::LOGIN).json(&body);
        if let Some(secret) = secret {
            request = request.basic_auth(client_id, Some(secret));
        }
        let answer = answer(request).await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.field("refresh_token").clone()
    }

    async fn settings(&self) -> Value {
        let secret = Some(self.secret.as_str());
        let key: Value = serde_json::from_str(self.key.to_jwk().to_json().expose()).expect("JSON");
        json!({
            "issuer": self.server.url(),
            "audience": AUDIENCE,
            "certificate": self.server.certificate(),
            "service": { "id": "service", "secret": self.secret },
            "signer": "signer",
            "signer_key": key,
            "refresh_token": self.refresh_token("service", secret).await,
            "other_refresh_token": self.refresh_token("service", secret).await,
            "page": { "id": "page", "refresh_token": self.refresh_token("page", None).await },
        })
    }
}

fn ask(program: &mut Command, settings: &Value) -> Value {
    let output = program
        .run_with(settings.to_string().as_bytes())
        .expect("`cargo xtask test foreign` installs what is needed");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {words}", output.status);
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

#[tokio::test]
async fn oauth4webapi_and_openid_client_do_everything_unmodified() {
    let stage = Stage::new().await;
    // Beside the packages, where node looks for them.
    let script = foreign::node_packages().join("oauth_clients.mjs");
    std::fs::copy(source("node/oauth_clients.mjs"), &script).expect("a copy of the script");
    let result = ask(Command::new("node").arg(&script), &stage.settings().await);
    let expected = json!({
        "scope": "read",
        "ways": ["basic", "post", "signed"],
        "page": "bearer",
        "verified": "service",
        "before": [true, "ada"],
        "after": [false, false],
        "refusal": [401, "basic"],
    });
    assert_eq!(result["oauth4webapi"], expected);
    let expected = json!({
        "oidc": { "sub": "service", "before": true, "after": false },
        "oauth2": { "sub": "signer", "before": true, "after": false },
        "refreshed": "read",
        "refusal": [400, "invalid_scope"],
    });
    assert_eq!(result["openid"], expected);
}

#[tokio::test]
async fn authlib_does_everything_unmodified() {
    let stage = Stage::new().await;
    let script = source("python/oauth_client.py");
    let program = &mut Command::new(foreign::python());
    let result = ask(program.arg(script), &stage.settings().await);
    let expected = json!({
        "client_secret_basic": ["service", "read"],
        "client_secret_post": ["service", "read"],
        "private_key_jwt": "signer",
        "refreshed": [true, "ada", false],
        "refusal": "invalid_scope",
    });
    assert_eq!(result, expected);
}

#[tokio::test]
async fn the_crate_oauth2_does_everything_unmodified() {
    // It takes tokens back over TLS only.
    let stage = Stage::with(Server::over_tls(["--audience", AUDIENCE])).await;
    let program = &mut Command::new(foreign::rust_client());
    let result = ask(program, &stage.settings().await);
    let expected = json!({
        "ways": ["read", "read"],
        "verified": "service",
        "before": [true, "ada"],
        "after": [false, false],
        "refusals": ["invalid_scope", "invalid_client"],
    });
    assert_eq!(result, expected);
}
