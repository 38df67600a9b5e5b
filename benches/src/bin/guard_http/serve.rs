//! The servers of our own: the bare route, and the same route with a guard in front of it.

use std::io::{BufRead as _, Read as _};

use axum::Router;
use axum::routing::get;
use countersign::{Algorithm, VerifyingKey};
use countersign_benches::Failure;
use countersign_guard::{Caller, Guard};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::bare;

/// What a server is to do. It comes as one line of JSON on standard input, and the server ends with
/// its standard input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) contender: String,
    pub(crate) algorithm: String,
    /// The secret as text, or the public key as PEM.
    pub(crate) key: String,
    pub(crate) issuer: String,
    pub(crate) audience: String,
}

/// By which the tokens name their key.
pub(crate) const KEY_ID: &str = "2026-11-access";

/// What all of them answer.
const ANSWER: &str = "Hello. You are authenticated!";

pub(crate) fn serve() -> Result<(), Failure> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let task: Task = serde_json::from_str(&line)?;
    std::thread::spawn(|| {
        let _until_the_end = std::io::stdin().lock().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(listen(&task))
}

#[expect(clippy::print_stdout, reason = "the address is what it prints")]
async fn listen(task: &Task) -> Result<(), Failure> {
    let routes = match task.contender.as_str() {
        "bare" => Router::new().route("/", get(async || ANSWER)),
        "guard" => guarded(task, Some(8 * 1024))?,
        "guard-off" => guarded(task, None)?,
        // A token is forgotten before its turn comes again.
        "guard-new" => guarded(task, Some(256))?,
        "guard-mixed" => guarded(task, Some(2 * 1024))?,
        "signature" => by_hand(task, false)?,
        "signature-and-claims" => by_hand(task, true)?,
        other => return Err(format!("no server is called `{other}`").into()),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    Ok(axum::serve(listener, routes).await?)
}

fn by_hand(task: &Task, with_claims: bool) -> Result<Router, Failure> {
    bare::route(&key(task)?, &task.key, with_claims, ANSWER)
}

fn key(task: &Task) -> Result<VerifyingKey, Failure> {
    let algorithm: Algorithm = task.algorithm.parse()?;
    Ok(match algorithm {
        Algorithm::HS256 => VerifyingKey::from_secret(algorithm, task.key.as_bytes())?,
        _ => VerifyingKey::from_pem(algorithm, &task.key)?,
    })
}

fn guarded(task: &Task, cache: Option<usize>) -> Result<Router, Failure> {
    let guard = Guard::builder(&task.issuer, &task.audience)
        .key(key(task)?.with_key_id(KEY_ID))
        .cache(cache)
        .build()?;
    Ok(Router::new()
        .route("/", get(async |_: Caller| ANSWER))
        .with_state(guard))
}
