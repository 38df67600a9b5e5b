//! A report that ten cron jobs may run at once: it signs in the first time, and never again.
//!
//! `SERVER=http://127.0.0.1:7800 PASSWORD=… cargo run -p countersign-examples --bin kept`
#![expect(clippy::print_stdout, reason = "a program says what it found")]

use countersign_client::{Client, ClientError, FileStorage};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = std::env::var("SERVER")?;
    let home = FileStorage::at(std::env::var("HOME")? + "/.local/state/report/login.json");
    let client = match Client::open(home.clone()).await {
        Ok(client) => client,
        Err(ClientError::NotSignedIn { .. }) => {
            let password = std::env::var("PASSWORD")?;
            Client::at(&server)?
                .keep_in(home)
                .login("ada", &password)
                .await?
        }
        Err(error) => return Err(error.into()),
    };
    let answer = client.get(&format!("{server}/me")).send().await?;
    println!("{} {}", answer.status(), answer.text().await?);
    client.settle().await;
    Ok(())
}
