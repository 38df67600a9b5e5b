//! `/oauth/token`, `/oauth/introspect` and `/oauth/revoke`: what clients do, and every error that
//! RFC 6749 §5.2, 8707, 7009, 7662 and 7523 know, provoked.
//!
//! ```text
//! who      clients prove who they are, and who does not
//! form     what is no request at all
//! token    tokens in a client's own name, and more than it may have
//! users    users sign in through clients, which refresh
//! worth    introspection      taken_back   revocation
//! policy   clients that are changed, disabled, elsewhere
//! noticed  who is not believed is written down
//! ```

mod form;
mod noticed;
mod policy;
mod taken_back;
mod token;
mod users;
mod who;
mod worth;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign::{Jwk, SigningKey, UnixTime};
use countersign_issuer::client::{ClientKeys, ClientTerms};
use countersign_issuer::{Client, GrantType};
use countersign_server::store::UserChange;
use countersign_server::{Administrator, NewClient, Proof, Registry, Rights};

use super::*;

pub(super) fn form_to(running: &Running, path: &str, body: &str) -> RequestBuilder {
    running
        .request(Method::POST, path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.to_owned())
}

pub(super) fn basic(client_id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{client_id}:{secret}")))
}

/// A server with clients of every kind, and Ada, who may read and write.
pub(super) struct Stage {
    pub(super) running: Running,
    registry: Registry,
    secret: String,
    orders_secret: String,
    key: SigningKey,
}

impl Stage {
    pub(super) async fn new() -> Self {
        Self::with(|config| config).await
    }

    pub(super) async fn with(adjust: impl FnOnce(Config) -> Config) -> Self {
        let running = start_with(adjust).await;
        let registry = running.server.registry();
        let key = SigningKey::generate(Algorithm::ES256).expect("a key");
        let public = key.verifying_key().to_jwk().to_public_json();
        let keys = ClientKeys::from_json(&public.expect("public")).expect("keys");
        let both = Some(GrantType::ALL.to_vec());
        let new = |client_id: &str, proof| NewClient {
            client_id: client_id.to_owned(),
            name: String::new(),
            proof,
            grant_types: None,
            scope: "read write export".to_owned(),
            audiences: Vec::new(),
            serves: Vec::new(),
            roles: vec!["auditor".to_owned()],
            terms: ClientTerms::default(),
        };
        let shop = NewClient {
            grant_types: both,
            audiences: vec!["api".to_owned(), "https://shop.example".to_owned()],
            terms: ClientTerms {
                session_idle: Some(Duration::from_secs(120)),
                session_absolute: Some(Duration::from_secs(3_600)),
                access_life: Some(Duration::from_secs(60)),
                algorithm: None,
            },
            ..new("shop", Proof::Secret)
        };
        let orders = NewClient {
            serves: vec!["api".to_owned()],
            ..new("orders", Proof::Secret)
        };
        let (_, secret) = registry.add(shop).await.expect("a client");
        let (_, orders_secret) = registry.add(orders).await.expect("a client");
        for (id, proof) in [("signer", Proof::Keys(keys)), ("page", Proof::None)] {
            registry.add(new(id, proof)).await.expect("a client");
        }
        let [secret, orders_secret] =
            [secret, orders_secret].map(|it| it.expect("a secret").expose().to_owned());
        note(Kind::ClientSecret, &secret);
        note(Kind::ClientSecret, &orders_secret);
        let change = UserChange {
            scope: Some("read write".to_owned()),
            ..UserChange::default()
        };
        let directory = running.server.directory();
        directory.change("ada", change).await.expect("ada");
        Self {
            running,
            registry,
            secret,
            orders_secret,
            key,
        }
    }

    pub(super) fn shop(&self) -> String {
        basic("shop", &self.secret)
    }

    pub(super) fn orders(&self) -> String {
        basic("orders", &self.orders_secret)
    }

    pub(super) async fn post(
        &self,
        path: &str,
        body: &str,
        authorization: Option<&str>,
    ) -> Response {
        let request = form_to(&self.running, path, body);
        let request = match authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        };
        request.send().await.expect("an answer")
    }

    async fn answer(&self, path: &str, body: &str, authorization: Option<&str>) -> Value {
        let answer = self.post(path, body, authorization).await;
        assert_eq!(answer.status(), StatusCode::OK, "{body}");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert_eq!(answer.headers()["pragma"], "no-cache");
        answer.json().await.expect("JSON")
    }

    async fn token(&self, body: &str) -> Value {
        self.answer("/oauth/token", body, Some(&self.shop())).await
    }

    /// The reason for a refusal with this status and error.
    async fn refused(
        &self,
        path: &str,
        body: &str,
        authorization: Option<&str>,
        (status, error): (u16, &str),
    ) -> String {
        let answer = self.post(path, body, authorization).await;
        let status = StatusCode::from_u16(status).expect("a status");
        assert_challenged(&answer, authorization.is_some());
        oauth_refused(answer, status, error, body).await
    }

    /// Ada signs in through a client.
    pub(super) async fn sign_in(
        &self,
        client_id: &str,
        authorization: Option<&str>,
        more: Value,
    ) -> Response {
        let mut body = json!({"username": "ada", "password": PASSWORD, "client_id": client_id});
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        let request = self.running.request(Method::POST, "/login").json(&body);
        let request = match authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        };
        request.send().await.expect("an answer")
    }

    pub(super) async fn ada_at_the_shop(&self) -> Value {
        let answer = self.sign_in("shop", Some(&self.shop()), json!({})).await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.expect("JSON")
    }

    fn assertion(&self, change: impl FnOnce(&mut Value)) -> String {
        let now = UnixTime::now().as_secs();
        let id: [u8; 16] = countersign::crypto::random().expect("random");
        let mut claims = json!({
            "iss": "signer", "sub": "signer", "aud": self.running.server.issuer(),
            "jti": STANDARD.encode(id), "iat": now, "exp": now + 60,
        });
        change(&mut claims);
        self.key.sign(&claims).expect("an assertion")
    }
}

async fn oauth_refused(answer: Response, status: StatusCode, error: &str, what: &str) -> String {
    assert_eq!(answer.status(), status, "{what}");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let body: Value = answer.json().await.expect("JSON");
    assert_eq!(body["error"], error, "{what}: {body}");
    body["reason"].as_str().unwrap_or_default().to_owned()
}

/// RFC 6749 §5.2: whoever used the header and is not believed is told which scheme it takes. Nobody
/// else is, lest a browser asks its user for a password.
fn assert_challenged(answer: &Response, by_header: bool) {
    let expected = by_header && answer.status() == StatusCode::UNAUTHORIZED;
    let challenge = answer.headers().get("www-authenticate");
    let challenge = challenge.map(|value| value.to_str().expect("text"));
    assert_eq!(challenge.is_some(), expected, "{challenge:?}");
    let basic = |challenge: &str| challenge.starts_with("Basic realm=");
    assert!(challenge.is_none_or(basic), "{challenge:?}");
}

fn claims(answer: &Value) -> Value {
    let token = answer["access_token"].as_str().expect("a token");
    Unverified::parse(token)
        .expect("a JWT")
        .claims_json()
        .clone()
}

fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer[name].as_str().unwrap_or_else(|| panic!("{name}"))
}

const TOKEN: &str = "/oauth/token";
const INTROSPECT: &str = "/oauth/introspect";
const REVOKE: &str = "/oauth/revoke";
const CREDENTIALS: &str = "grant_type=client_credentials";
const INVALID_REQUEST: (u16, &str) = (400, "invalid_request");
const INVALID_CLIENT: (u16, &str) = (401, "invalid_client");

fn with_assertion(assertion: &str) -> String {
    format!(
        "{CREDENTIALS}&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A\
         client-assertion-type%3Ajwt-bearer&client_assertion={assertion}"
    )
}
