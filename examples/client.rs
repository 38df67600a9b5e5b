//! Signs in and asks a protected route who it is. Beside it: `countersign serve --dev`.
//!
//! `SERVER=http://127.0.0.1:7800 PASSWORD=… cargo run -p countersign-examples --bin client`
#![expect(clippy::print_stdout, reason = "a program says what it found")]

use countersign_client::Client;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (server, password) = (std::env::var("SERVER")?, std::env::var("PASSWORD")?);
    let client = Client::login(&server, "admin", &password).await?;
    let answer = client.get(&format!("{server}/me")).send().await?;
    println!("{} {}", answer.status(), answer.text().await?);
    Ok(())
}
