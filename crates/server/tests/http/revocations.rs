//! The feed of revocations: what a follower is told, also when it is more than one message may hold.

use std::collections::BTreeSet;
use std::path::Path;

use countersign::UnixTime;

use super::*;

/// More than two messages' worth.
const MANY: u64 = 25_000;
const AT_ONCE: usize = 10_000;

/// Writes what another process would have published: one after the other in the last hundred
/// seconds, for an hour to come.
fn publish(database: &Path, name: &str) {
    let mut database = rusqlite::Connection::open(database).expect("the database");
    let now = UnixTime::now().as_secs();
    let all = database.transaction().expect("a transaction");
    let mut row = all
        .prepare("INSERT INTO revocations VALUES ('sid', ?1, ?2, ?3)")
        .expect("a table");
    for number in 0..MANY {
        let at = now - 100 + number * 100 / MANY;
        let [until, at] = [now + 3_600, at].map(|time| i64::try_from(time).expect("a time"));
        row.execute((format!("{name}-{number}"), until, at))
            .expect("a row");
    }
    drop(row);
    all.commit().expect("written");
}

/// A server that finds many revocations when it starts.
async fn with_many() -> Running {
    let Running {
        server,
        client,
        folder,
    } = start().await;
    server.stop().await;
    let path = folder.path().join("test.db");
    publish(&path, "old");
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        database: Database::Sqlite(path),
        ..Config::default()
    };
    Running {
        server: Server::start(config).await.expect("a server"),
        client,
        folder,
    }
}

fn number(bulletin: &Value, name: &str) -> u64 {
    bulletin[name].as_u64().expect("a number")
}

/// What a follower is told, piece by piece, until he has heard of so many events.
#[derive(Default)]
struct Told {
    values: BTreeSet<String>,
    pieces: Vec<Value>,
}

impl Told {
    /// Takes in a piece, which must join what came before and be no older.
    fn hear(&mut self, mut piece: Value) {
        let events = piece["events"].take();
        let events = events.as_array().expect("events");
        assert!(events.len() <= AT_ONCE, "{} at once", events.len());
        for event in events {
            self.values
                .insert(event["value"].as_str().expect("a value").to_owned());
        }
        if let Some(before) = self.pieces.last() {
            assert_eq!(piece["epoch"], before["epoch"]);
            assert!(number(&piece, "since") <= number(before, "counter"));
            assert!(number(&piece, "counter") >= number(before, "counter"));
            assert!(number(&piece, "iat") >= number(before, "iat"));
        }
        self.pieces.push(piece);
    }
}

#[tokio::test]
async fn a_large_snapshot_comes_in_pieces_that_do_not_pass_for_fresh() {
    let began = UnixTime::now().as_secs();
    let running = with_many().await;
    let asked = running.request(Method::GET, "/revocations");
    let asked = asked.header("accept", "text/event-stream").send();
    let mut stream = asked.await.expect("a stream");
    let mut told = Told::default();
    for _ in 0..3 {
        told.hear(event(&mut stream).await);
    }
    assert_eq!(told.values.len() as u64, MANY);
    assert!(told.pieces[0].get("since").is_none(), "a snapshot");
    // Each was published a hundredth of a second after the one before: the first that is left out
    // of the first piece 60 s ago, of the second 20 s.
    assert!(number(&told.pieces[0], "iat") <= began.saturating_sub(50));
    assert!(number(&told.pieces[1], "iat") <= began.saturating_sub(10));
    assert!(
        number(&told.pieces[2], "iat") >= began,
        "nothing is left out"
    );
}

#[tokio::test]
async fn without_a_stream_the_next_piece_is_asked_for() {
    let running = with_many().await;
    let mut told = Told::default();
    let mut next: Option<String> = None;
    loop {
        let mut asked = running.request(Method::GET, "/revocations");
        if let Some(next) = &next {
            asked = asked.header("last-event-id", next);
        }
        let answer: Value = asked
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        let jws = answer["snapshot"].as_str().expect("a snapshot");
        told.hear(claims(jws));
        let Some(more) = answer["next"].as_str() else {
            break;
        };
        // As from somebody who has read from other servers, too.
        next = Some(format!("another:7, {more},nothing"));
    }
    assert_eq!(told.pieces.len(), 3);
    assert_eq!(told.values.len() as u64, MANY);
}

#[tokio::test]
async fn large_news_come_in_pieces_to_whoever_follows() {
    let running = start().await;
    let asked = running.request(Method::GET, "/revocations");
    let asked = asked.header("accept", "text/event-stream").send();
    let mut stream = asked.await.expect("a stream");
    let mut told = Told::default();
    told.hear(event(&mut stream).await);
    publish(&running.folder.path().join("test.db"), "new");
    while (told.values.len() as u64) < MANY {
        told.hear(event(&mut stream).await);
    }
    let since = told.pieces[1..].iter().all(|piece| piece["since"].is_u64());
    assert!(since, "nobody takes the snapshot anew");
}

#[tokio::test]
async fn a_piece_is_signed_once_for_everybody() {
    let running = with_many().await;
    let first = async || {
        let asked = running.request(Method::GET, "/revocations").send();
        asked.await.expect("an answer").text().await.expect("text")
    };
    // The signature of ES256 has a random number in it: the same one is one signature.
    assert_eq!(first().await, first().await);
}

#[tokio::test]
async fn the_feed_tells_a_follower_who_is_out() {
    let running = start().await;
    let pair = running.signed_in().await;
    let mut stream = running
        .request(Method::GET, "/revocations")
        .header("accept", "text/event-stream")
        .send()
        .await
        .expect("a stream");
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let snapshot = event(&mut stream).await;
    assert_eq!(snapshot["events"], json!([]));
    assert!(snapshot.get("since").is_none());
    running
        .post("/logout", &json!({"refresh_token": pair.refresh}))
        .await;
    loop {
        let news = event(&mut stream).await;
        if let [ended] = news["events"].as_array().expect("events").as_slice() {
            assert_eq!(ended["kind"], "sid");
            break;
        }
    }
    running.server.stop().await;
    // A stop lets followers go instead of waiting for them.
    while let Ok(Some(_)) = stream.chunk().await {}
}

/// The next bulletin of a stream, unverified.
async fn event(stream: &mut Response) -> Value {
    let mut text = String::new();
    while !text.ends_with("\n\n") {
        let chunk = stream
            .chunk()
            .await
            .expect("a chunk")
            .expect("more to come");
        text.push_str(std::str::from_utf8(&chunk).expect("text"));
    }
    let data = text
        .lines()
        .find_map(|line| line.strip_prefix("data: "))
        .expect("data");
    claims(data)
}

/// What a token says, unverified.
fn claims(jws: &str) -> Value {
    let payload = jws.split('.').nth(1).expect("three parts");
    let payload = countersign::base64url::decode(payload).expect("base64url");
    serde_json::from_slice(&payload).expect("JSON")
}
