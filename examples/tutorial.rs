//! The famous Flask tutorial, one file: `POST /login` gives a token, `GET /protected` asks for it.
//!
//! ```sh
//! export JWT_SECRET=$(openssl rand -base64 48) ADMIN_PASSWORD='choose one'
//! cargo run -p countersign-examples --bin tutorial
//!
//! curl http://127.0.0.1:5000/login -H 'Content-Type: application/json' \
//!      -d '{"username":"admin","password":"choose one"}'
//! curl http://127.0.0.1:5000/protected -H 'Authorization: Bearer <the token>'
//! ```
//!
//! The answers are the tutorial's to the letter, a 403 for a missing token included: the guard's
//! refusals can be replaced by the application's own. What the tutorial left out is still here: a
//! secret that is long enough and not in the source, tokens bound to who made them and for whom, a
//! password that is compared in constant time. Users, sessions, sign-out and guessing are the
//! server's business: `countersign serve`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program says where it listens, and why it does not"
)]

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use countersign::crypto::{MacKey, random};
use countersign::{Algorithm, SigningKey, UnixTime};
use countersign_guard::{Caller, Guard, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const ISSUER: &str = "tutorial";
const LIFE: Duration = Duration::from_secs(3600);

/// What our tokens say; the guard reads it back for the handlers.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    exp: UnixTime,
}

#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
}

/// What signing in takes.
struct Office {
    admin: Password,
    key: SigningKey,
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let secret = setting("JWT_SECRET", "make one with `openssl rand -base64 48`")?;
    let key = SigningKey::from_secret(Algorithm::HS256, secret.as_bytes())
        .map_err(|error| format!("JWT_SECRET: {error}; make one with `openssl rand -base64 48`"))?;
    let admin = Password::new(&setting(
        "ADMIN_PASSWORD",
        "it is the password of the user admin",
    )?)?;

    // One shared secret signs and checks, as in the tutorial: fine for one process.
    let guard = Guard::builder(ISSUER, ISSUER)
        .claims::<Claims>()
        .key(key.verifying_key())
        .any_typ()
        .leeway(Duration::ZERO)
        .on_refusal(in_the_tutorials_words)
        .build()?;

    let app = Router::new()
        .route("/login", post(login))
        .with_state(Arc::new(Office { admin, key }))
        .merge(
            Router::new()
                .route("/protected", get(protected))
                .with_state(guard),
        );

    let port = env::var("PORT").unwrap_or_else(|_| "5000".to_owned());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn login(
    State(office): State<Arc<Office>>,
    Json(login): Json<Login>,
) -> (StatusCode, Json<Value>) {
    let password_is_right = office.admin.is(&login.password);
    if login.username != "admin" || !password_is_right {
        let answer = json!({ "message": "Invalid credentials!" });
        return (StatusCode::UNAUTHORIZED, Json(answer));
    }
    let claims = Claims {
        iss: ISSUER.to_owned(),
        aud: ISSUER.to_owned(),
        sub: login.username,
        exp: UnixTime::now().saturating_add(LIFE),
    };
    match office.key.sign(&claims) {
        Ok(token) => (StatusCode::OK, Json(json!({ "token": token }))),
        Err(error) => {
            let answer = json!({ "message": error.to_string() });
            (StatusCode::INTERNAL_SERVER_ERROR, Json(answer))
        }
    }
}

/// Nobody gets here without a good token: a `Caller` comes from the guard alone.
async fn protected(caller: Caller<Claims>) -> Json<Value> {
    Json(json!({ "message": format!("Hello, {}. You are authenticated!", caller.sub) }))
}

fn in_the_tutorials_words(refusal: &Refusal) -> Response<Bytes> {
    let (status, message) = match refusal.reason_code() {
        "missing_token" => (StatusCode::FORBIDDEN, "Token is missing!"),
        "expired" => (StatusCode::UNAUTHORIZED, "Token has expired!"),
        _ => (StatusCode::UNAUTHORIZED, "Invalid token!"),
    };
    refusal.respond(status, &json!({ "message": message }))
}

/// A password that is compared by its seal, so that the time taken says nothing about it.
struct Password {
    key: MacKey,
    seal: [u8; 32],
}

impl Password {
    fn new(password: &str) -> Result<Self, Box<dyn Error>> {
        let key = MacKey::new(&random()?);
        let seal = key.mac(&[password.as_bytes()]);
        Ok(Self { key, seal })
    }

    fn is(&self, given: &str) -> bool {
        self.key.verify(&[given.as_bytes()], &self.seal)
    }
}

fn setting(name: &str, hint: &str) -> Result<String, String> {
    env::var(name)
        .ok()
        .filter(|value| !value.is_empty())
        .ok_or_else(|| format!("set {name} in the environment: {hint}"))
}
