//! The guards of others, each in front of the one route that the bench of our own asks.
//!
//! Which one, and with which key, comes as one line of JSON on standard input; the address it
//! listens on goes to standard output. The process ends with its standard input.

use std::error::Error;
use std::future::Future;
use std::io::{BufRead as _, Read as _};
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{StatusCode, header::AUTHORIZATION};
use axum::routing::get;
use serde::Deserialize;
use tokio::net::TcpListener;

type Failure = Box<dyn Error + Send + Sync>;

/// What to do.
#[derive(Deserialize)]
struct Task {
    contender: String,
    algorithm: String,
    /// The secret as text, or the public key as PEM.
    key: String,
    issuer: String,
    audience: String,
}

/// What the token says.
#[derive(Clone, Debug, Deserialize)]
#[expect(dead_code, reason = "filled from a token, as an application would")]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: u64,
    iat: u64,
    nbf: u64,
    jti: String,
    scope: String,
    roles: Vec<String>,
    client_id: String,
    sid: String,
}

const ANSWER: &str = "Hello. You are authenticated!";

fn main() -> Result<(), Failure> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let task: Task = serde_json::from_str(&line)?;
    std::thread::spawn(|| {
        let _ = std::io::stdin().lock().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(serve(task))
}

async fn serve(task: Task) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    match task.contender.as_str() {
        "jsonwebtoken" => Ok(axum::serve(listener, by_hand(&task)?).await?),
        "axum-jwt-auth" => Ok(axum::serve(listener, axum_jwt_auth(&task)?).await?),
        "jwt-authorizer" => Ok(axum_07::serve(listener, jwt_authorizer(&task).await?).await?),
        other => Err(format!("no contender `{other}`").into()),
    }
}

/// What one writes oneself: the header, the prefix, `decode`.
struct Caller(#[expect(dead_code, reason = "for the handler")] Claims);

#[derive(Clone)]
struct Check {
    key: Arc<jsonwebtoken::DecodingKey>,
    validation: Arc<jsonwebtoken::Validation>,
}

impl FromRequestParts<Check> for Caller {
    type Rejection = StatusCode;

    fn from_request_parts(
        parts: &mut Parts,
        check: &Check,
    ) -> impl Future<Output = Result<Self, StatusCode>> + Send {
        let claims = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .and_then(|token| {
                jsonwebtoken::decode::<Claims>(token, &check.key, &check.validation).ok()
            });
        let outcome = claims
            .map(|data| Self(data.claims))
            .ok_or(StatusCode::UNAUTHORIZED);
        std::future::ready(outcome)
    }
}

fn by_hand(task: &Task) -> Result<Router, Failure> {
    use jsonwebtoken::{DecodingKey, Validation};
    let key = match task.algorithm.as_str() {
        "HS256" => DecodingKey::from_secret(task.key.as_bytes()),
        "ES256" => DecodingKey::from_ec_pem(task.key.as_bytes())?,
        _ => DecodingKey::from_rsa_pem(task.key.as_bytes())?,
    };
    let mut validation = Validation::new(task.algorithm.parse()?);
    validation.validate_nbf = true;
    validation.leeway = 30;
    validation.set_issuer(&[&task.issuer]);
    validation.set_audience(&[&task.audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    let check = Check {
        key: Arc::new(key),
        validation: Arc::new(validation),
    };
    Ok(Router::new()
        .route("/", get(async |_: Caller| ANSWER))
        .with_state(check))
}

#[derive(Clone, FromRef)]
struct Decoding {
    decoder: axum_jwt_auth::Decoder<Claims>,
}

fn axum_jwt_auth(task: &Task) -> Result<Router, Failure> {
    use jsonwebtoken_10::{DecodingKey, Validation};
    let key = match task.algorithm.as_str() {
        "HS256" => DecodingKey::from_secret(task.key.as_bytes()),
        "ES256" => DecodingKey::from_ec_pem(task.key.as_bytes())?,
        _ => DecodingKey::from_rsa_pem(task.key.as_bytes())?,
    };
    let mut validation = Validation::new(task.algorithm.parse()?);
    validation.validate_nbf = true;
    validation.leeway = 30;
    validation.set_issuer(&[&task.issuer]);
    validation.set_audience(&[&task.audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    let decoder = axum_jwt_auth::LocalDecoder::new(vec![key], validation)?;
    Ok(Router::new()
        .route("/", get(async |_: axum_jwt_auth::Claims<Claims>| ANSWER))
        .with_state(Decoding {
            decoder: Arc::new(decoder),
        }))
}

async fn jwt_authorizer(task: &Task) -> Result<axum_07::Router, Failure> {
    use jwt_authorizer::{IntoLayer as _, JwtAuthorizer, JwtClaims, Validation};
    let validation = Validation::new()
        .iss(&[&task.issuer])
        .aud(&[&task.audience])
        .nbf(true)
        .leeway(30);
    let builder = match task.algorithm.as_str() {
        "HS256" => JwtAuthorizer::<Claims>::from_secret(&task.key),
        "ES256" => JwtAuthorizer::from_ec_pem_text(&task.key),
        _ => JwtAuthorizer::from_rsa_pem_text(&task.key),
    };
    let layer = builder.validation(validation).build().await?.into_layer();
    Ok(axum_07::Router::new()
        .route(
            "/",
            axum_07::routing::get(async |_: JwtClaims<Claims>| ANSWER),
        )
        .layer(layer))
}
