//! `/oauth/token`, `/oauth/introspect` and `/oauth/revoke`: what clients do, and every error that
//! RFC 6749 §5.2, 7009, 7662 and 7523 know, provoked.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign::{Jwk, SigningKey, UnixTime};
use countersign_issuer::client::{ClientKeys, ClientTerms};
use countersign_issuer::{Client, GrantType};
use countersign_server::store::UserChange;
use countersign_server::{NewClient, Proof, Registry, Rights};

use super::*;

pub(super) fn form(running: &Running, path: &str, body: &str) -> RequestBuilder {
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
        let request = form(&self.running, path, body);
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
    if status == StatusCode::UNAUTHORIZED {
        let challenge = answer.headers()["www-authenticate"].to_str().expect("text");
        assert!(challenge.starts_with("Basic realm="), "{challenge}");
    }
    let body: Value = answer.json().await.expect("JSON");
    assert_eq!(body["error"], error, "{what}: {body}");
    body["reason"].as_str().unwrap_or_default().to_owned()
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

#[tokio::test]
async fn a_client_has_tokens_in_its_own_name() {
    let stage = Stage::new().await;
    let answer = stage.token(CREDENTIALS).await;
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["scope"], "read write export");
    assert_eq!(answer["refresh_token"], Value::Null);
    let life = answer["expires_in"].as_u64().expect("a number");
    assert!((57..=60).contains(&life), "its own life, jittered: {life}");
    let claims = claims(&answer);
    assert_eq!(
        (&claims["sub"], &claims["client_id"]),
        (&json!("shop"), &json!("shop"))
    );
    assert_eq!(claims["aud"], "api");
    assert_eq!(claims["roles"], json!(["auditor"]));
    assert_eq!(claims["sid"], Value::Null);

    let asked = format!("{CREDENTIALS}&scope=export+read&resource=https%3A%2F%2Fshop.example");
    let narrow = stage.token(&asked).await;
    assert_eq!(narrow["scope"], "export read");
    let aud = self::claims(&narrow)["aud"].clone();
    assert_eq!(aud, "https://shop.example");
    let asked = format!("{CREDENTIALS}&audience=https%3A%2F%2Fshop.example&scope=");
    let by_audience = stage.token(&asked).await;
    assert_eq!(self::claims(&by_audience)["aud"], "https://shop.example");
}

#[tokio::test]
async fn a_client_proves_itself_in_each_way_there_is() {
    let stage = Stage::new().await;
    let posted = format!(
        "{CREDENTIALS}&client_id=shop&client_secret={}",
        stage.secret
    );
    stage.answer(TOKEN, &posted, None).await;
    // RFC 6749 §2.3.1: both halves may be encoded as in a form, and beside it the id may stand.
    let encoded = basic("%73hop", &stage.secret.replace('_', "%5F"));
    let asked = format!("{CREDENTIALS}&client_id=shop");
    stage.answer(TOKEN, &asked, Some(&encoded)).await;

    let endpoint = format!("{}{TOKEN}", stage.running.server.issuer());
    for audience in [stage.running.server.issuer().to_owned(), endpoint] {
        let assertion = stage.assertion(|claims| claims["aud"] = json!(audience));
        let answer = stage.answer(TOKEN, &with_assertion(&assertion), None).await;
        assert_eq!(claims(&answer)["sub"], "signer");
    }
}

fn with_assertion(assertion: &str) -> String {
    format!(
        "{CREDENTIALS}&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A\
         client-assertion-type%3Ajwt-bearer&client_assertion={assertion}"
    )
}

#[tokio::test]
async fn an_assertion_is_good_once_and_only_as_rfc_7523_says() {
    let stage = Stage::new().await;
    let body = with_assertion(&stage.assertion(|_| {}));
    stage.answer(TOKEN, &body, None).await;
    for path in [TOKEN, INTROSPECT, REVOKE] {
        let body = format!("{body}&token=x");
        let reason = stage.refused(path, &body, None, INVALID_CLIENT).await;
        assert_eq!(reason, "assertion_used", "{path}");
    }
    let now = UnixTime::now().as_secs();
    let cases: [(&str, Value, &str); 9] = [
        ("aud", json!("https://other.example"), "wrong_audience"),
        (
            "aud",
            json!([stage.running.server.issuer(), "https://other.example"]),
            "assertion_audiences",
        ),
        ("exp", json!(now - 60), "expired"),
        ("exp", json!(now + 7_200), "assertion_too_long"),
        ("nbf", json!(now + 600), "not_yet_valid"),
        ("iss", json!("shop"), "wrong_issuer"),
        ("jti", json!(""), "assertion_id"),
        ("sub", json!("shop"), "invalid_client"),
        ("sub", json!("nobody"), "invalid_client"),
    ];
    for (name, value, expected) in cases {
        let assertion = stage.assertion(|claims| claims[name] = value.clone());
        let body = with_assertion(&assertion);
        let reason = stage.refused(TOKEN, &body, None, INVALID_CLIENT).await;
        assert_eq!(reason, expected, "{name}: {value}");
    }
    let another = SigningKey::generate(Algorithm::ES256).expect("a key");
    let claims = json!({
        "iss": "signer", "sub": "signer", "aud": stage.running.server.issuer(), "jti": "1",
        "exp": now + 60,
    });
    let forged = with_assertion(&another.sign(&claims).expect("a JWT"));
    stage.refused(TOKEN, &forged, None, INVALID_CLIENT).await;
    let kid = stage.key.key_id().expect("an id").to_owned();
    let forged = another.with_key_id(kid).sign(&claims).expect("a JWT");
    let reason = stage
        .refused(TOKEN, &with_assertion(&forged), None, INVALID_CLIENT)
        .await;
    assert_eq!(reason, "bad_signature");
    let shared = Jwk::from_json(
        r#"{"kty":"oct","alg":"HS256","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I"}"#,
    );
    let shared = SigningKey::from_jwk(&shared.expect("a JWK")).expect("a key");
    let confused = with_assertion(&shared.sign(&claims).expect("a JWT"));
    stage.refused(TOKEN, &confused, None, INVALID_CLIENT).await;

    let unknown_kind = body.replace("jwt-bearer", "saml2-bearer");
    stage
        .refused(TOKEN, &unknown_kind, None, INVALID_CLIENT)
        .await;
    let (without_kind, _) = body.split_once("&client_assertion_type").expect("the kind");
    let assertion = stage.assertion(|_| {});
    let without_kind = format!("{without_kind}&client_assertion={assertion}");
    let reason = stage
        .refused(TOKEN, &without_kind, None, INVALID_REQUEST)
        .await;
    assert_eq!(reason, "missing_parameter");
    let (without_assertion, _) = body.rsplit_once('&').expect("the assertion");
    let reason = stage
        .refused(TOKEN, without_assertion, None, INVALID_REQUEST)
        .await;
    assert_eq!(reason, "missing_parameter");
    let of_another = format!(
        "{}&client_id=shop",
        with_assertion(&stage.assertion(|_| {}))
    );
    stage
        .refused(TOKEN, &of_another, None, INVALID_CLIENT)
        .await;
}

#[tokio::test]
async fn whoever_does_not_prove_it_is_no_client() {
    let stage = Stage::new().await;
    let wrong = [
        basic("shop", "csc_wrong"),
        basic("shop", ""),
        basic("nobody", &stage.secret),
        basic("signer", &stage.secret),
        basic("page", ""),
        basic("first-party", ""),
        "Basic !!!".to_owned(),
        "Basic".to_owned(),
        format!("Bearer {}", stage.secret),
    ];
    for path in [TOKEN, INTROSPECT, REVOKE] {
        let body = format!("{CREDENTIALS}&token=x");
        for authorization in &wrong {
            let header = Some(authorization.as_str());
            stage.refused(path, &body, header, INVALID_CLIENT).await;
        }
        for nobody in [
            "",
            "&client_id=shop",
            "&client_id=signer",
            "&client_id=nobody",
        ] {
            let body = format!("{body}{nobody}");
            stage.refused(path, &body, None, INVALID_CLIENT).await;
        }
        let posted = format!("{body}&client_id=shop&client_secret=csc_wrong");
        stage.refused(path, &posted, None, INVALID_CLIENT).await;
    }
}

#[tokio::test]
async fn what_is_no_request_is_refused_before_anything_else() {
    let stage = Stage::new().await;
    let shop = stage.shop();
    let secret = format!("client_secret={}", stage.secret);
    let assertion = stage.assertion(|_| {});
    let cases = [
        (String::new(), "missing_parameter"),
        ("grant_type=".to_owned(), "missing_parameter"),
        (
            format!("{CREDENTIALS}&grant_type=refresh_token"),
            "repeated_parameter",
        ),
        (
            format!("{CREDENTIALS}&scope=a&scope=a"),
            "repeated_parameter",
        ),
        (format!("{CREDENTIALS}&x=1&x=1"), "repeated_parameter"),
        (format!("{CREDENTIALS}&%zz=1"), "bad_form"),
        (format!("{CREDENTIALS}&scope=%ff"), "bad_form"),
        ("grant_type=refresh_token".to_owned(), "missing_parameter"),
        (
            format!("{CREDENTIALS}&client_id=shop&{secret}"),
            "several_proofs",
        ),
        (format!("{CREDENTIALS}&client_id=orders"), "several_proofs"),
        (with_assertion(&assertion), "several_proofs"),
    ];
    for (body, expected) in cases {
        let reason = stage
            .refused(TOKEN, &body, Some(&shop), INVALID_REQUEST)
            .await;
        assert_eq!(reason, expected, "{body}");
    }
    let nameless = format!("{CREDENTIALS}&{secret}");
    let reason = stage.refused(TOKEN, &nameless, None, INVALID_REQUEST).await;
    assert_eq!(reason, "missing_parameter");
    let twice = form(&stage.running, TOKEN, CREDENTIALS)
        .header("authorization", &shop)
        .header("authorization", &shop);
    let answer = twice.send().await.expect("an answer");
    let reason = oauth_refused(answer, StatusCode::BAD_REQUEST, "invalid_request", "twice").await;
    assert_eq!(reason, "several_proofs");
    for path in [INTROSPECT, REVOKE] {
        for body in ["", "token=", "token_type_hint=access_token"] {
            let reason = stage
                .refused(path, body, Some(&shop), INVALID_REQUEST)
                .await;
            assert_eq!(reason, "missing_parameter", "{path}");
        }
    }
}

#[tokio::test]
async fn another_method_another_type_and_parameters_in_the_url_are_refused() {
    let stage = Stage::new().await;
    for path in [TOKEN, INTROSPECT, REVOKE] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let request = stage.running.request(method.clone(), path);
            let answer = request.send().await.expect("an answer");
            assert_eq!(answer.headers()["allow"], "POST", "{method}");
            refused(answer, StatusCode::METHOD_NOT_ALLOWED, "invalid_request").await;
        }
        let url = format!("{path}?{CREDENTIALS}");
        let reason = stage
            .refused(&url, CREDENTIALS, Some(&stage.shop()), INVALID_REQUEST)
            .await;
        assert_eq!(reason, "parameters_in_url");
        for kind in ["application/json", "text/plain", "multipart/form-data", ""] {
            let request = stage.running.request(Method::POST, path);
            let request = request.header("content-type", kind).body(CREDENTIALS);
            let request = request.header("authorization", stage.shop());
            let answer = request.send().await.expect("an answer");
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            let reason = oauth_refused(answer, status, "invalid_request", kind).await;
            assert_eq!(reason, "wrong_content_type");
        }
        let long = format!("{CREDENTIALS}&token={}", "a".repeat(20_000));
        let answer = stage.post(path, &long, Some(&stage.shop())).await;
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}

#[tokio::test]
async fn more_than_policy_grants_is_refused() {
    let stage = Stage::new().await;
    let shop = stage.shop();
    for scope in [
        "admin",
        "read+admin",
        "READ",
        "%22",
        "read%09write",
        "r%C3%A9ad",
    ] {
        let body = format!("{CREDENTIALS}&scope={scope}");
        let refusal = (400, "invalid_scope");
        stage.refused(TOKEN, &body, Some(&shop), refusal).await;
    }
    let other = "resource=https%3A%2F%2Fother.example";
    let both = "resource=api&resource=https%3A%2F%2Fshop.example";
    let differing = "resource=api&audience=https%3A%2F%2Fshop.example";
    for target in [other, both, differing, "audience=API"] {
        let body = format!("{CREDENTIALS}&{target}");
        let refusal = (400, "invalid_target");
        stage.refused(TOKEN, &body, Some(&shop), refusal).await;
    }
    for kind in [
        "password",
        "authorization_code",
        "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer",
        "CLIENT_CREDENTIALS",
    ] {
        let body = format!("grant_type={kind}");
        let refusal = (400, "unsupported_grant_type");
        stage.refused(TOKEN, &body, Some(&shop), refusal).await;
    }
    let unauthorized = (400, "unauthorized_client");
    let as_page = format!("{CREDENTIALS}&client_id=page");
    stage.refused(TOKEN, &as_page, None, unauthorized).await;
    // `orders` serves an audience, and was made for nothing else.
    let header = Some(stage.orders());
    let header = header.as_deref();
    stage
        .refused(TOKEN, CREDENTIALS, header, unauthorized)
        .await;
    let refresh = "grant_type=refresh_token&refresh_token=x";
    stage.refused(TOKEN, refresh, header, unauthorized).await;
}

#[tokio::test]
async fn a_user_signs_in_through_a_client_and_the_client_refreshes() {
    let stage = Stage::new().await;
    let first = stage.ada_at_the_shop().await;
    assert_eq!(first["scope"], "read write", "what both may have");
    assert_eq!(
        first["refresh_expires_in"], 120,
        "the client's own idle life"
    );
    let claims = claims(&first);
    assert_eq!(claims["client_id"], "shop");
    assert_eq!(claims["roles"], Value::Null, "no role but those of both");

    let refresh = |token: &str| format!("grant_type=refresh_token&refresh_token={token}");
    let second = stage.token(&refresh(text(&first, "refresh_token"))).await;
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(self::claims(&second)["sid"], claims["sid"]);
    let life = second["expires_in"].as_u64().expect("a number");
    assert!((57..=60).contains(&life), "{life}");
    let again = stage.token(&refresh(text(&first, "refresh_token"))).await;
    assert_eq!(
        again["refresh_token"], second["refresh_token"],
        "one successor"
    );

    // Nobody else can use it, and the session lives on.
    let current = refresh(text(&second, "refresh_token"));
    let grant = (400, "invalid_grant");
    let as_page = format!("{current}&client_id=page");
    let reason = stage.refused(TOKEN, &as_page, None, grant).await;
    assert_eq!(reason, "wrong_client");
    let first_party = stage.running.refresh(text(&second, "refresh_token")).await;
    let reason = refused(first_party, StatusCode::BAD_REQUEST, "invalid_grant").await;
    assert_eq!(reason, "wrong_client");
    let own = stage.running.signed_in().await;
    let shop = stage.shop();
    let reason = stage
        .refused(TOKEN, &refresh(&own.refresh), Some(&shop), grant)
        .await;
    assert_eq!(reason, "wrong_client");
    for junk in ["x", "csr_AAAA", "csc_x"] {
        let reason = stage
            .refused(TOKEN, &refresh(junk), Some(&shop), grant)
            .await;
        assert_eq!(reason, "unknown_refresh_token");
    }
    stage.token(&current).await;
}

#[tokio::test]
async fn a_refresh_may_ask_for_less_and_asking_for_more_costs_nothing() {
    let stage = Stage::new().await;
    let shop = stage.shop();
    let first = stage.ada_at_the_shop().await;
    let refresh = format!(
        "grant_type=refresh_token&refresh_token={}",
        text(&first, "refresh_token")
    );
    let too_much = format!("{refresh}&scope=read+export");
    let reason = stage
        .refused(TOKEN, &too_much, Some(&shop), (400, "invalid_scope"))
        .await;
    assert_eq!(reason, "wrong_scope");
    let elsewhere = format!("{refresh}&resource=https%3A%2F%2Fshop.example");
    stage
        .refused(TOKEN, &elsewhere, Some(&shop), (400, "invalid_target"))
        .await;
    let less = stage
        .token(&format!("{refresh}&scope=read&resource=api"))
        .await;
    assert_eq!(less["scope"], "read");
    assert_eq!(claims(&less)["scope"], "read");
    let refresh = format!(
        "grant_type=refresh_token&refresh_token={}",
        text(&less, "refresh_token")
    );
    let all = stage.token(&refresh).await;
    assert_eq!(
        all["scope"], "read write",
        "the session has what it was granted"
    );

    let shown = format!("token={}", text(&all, "refresh_token"));
    let shown = stage.answer(INTROSPECT, &shown, Some(&shop)).await;
    assert_eq!(shown["active"], true);
    let sid = text(&shown, "sid").to_owned();
    assert_eq!(
        claims(&first)["sid"],
        sid,
        "refused twice, it is the same session"
    );
}

#[tokio::test]
async fn a_sign_in_through_a_client_is_for_those_who_are_it() {
    let stage = Stage::new().await;
    let shop = stage.shop();
    for (client_id, header) in [
        ("shop", None),
        ("signer", None),
        ("nobody", None),
        ("shop", Some(basic("shop", "csc_wrong"))),
    ] {
        let answer = stage.sign_in(client_id, header.as_deref(), json!({})).await;
        oauth_refused(
            answer,
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            client_id,
        )
        .await;
    }
    let answer = stage.sign_in("page", Some(&shop), json!({})).await;
    oauth_refused(
        answer,
        StatusCode::BAD_REQUEST,
        "invalid_request",
        "two ids",
    )
    .await;
    // Programs that attach their last access token to everything say nothing of a client by it.
    for header in ["Bearer of.old.times", "bearer"] {
        let answer = stage.sign_in("page", Some(header), json!({})).await;
        assert_eq!(answer.status(), StatusCode::OK, "{header}");
    }
    let answer = stage.sign_in("page", Some("Basic"), json!({})).await;
    let unauthorized = StatusCode::UNAUTHORIZED;
    oauth_refused(answer, unauthorized, "invalid_client", "half a header").await;
    let page = stage.sign_in("page", None, json!({})).await;
    assert_eq!(page.status(), StatusCode::OK);
    let page: Value = page.json().await.expect("JSON");
    let body = format!(
        "grant_type=refresh_token&client_id=page&refresh_token={}",
        text(&page, "refresh_token")
    );
    stage.answer(TOKEN, &body, None).await;

    for (more, error) in [
        (json!({"scope": "export"}), "invalid_scope"),
        (
            json!({"audience": "https://other.example"}),
            "invalid_target",
        ),
        (json!({"cookie": true}), "access_denied"),
    ] {
        let answer = stage.sign_in("shop", Some(&shop), more.clone()).await;
        assert!(answer.status().is_client_error(), "{more}");
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!(body["error"], error, "{more}");
    }
    let some = json!({"scope": "write", "audience": "https://shop.example"});
    let answer = stage.sign_in("shop", Some(&shop), some).await;
    let answer: Value = answer.json().await.expect("JSON");
    assert_eq!(claims(&answer)["scope"], "write");
    assert_eq!(claims(&answer)["aud"], "https://shop.example");
    let service = stage
        .sign_in("orders", Some(&stage.orders()), json!({}))
        .await;
    oauth_refused(
        service,
        StatusCode::BAD_REQUEST,
        "unauthorized_client",
        "orders",
    )
    .await;
}

#[tokio::test]
async fn the_servers_own_sign_in_grants_the_scope_a_user_has() {
    let stage = Stage::new().await;
    let own = stage.running.login("ada", PASSWORD).await;
    let own: Value = own.json().await.expect("JSON");
    assert_eq!(own["scope"], "read write");
    let asked = json!({"username": "ada", "password": PASSWORD, "scope": "write"});
    let some = stage.running.post("/login", &asked).await;
    let some: Value = some.json().await.expect("JSON");
    assert_eq!(
        (&some["scope"], &claims(&some)["scope"]),
        (&json!("write"), &json!("write"))
    );
    let asked = json!({"username": "ada", "password": "wrong", "scope": "admin"});
    let wrong = stage.running.post("/login", &asked).await;
    refused(wrong, StatusCode::UNAUTHORIZED, "invalid_credentials").await;

    let bob = Rights {
        scope: "read".to_owned(),
        ..Rights::default()
    };
    let password = Password::new(PASSWORD).expect("a password");
    let directory = stage.running.server.directory();
    directory.add("bob", password, bob).await.expect("bob");
    let asked = json!({"username": "bob", "password": PASSWORD, "scope": "write"});
    let more = stage.running.post("/login", &asked).await;
    refused(more, StatusCode::BAD_REQUEST, "invalid_scope").await;
}

#[tokio::test]
async fn what_a_token_is_worth_is_said_to_those_it_concerns() {
    let stage = Stage::new().await;
    let (shop, orders) = (stage.shop(), stage.orders());
    let ada = stage.ada_at_the_shop().await;
    let ask = async |token: &str, who: &str| {
        let body = format!("token={token}&token_type_hint=nonsense");
        stage.answer(INTROSPECT, &body, Some(who)).await
    };
    let access = text(&ada, "access_token");
    for who in [&shop, &orders] {
        let told = ask(access, who).await;
        assert_eq!(told["active"], true);
        assert_eq!(
            (&told["username"], &told["client_id"]),
            (&json!("ada"), &json!("shop"))
        );
        assert_eq!(
            (&told["scope"], &told["aud"]),
            (&json!("read write"), &json!(["api"]))
        );
        assert_eq!(
            (&told["token_type"], &told["token_use"]),
            (&json!("Bearer"), &json!("access_token"))
        );
        for name in ["sub", "iss", "exp", "iat", "nbf", "jti", "sid"] {
            assert_eq!(told[name], claims(&ada)[name], "{name}");
        }
    }
    let refresh = text(&ada, "refresh_token");
    let told = ask(refresh, &shop).await;
    assert_eq!(
        (&told["active"], &told["token_use"]),
        (&json!(true), &json!("refresh_token"))
    );
    assert_eq!(told["token_type"], Value::Null, "it is sent to no API");

    let nothing = json!({"active": false});
    assert_eq!(ask(refresh, &orders).await, nothing, "another's");
    let elsewhere = format!("{CREDENTIALS}&resource=https%3A%2F%2Fshop.example");
    let elsewhere = stage.token(&elsewhere).await;
    let elsewhere = text(&elsewhere, "access_token");
    assert_eq!(ask(elsewhere, &orders).await, nothing, "for another API");
    assert_eq!(ask(elsewhere, &shop).await["active"], true);
    let altered = format!("{access}A");
    for junk in ["x", "a.b.c", "csr_AAAA", &altered, &stage.secret] {
        assert_eq!(ask(junk, &shop).await, nothing, "{junk}");
    }
    let own = stage.running.signed_in().await;
    assert_eq!(ask(&own.refresh, &shop).await, nothing, "the server's own");

    stage
        .running
        .post("/logout", &json!({"refresh_token": refresh}))
        .await;
    for token in [access, refresh] {
        assert_eq!(ask(token, &shop).await, nothing, "over");
    }
    let as_page = format!("token={access}&client_id=page");
    stage
        .refused(INTROSPECT, &as_page, None, INVALID_CLIENT)
        .await;
}

#[tokio::test]
async fn looking_at_an_old_refresh_token_changes_nothing() {
    let stage = Stage::new().await;
    let shop = stage.shop();
    let first = stage.ada_at_the_shop().await;
    let refresh = |pair: &Value| {
        format!(
            "grant_type=refresh_token&refresh_token={}",
            text(pair, "refresh_token")
        )
    };
    let second = stage.token(&refresh(&first)).await;
    let old = format!("token={}", text(&first, "refresh_token"));
    let told = stage.answer(INTROSPECT, &old, Some(&shop)).await;
    assert_eq!(
        told["active"], true,
        "inside the grace it still fetches its successor"
    );
    stage.token(&refresh(&second)).await;
}

#[tokio::test]
async fn a_client_takes_back_what_is_its_own() {
    let stage = Stage::new().await;
    let (shop, orders) = (stage.shop(), stage.orders());
    let revoke = async |token: &str, who: &str| {
        let body = format!("token={token}&token_type_hint=refresh_token");
        stage.post(REVOKE, &body, Some(who)).await
    };
    for nothing in ["x", "a.b.c", "csr_AAAA"] {
        let answer = revoke(nothing, &shop).await;
        assert_eq!(answer.status(), StatusCode::OK, "{nothing}");
    }
    let service = stage.token(CREDENTIALS).await;
    let service = text(&service, "access_token");
    let ask = async |token: &str| {
        let body = format!("token={token}");
        stage.answer(INTROSPECT, &body, Some(&shop)).await["active"].clone()
    };
    let grant = "invalid_grant";
    let answer = revoke(service, &orders).await;
    oauth_refused(answer, StatusCode::BAD_REQUEST, grant, "another's").await;
    assert_eq!(ask(service).await, true);
    assert_eq!(revoke(service, &shop).await.status(), StatusCode::OK);
    assert_eq!(ask(service).await, false);
    assert_eq!(
        revoke(service, &shop).await.status(),
        StatusCode::OK,
        "once more"
    );
    let jti = Unverified::parse(service).expect("a JWT").claims_json()["jti"].clone();
    let news = stage
        .running
        .request(Method::GET, "/revocations")
        .send()
        .await;
    let news: Value = news.expect("an answer").json().await.expect("JSON");
    let news = Unverified::parse(news["snapshot"].as_str().expect("a JWS")).expect("a JWS");
    let events = news.claims_json()["events"]
        .as_array()
        .expect("events")
        .clone();
    let of_token = |event: &Value| event["kind"] == "jti" && event["value"] == jti;
    assert!(events.iter().any(of_token), "guards hear of it: {events:?}");

    let ada = stage.ada_at_the_shop().await;
    let (access, refresh) = (text(&ada, "access_token"), text(&ada, "refresh_token"));
    let answer = revoke(refresh, &orders).await;
    oauth_refused(answer, StatusCode::BAD_REQUEST, grant, "another's").await;
    assert_eq!(ask(access).await, true);
    assert_eq!(revoke(refresh, &shop).await.status(), StatusCode::OK);
    for token in [access, refresh] {
        assert_eq!(ask(token).await, false, "the session with all its tokens");
    }
    let own = stage.running.login("ada", PASSWORD).await;
    let own: Value = own.json().await.expect("JSON");
    let answer = revoke(text(&own, "refresh_token"), &shop).await;
    oauth_refused(answer, StatusCode::BAD_REQUEST, grant, "the server's own").await;
    let answer = revoke(text(&own, "device_token"), &shop).await;
    let unsupported = "unsupported_token_type";
    oauth_refused(answer, StatusCode::BAD_REQUEST, unsupported, "a device").await;

    let page: Value = stage
        .sign_in("page", None, json!({}))
        .await
        .json()
        .await
        .expect("JSON");
    let body = format!("token={}&client_id=page", text(&page, "refresh_token"));
    let answer = stage.post(REVOKE, &body, None).await;
    assert_eq!(answer.status(), StatusCode::OK, "a public client, its own");
}

#[tokio::test]
async fn a_changed_client_has_no_more_than_it_may_have_now() {
    let stage = Stage::with(|config| Config {
        sessions: SessionPolicy {
            grace: Duration::from_secs(1),
            ..config.sessions
        },
        ..config
    })
    .await;
    let shop = stage.shop();
    let ada = stage.ada_at_the_shop().await;
    let change = countersign_server::ClientChange {
        scope: Some("write".to_owned()),
        ..Default::default()
    };
    stage.registry.change("shop", &change).await.expect("shop");
    let refresh = |pair: &Value| {
        format!(
            "grant_type=refresh_token&refresh_token={}",
            text(pair, "refresh_token")
        )
    };
    let next = stage.token(&refresh(&ada)).await;
    assert_eq!(next["scope"], "write");
    let change = countersign_server::ClientChange {
        audiences: Some(vec!["https://shop.example".to_owned()]),
        ..Default::default()
    };
    stage.registry.change("shop", &change).await.expect("shop");
    for _ in 0..2 {
        let refusal = (400, "invalid_target");
        stage
            .refused(TOKEN, &refresh(&next), Some(&shop), refusal)
            .await;
        // Past the grace: what was refused was not used up, so to try again is no theft.
        tokio::time::sleep(Duration::from_millis(2_100)).await;
    }
    assert_eq!(
        stage.registry.disable("shop").await.expect("shop"),
        1,
        "ada's session"
    );
    stage
        .refused(TOKEN, &refresh(&next), Some(&shop), INVALID_CLIENT)
        .await;
    let sessions = stage.running.server.oversight().sessions(None, 10).await;
    assert_eq!(sessions.expect("sessions").len(), 0);
}

#[tokio::test]
async fn a_client_may_have_an_algorithm_of_its_own() {
    let stage = Stage::new().await;
    let change = countersign_server::ClientChange {
        algorithm: Some(Some(Algorithm::EdDSA)),
        ..Default::default()
    };
    stage.registry.change("shop", &change).await.expect("shop");
    let keys = stage
        .running
        .request(Method::GET, "/.well-known/jwks.json")
        .send()
        .await;
    let keys: Value = keys.expect("an answer").json().await.expect("JSON");
    let keys = keys["keys"].as_array().expect("keys").clone();
    assert!(
        keys.iter().any(|key| key["alg"] == "EdDSA"),
        "published before it signs: {keys:?}"
    );
    let answer = stage.token(CREDENTIALS).await;
    let header = Unverified::parse(text(&answer, "access_token")).expect("a JWT");
    assert_eq!(
        header.algorithm_name(),
        "ES256",
        "until every guard may know the key"
    );
}

#[tokio::test]
async fn the_metadata_says_what_is_built() {
    let stage = Stage::new().await;
    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
    ] {
        let answer = stage.running.request(Method::GET, path).send().await;
        let said: Value = answer.expect("an answer").json().await.expect("JSON");
        let issuer = stage.running.server.issuer();
        for (name, path) in [
            ("token_endpoint", TOKEN),
            ("introspection_endpoint", INTROSPECT),
            ("revocation_endpoint", REVOKE),
        ] {
            assert_eq!(said[name], format!("{issuer}{path}"));
        }
        assert_eq!(
            said["grant_types_supported"],
            json!(["client_credentials", "refresh_token"])
        );
        assert_eq!(said["response_types_supported"], json!([]));
        let proofs = json!([
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt"
        ]);
        assert_eq!(
            said["introspection_endpoint_auth_methods_supported"],
            proofs
        );
        let algorithms = said["token_endpoint_auth_signing_alg_values_supported"].as_array();
        let algorithms = algorithms.expect("algorithms");
        assert!(algorithms.contains(&json!("ES256")) && !algorithms.contains(&json!("HS256")));
        assert_eq!(said["authorization_endpoint"], Value::Null, "not built");
    }
}

#[tokio::test]
async fn another_process_hears_of_a_disabled_client_within_a_moment() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = Database::Sqlite(folder.path().join("shared.db"));
    let stage = Stage::with(|config| Config {
        database: database.clone(),
        ..config
    })
    .await;
    stage.token(CREDENTIALS).await;
    let beside = Config {
        database,
        ..Config::default()
    };
    let beside = Registry::open(&beside)
        .await
        .expect("the same installation");
    beside.disable("shop").await.expect("shop");
    let began = std::time::Instant::now();
    loop {
        let answer = stage.post(TOKEN, CREDENTIALS, Some(&stage.shop())).await;
        if answer.status() == StatusCode::UNAUTHORIZED {
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "it never hears of it"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let client: Client = beside.client("shop").await.expect("shop");
    assert!(client.disabled);
}

#[tokio::test]
async fn the_account_is_its_owners_and_no_clients() {
    let stage = Stage::new().await;
    let service = stage.token(CREDENTIALS).await;
    let through_the_shop = stage.ada_at_the_shop().await;
    let own = stage.running.signed_in().await;
    for pair in [&service, &through_the_shop] {
        let ask = async |method: Method, path: &str| {
            let change = json!({"current": PASSWORD, "new": "another long password"});
            let request = stage.running.request(method, path).json(&change);
            let request = request.bearer_auth(text(pair, "access_token"));
            request.send().await.expect("an answer")
        };
        let me: Value = ask(Method::GET, "/me").await.json().await.expect("JSON");
        assert_eq!(me["sub"], claims(pair)["sub"]);
        for (method, path) in [
            (Method::GET, "/sessions"),
            (Method::DELETE, "/sessions"),
            (Method::DELETE, "/sessions/some"),
            (Method::POST, "/password"),
            (Method::GET, "/admin/users"),
        ] {
            let answer = ask(method, path).await;
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
        }
    }
    let alive = stage.running.get_as("/me", &own).await;
    assert_eq!(alive.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_audit_log_says_through_which_client_a_user_came() {
    let stage = Stage::new().await;
    let ada = stage.ada_at_the_shop().await;
    let sid = claims(&ada)["sid"].clone();
    let oversight = stage.running.server.oversight();
    let lines = oversight.audit_log(0, 100).await.expect("the audit log");
    let hers = lines
        .iter()
        .find(|(_, line)| line.sid.as_deref() == sid.as_str());
    let (_, hers) = hers.expect("her sign-in");
    assert_eq!(hers.kind.as_str(), "signed_in");
    assert_eq!(hers.detail.as_deref(), Some("shop"));
}
