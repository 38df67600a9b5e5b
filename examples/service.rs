//! A service signs in as itself, at any OAuth 2 issuer. Beside it: `countersign serve`, and a client that
//! `countersign client add billing` made.
//!
//! `ISSUER=http://127.0.0.1:7800 SECRET=… cargo run -p countersign-examples --bin service`
#![expect(clippy::print_stdout, reason = "a program says what it found")]

use countersign_client::Client;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (issuer, secret) = (std::env::var("ISSUER")?, std::env::var("SECRET")?);
    let client = Client::discover(&issuer)
        .await?
        .client_secret("billing", secret)
        .client_credentials()?;
    let answer = client.get(&format!("{issuer}/me")).send().await?;
    println!("{} {}", answer.status(), answer.text().await?);
    Ok(())
}
