//! An embedded database has one server at a time, commands beside it, and another server as soon as
//! the first is gone, however it went.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on must fail"
)]

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use countersign_conformance::{Server, command};
use countersign_witness::Keep;

const PASSWORD: &str = "correct horse battery staple";
/// Whoever is refused ends at once; one who serves would go on.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_second_server_is_refused_until_the_first_is_gone() {
    let mut first = Server::new();
    first.start().await;
    let said = refused(&first);
    assert!(said.contains("another countersign serve"), "{said}");
    assert!(said.contains("countersign.db"), "{said}");
    assert!(said.contains("PostgreSQL"), "{said}");

    // Commands go on beside the server, and the server goes on.
    first.add_user("ada", PASSWORD);
    first.command(["user", "list"]).succeed();
    first.command(["key", "list"]).succeed();
    first.command(["backup", "beside.db"]).succeed();
    let answer = first.http().login("ada", PASSWORD).await;
    assert!(answer.is_ok_and(|answer| answer.status == 200));

    // Killed, it cannot take its lock back: the system does.
    for _ in 0..3 {
        first.kill();
        first.start().await;
        refused(&first);
    }
    first.terminate();
    assert!(first.ended().await.success());
    first.start().await;
}

/// What a second server on the same database says before it ends.
fn refused(first: &Server) -> String {
    let mut second = Command::new(command::binary())
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(["--database", &first.database()])
        .current_dir(first.folder())
        .stdout(Stdio::null())
        .start_heard()
        .expect("countersign starts");
    let began = Instant::now();
    while second.try_wait().expect("a child of ours").is_none() {
        if began.elapsed() > PATIENCE {
            second.kill().expect("a child of ours");
            panic!("a second server serves the same database");
        }
        thread::sleep(Duration::from_millis(5));
    }
    let output = second.wait_with_output().expect("it has ended");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}
