//! The layer and the extractor, over a real router.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::{FromRef, State};
use axum::routing::get;
use axum::{Extension, Router};
use bytes::Bytes;
use countersign::{AccessClaims, UnixTime};
use countersign_guard::{Caller, Guard, Requirements};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::json;
use tower::{Layer, Service, ServiceExt};

use crate::issuer::{Issuer, with};

fn request(path: &str, token: Option<&str>) -> Request<Body> {
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.body(Body::empty()).expect("a request")
}

async fn text(response: Response<Body>) -> String {
    let body = response
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    String::from_utf8(body.to_vec()).expect("text")
}

/// Doors read the clock themselves.
fn token_of(issuer: &Issuer) -> String {
    issuer.sign(&issuer.claims(UnixTime::now()))
}

async fn name(caller: Caller) -> String {
    caller.username().unwrap_or("nobody").to_owned()
}

async fn perhaps(caller: Option<Caller>) -> String {
    caller.map_or("a visitor".to_owned(), |caller| caller.sub().to_owned())
}

#[tokio::test]
async fn the_extractor_lets_a_handler_know_its_caller() {
    let issuer = Issuer::new();
    let app = Router::new()
        .route("/", get(name))
        .with_state(issuer.guard());
    let token = token_of(&issuer);
    let response = app
        .clone()
        .oneshot(request("/", Some(&token)))
        .await
        .expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(text(response).await, "ada");

    let response = app.oneshot(request("/", None)).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        response.headers()["www-authenticate"],
        r#"Bearer realm="orders""#
    );
    assert!(text(response).await.contains("missing_token"));
}

#[tokio::test]
async fn an_optional_caller_is_absent_or_good_but_never_bad() {
    let issuer = Issuer::new();
    let app = Router::new()
        .route("/", get(perhaps))
        .with_state(issuer.guard());
    let ask = async |request| app.clone().oneshot(request).await.expect("an answer");

    assert_eq!(text(ask(request("/", None)).await).await, "a visitor");
    assert_eq!(
        text(ask(request("/", Some(&token_of(&issuer)))).await).await,
        "u-1"
    );
    let mut basic = request("/", None);
    basic
        .headers_mut()
        .insert("authorization", "Basic eDp5".parse().expect("a value"));
    assert_eq!(text(ask(basic).await).await, "a visitor");

    let now = UnixTime::now();
    let expired = with(issuer.claims(now), "exp", json!(now.as_secs() - 100));
    let response = ask(request("/", Some(&issuer.sign(&expired)))).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let mut malformed = request("/", None);
    malformed
        .headers_mut()
        .insert("authorization", "Bearer".parse().expect("a value"));
    assert_eq!(ask(malformed).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_guard_may_be_a_part_of_the_state() {
    #[derive(Clone)]
    struct App {
        guard: Guard,
        greeting: &'static str,
    }
    impl FromRef<App> for Guard {
        fn from_ref(app: &App) -> Self {
            app.guard.clone()
        }
    }
    async fn greet(State(app): State<App>, caller: Caller) -> String {
        format!("{}, {}!", app.greeting, caller.username().unwrap_or("you"))
    }
    let issuer = Issuer::new();
    let state = App {
        guard: issuer.guard(),
        greeting: "Hello",
    };
    let app = Router::new().route("/", get(greet)).with_state(state);
    let response = app
        .oneshot(request("/", Some(&token_of(&issuer))))
        .await
        .expect("an answer");
    assert_eq!(text(response).await, "Hello, ada!");
}

#[tokio::test]
async fn a_layer_guards_every_route_and_asks_what_each_requires() {
    let issuer = Issuer::new();
    let guard = issuer.guard();
    let ok = || get(async || "in");
    let app = Router::new()
        .route(
            "/scope",
            ok().layer(guard.layer().require_scope("orders:delete")),
        )
        .route("/role", ok().layer(guard.layer().require_role("admin")))
        .route(
            "/any",
            ok().layer(guard.layer().require_any_role(["admin", "clerk"])),
        )
        .route(
            "/scopes",
            ok().layer(guard.layer().require_any_scope(["a", "orders:read"])),
        )
        .route(
            "/rule",
            ok().layer(guard.layer().require("owner", |_| false)),
        )
        .route(
            "/both",
            ok().layer(
                guard
                    .layer()
                    .require_role("admin")
                    .requirements(Requirements::new().scope("orders:read")),
            ),
        )
        .route("/plain", ok())
        .layer(guard.layer());
    let token = token_of(&issuer);
    for (path, status, reason) in [
        ("/plain", 200, ""),
        ("/any", 200, ""),
        ("/scopes", 200, ""),
        ("/scope", 403, "insufficient_scope"),
        ("/role", 403, "missing_role"),
        ("/rule", 403, "denied"),
        // What is asked later does not replace what was asked before.
        ("/both", 403, "missing_role"),
    ] {
        let anonymous = app
            .clone()
            .oneshot(request(path, None))
            .await
            .expect("an answer");
        assert_eq!(anonymous.status(), StatusCode::UNAUTHORIZED, "{path}");
        let known = app
            .clone()
            .oneshot(request(path, Some(&token)))
            .await
            .expect("an answer");
        assert_eq!(known.status().as_u16(), status, "{path}");
        assert!(text(known).await.contains(reason), "{path}");
    }
    assert_eq!(
        guard.counts().accepted,
        7,
        "the inner layers ask the outer one's caller"
    );
}

async fn both(Extension(put): Extension<Caller>, taken: Caller) -> String {
    format!("{} {}", put.sub(), taken.sub())
}

#[tokio::test]
async fn what_the_layer_found_out_the_handler_reuses() {
    let issuer = Issuer::new();
    let guard = issuer.builder().cache(None).build().expect("a guard");
    let app = Router::new()
        .route("/", get(both))
        .layer(guard.layer())
        .with_state(guard.clone());
    let response = app
        .oneshot(request("/", Some(&token_of(&issuer))))
        .await
        .expect("an answer");
    assert_eq!(text(response).await, "u-1 u-1");
    assert_eq!(guard.counts().accepted, 1);
}

#[tokio::test]
async fn a_caller_of_another_guard_is_checked_again() {
    let issuer = Issuer::new();
    let orders = issuer.guard();
    let billing: Guard<AccessClaims> = Guard::builder(&issuer.name, "billing")
        .key(issuer.key.verifying_key())
        .build()
        .expect("a guard");
    let app = Router::new()
        .route("/", get(name))
        .layer(orders.layer())
        .with_state(billing);
    let response = app
        .oneshot(request("/", Some(&token_of(&issuer))))
        .await
        .expect("an answer");
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(text(response).await.contains("wrong_audience"));
}

#[tokio::test]
async fn a_replaced_answer_comes_out_of_both_doors() {
    let issuer = Issuer::new();
    let guard = issuer
        .builder()
        .on_refusal(|refusal| refusal.respond(StatusCode::IM_A_TEAPOT, &json!({ "short": true })))
        .build()
        .expect("a guard");
    let app = Router::new()
        .route("/layer", get(async || "in").layer(guard.layer()))
        .route("/extractor", get(name))
        .with_state(guard);
    for path in ["/layer", "/extractor"] {
        let response = app
            .clone()
            .oneshot(request(path, None))
            .await
            .expect("an answer");
        assert_eq!(response.status(), StatusCode::IM_A_TEAPOT, "{path}");
        assert_eq!(text(response).await, r#"{"short":true}"#);
    }
}

async fn callers_name(request: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> {
    let caller: &Caller = request.extensions().get().expect("the layer's caller");
    Ok(Response::new(Full::new(Bytes::from(
        caller.sub().to_owned(),
    ))))
}

#[tokio::test]
async fn any_tower_service_can_stand_behind_the_layer() {
    let issuer = Issuer::new();
    let inner = tower::service_fn(callers_name);
    let mut service = issuer.guard().layer().layer(inner);
    let mut ask = async |token: Option<String>| {
        let mut request = Request::new(());
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().expect("a value");
            request.headers_mut().insert("authorization", value);
        }
        let ready = service.ready().await.expect("ready");
        ready.call(request).await.expect("an answer")
    };
    let response = ask(Some(token_of(&issuer))).await;
    let body = response
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    assert_eq!(body, "u-1");
    assert_eq!(ask(None).await.status(), StatusCode::UNAUTHORIZED);
}
