//! SIGTERM in the middle of sign-ins and refreshes: what was begun is answered, nothing that was
//! answered for is lost, nothing was done that was not answered for, and followers of the feed are
//! let go. On either engine.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test that cannot go on must fail"
)]

#[path = "../../../crates/server/tests/store/cluster.rs"]
#[expect(dead_code, reason = "the tests of the store need more of it")]
mod cluster;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use countersign_conformance::chance::Chance;
use countersign_conformance::{Http, Server, Shared};
use countersign_wire::paths;
use reqwest::Method;
use reqwest::header::ACCEPT;
use rusqlite::{Connection, OpenFlags};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::cluster::{Cluster, connect};

const PASSWORD: &str = "correct horse battery staple";
const SHUTDOWNS: usize = 8;
/// Those who sign in keep the hashing lanes busy, so that there is always something under way.
const SIGNING_IN: usize = 6;
const REFRESHING: usize = 6;
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_is_answered_and_what_was_answered_for_is_kept() {
    let server = Server::new();
    let database = Database::File(server.folder().join("countersign.db"));
    shut_down_again_and_again(server, &database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_on_a_shared_database() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let shared = Shared::on(cluster.new_database().await);
    let database = Database::Shared(connect(&shared.database).await);
    shut_down_again_and_again(Server::sharing(&shared), &database).await;
}

/// Also one that answers already and has more to say: the password of its first administrator is being
/// hashed.
#[tokio::test]
async fn a_server_that_has_only_just_begun_ends_in_order() {
    for _ in 0..SHUTDOWNS {
        let mut server = Server::with(["--dev"]);
        server.start().await;
        server.terminate();
        let (status, words) = server.ended_with_words().await;
        assert!(status.success(), "{status}: {words:?}");
        assert!(words.iter().any(|line| line == "stopping"), "{words:?}");
    }
}

async fn shut_down_again_and_again(mut server: Server, database: &Database) {
    let mut chance = Chance::from_environment();
    for number in 0..SIGNING_IN + REFRESHING {
        server.add_user(&name(number), PASSWORD);
    }
    server.start().await;
    let mut people = Vec::new();
    for number in 0..SIGNING_IN + REFRESHING {
        let mut person = Person::new(number, server.http());
        person.sign_in().await;
        assert_eq!(person.sign_ins, 1, "{}", person.name);
        people.push(person);
    }
    let mut answered_late = 0;
    for _ in 0..SHUTDOWNS {
        let follower = tokio::spawn(follow(server.http()));
        let stopping = Arc::new(AtomicBool::new(false));
        let tasks: Vec<JoinHandle<Person>> = people
            .drain(..)
            .map(|person| tokio::spawn(person.work(Arc::clone(&stopping))))
            .collect();
        tokio::time::sleep(Duration::from_millis(300 + chance.below(300))).await;
        stopping.store(true, Ordering::SeqCst);
        server.terminate();
        let status = server.ended().await;
        assert!(status.success(), "countersign serve ended with {status}");
        for task in tasks {
            people.push(task.await.expect("a person found something wrong"));
        }
        let heard = follower.await.expect("a follower");
        assert!(heard > 0, "the follower heard nothing before");
        for person in &mut people {
            answered_late += person.answered_late;
            person.answered_late = 0;
            person.has_what_was_answered_for(database).await;
        }
        database.assert_at_rest().await;

        server.start().await;
        for person in &mut people {
            person.go_on().await;
        }
    }
    println!("{SHUTDOWNS} shutdowns, {answered_late} answers after the signal");
    assert!(
        answered_late > 0,
        "nothing was under way: nothing was shown"
    );
}

/// What the server keeps, as it is found when no server runs.
enum Database {
    File(PathBuf),
    Shared(Client),
}

impl Database {
    /// How many sessions this user has, and how often they were refreshed.
    async fn held_for(&self, name: &str) -> (i64, i64) {
        match self {
            Self::File(path) => {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
                let database = Connection::open_with_flags(path, flags).expect("a database");
                let sql = "SELECT count(*), max(generation) FROM sessions
                     JOIN users ON users.id = sessions.user_id WHERE username = ?1";
                let held = database.query_row(sql, [name], |row| Ok((row.get(0)?, row.get(1)?)));
                held.expect("sessions")
            }
            Self::Shared(database) => {
                let sql = "SELECT count(*), max(generation) FROM countersign.sessions
                     JOIN countersign.users ON users.id = sessions.user_id WHERE username = $1";
                let row = database.query_one(sql, &[&name]).await.expect("sessions");
                (row.get(0), row.get(1))
            }
        }
    }

    /// Nothing waits to be written, and nobody is connected but the test.
    async fn assert_at_rest(&self) {
        match self {
            Self::File(path) => {
                let log = path.with_extension("db-wal");
                let left = fs::metadata(&log).map_or(0, |log| log.len());
                assert_eq!(left, 0, "the log was not written out");
            }
            Self::Shared(database) => {
                let sql = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND pid <> pg_backend_pid()";
                let began = Instant::now();
                // The database takes note of a closed connection when it has time for it.
                while database
                    .query_one(sql, &[])
                    .await
                    .expect("a row")
                    .get::<_, i64>(0)
                    > 0
                {
                    assert!(began.elapsed() < PATIENCE, "connections were left open");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
    }
}

/// Follows the feed until it is let go: the stream ends as it should, and does not break off.
async fn follow(http: Http) -> usize {
    let request = http.request(Method::GET, paths::REVOCATIONS);
    let answer = request.header(ACCEPT, "text/event-stream").send().await;
    let mut answer = answer.expect("a stream");
    let mut heard = 0;
    while let Some(news) = answer.chunk().await.expect("an end, and not a break") {
        heard += news.len();
    }
    heard
}

/// A user who counts what was answered.
struct Person {
    name: String,
    http: Http,
    signs_in: bool,
    access: String,
    refresh: String,
    sign_ins: i64,
    refreshes: i64,
    /// Answers that came after the server was told to end.
    answered_late: usize,
}

impl Person {
    fn new(number: usize, http: Http) -> Self {
        Self {
            name: name(number),
            http,
            signs_in: number < SIGNING_IN,
            access: String::new(),
            refresh: String::new(),
            sign_ins: 0,
            refreshes: 0,
            answered_late: 0,
        }
    }

    /// Asks and asks until the server is gone.
    async fn work(mut self, stopping: Arc<AtomicBool>) -> Self {
        loop {
            let answered = if self.signs_in {
                self.sign_in().await
            } else {
                self.renew().await
            };
            let late = stopping.load(Ordering::SeqCst);
            self.answered_late += usize::from(answered && late);
            if !answered {
                assert!(late, "{} was not answered by a running server", self.name);
                return self;
            }
        }
    }

    async fn sign_in(&mut self) -> bool {
        let Ok(answer) = self.http.login(&self.name, PASSWORD).await else {
            return false;
        };
        assert_eq!(answer.status, 200, "{}: {answer:?}", self.name);
        self.sign_ins += 1;
        self.refreshes = 0;
        self.access = answer.field("access_token");
        self.refresh = answer.field("refresh_token");
        true
    }

    async fn renew(&mut self) -> bool {
        let Ok(answer) = self.http.refresh(&self.refresh).await else {
            return false;
        };
        assert_eq!(answer.status, 200, "{}: {answer:?}", self.name);
        self.refreshes += 1;
        self.access = answer.field("access_token");
        self.refresh = answer.field("refresh_token");
        true
    }

    /// The database holds a session for each sign-in that was answered, and a generation for each
    /// refresh: none less, which would be a loss, and none more, which would be an answer withheld.
    async fn has_what_was_answered_for(&self, database: &Database) {
        let held = database.held_for(&self.name).await;
        let generations = if self.signs_in { 0 } else { self.refreshes };
        assert_eq!(held, (self.sign_ins, generations), "{}", self.name);
    }

    async fn go_on(&mut self) {
        let me = self.http.me(&self.access).await.expect("an answer");
        assert_eq!(me.status, 200, "{} is not known: {me:?}", self.name);
        if !self.signs_in {
            assert!(self.renew().await, "{} is not answered", self.name);
        }
    }
}

fn name(number: usize) -> String {
    format!("user{number}")
}
