//! A route that only callers with a token of the issuer reach. Beside it: `countersign serve --dev`.
//!
//! `ISSUER=http://127.0.0.1:7800 cargo run -p countersign-examples --bin guarded`
#![expect(clippy::print_stdout, reason = "a program says where it listens")]

use axum::{Router, routing::get};
use countersign_guard::{Caller, Guard};

async fn protected(caller: Caller) -> String {
    let name = caller.username().unwrap_or("stranger");
    format!("Hello, {name}. You are authenticated!")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let guard = Guard::follow(std::env::var("ISSUER")?, "api").await?;
    let app = Router::new()
        .route("/protected", get(protected))
        .with_state(guard);
    let address = std::env::var("LISTEN").unwrap_or("127.0.0.1:5000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
