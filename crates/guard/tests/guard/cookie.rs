//! A token in a cookie, where the application asked for it.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use countersign::UnixTime;
use countersign_guard::{Caller, Guard, GuardError};
use http::{Method, Request, StatusCode};
use tower::ServiceExt;

use crate::issuer::Issuer;

const ORIGIN: &str = "https://shop.example";

fn app(guard: Guard) -> Router {
    let name = async |caller: Caller| caller.sub().to_owned();
    Router::new()
        .route("/extractor", get(name).post(name))
        .route(
            "/layer",
            get(async || "in").post(async || "in").layer(guard.layer()),
        )
        .with_state(guard)
}

async fn status(app: &Router, method: Method, path: &str, headers: &[(&str, &str)]) -> StatusCode {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).expect("a request");
    app.clone()
        .oneshot(request)
        .await
        .expect("an answer")
        .status()
}

fn token() -> (Issuer, String) {
    let issuer = Issuer::new();
    let token = issuer.sign(&issuer.claims(UnixTime::now()));
    (issuer, token)
}

#[tokio::test]
async fn without_being_asked_for_a_cookie_is_nothing() {
    let (issuer, token) = token();
    let app = app(issuer.guard());
    let cookie = format!("__Host-token={token}");
    for path in ["/layer", "/extractor"] {
        let answer = status(&app, Method::GET, path, &[("cookie", &cookie)]).await;
        assert_eq!(answer, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn both_doors_tell_reading_from_changing_and_our_pages_from_others() {
    let (issuer, token) = token();
    let guard = issuer
        .builder()
        .cookie("__Host-token", [ORIGIN])
        .build()
        .expect("a guard");
    let app = app(guard.clone());
    let cookie = format!("__Host-token={token}");
    let cookie = ("cookie", cookie.as_str());
    for path in ["/layer", "/extractor"] {
        assert_eq!(
            status(&app, Method::GET, path, &[cookie]).await,
            StatusCode::OK
        );
        let own = ("origin", ORIGIN);
        assert_eq!(
            status(&app, Method::POST, path, &[cookie, own]).await,
            StatusCode::OK
        );
        assert_eq!(
            status(&app, Method::POST, path, &[cookie]).await,
            StatusCode::FORBIDDEN
        );
        let other = ("origin", "https://evil.example");
        assert_eq!(
            status(&app, Method::POST, path, &[cookie, other]).await,
            StatusCode::FORBIDDEN
        );
        assert_eq!(
            status(&app, Method::GET, path, &[]).await,
            StatusCode::UNAUTHORIZED
        );
    }
    assert_eq!(guard.counts().refused_for("cross_site"), 4);
}

#[tokio::test]
async fn a_header_needs_no_origin_and_two_tokens_are_one_too_many() {
    let (issuer, token) = token();
    let guard = issuer
        .builder()
        .cookie("__Host-token", [ORIGIN])
        .build()
        .expect("a guard");
    let app = app(guard);
    let (cookie, bearer) = (format!("__Host-token={token}"), format!("Bearer {token}"));
    let (cookie, bearer) = (
        ("cookie", cookie.as_str()),
        ("authorization", bearer.as_str()),
    );
    assert_eq!(
        status(&app, Method::POST, "/layer", &[bearer]).await,
        StatusCode::OK
    );
    let both = status(&app, Method::GET, "/layer", &[bearer, cookie]).await;
    assert_eq!(both, StatusCode::BAD_REQUEST);
}

#[test]
fn an_origin_that_no_browser_writes_so_makes_no_guard() {
    for origin in ["https://shop.example/", "shop.example", "*", "null"] {
        let builder = Issuer::new().builder();
        let error = builder.cookie("__Host-token", [ORIGIN, origin]).build();
        let error = error.expect_err(origin);
        assert!(matches!(&error, GuardError::BadOrigin(told) if told == origin));
        assert_eq!(error.code(), "bad_origin");
        assert!(error.to_string().contains("as browsers write it"));
    }
}
