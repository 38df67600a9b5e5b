//! The server is killed with SIGKILL again and again, at moments nobody chose, while its clients
//! go on. Whatever was answered for must hold afterwards, and whoever got no answer must be able
//! to go on with what they sent.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on must fail"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign_conformance::chance::Chance;
use countersign_conformance::{Answer, Countersign, Http, Server};
use countersign_wire::paths;

const CLIENTS: usize = 6;
const CRASHES: usize = 30;
const PASSWORD: &str = "correct horse battery staple";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_answered_for_is_lost() {
    let mut chance = Chance::from_environment();
    let mut server = Server::new();
    for number in 0..CLIENTS {
        server.add_user(&name(number), PASSWORD);
    }
    server.start().await;
    let http = server.http();
    let keys = http.get(paths::JWKS).await.expect("keys").text;
    let users = listed(&server);

    let story = Story::begin(&http, &mut chance);
    for _ in 0..CRASHES {
        tokio::time::sleep(Duration::from_millis(10 + chance.below(250))).await;
        server.kill();
        server.start().await;
        assert_eq!(
            http.get(paths::JWKS).await.expect("keys").text,
            keys,
            "other keys"
        );
    }
    let clients = story.end().await;

    let mut checks = 0;
    for client in &clients {
        checks += client.ended.len();
        client.still_signed_out().await;
    }
    // Once more, so that everything has been read back from the disk at least once.
    server.kill();
    server.start().await;
    for mut client in clients {
        client.still_signed_out().await;
        client.go_on().await;
    }
    assert_eq!(listed(&server), users, "users changed");
    assert_eq!(
        http.get(paths::JWKS).await.expect("keys").text,
        keys,
        "other keys"
    );
    println!("{CRASHES} crashes, {checks} ended sessions stayed ended");
    assert!(
        checks > 0,
        "nobody signed out: the story was too short to show anything"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_cut_short_can_be_begun_again() {
    let mut chance = Chance::from_environment();
    for _ in 0..12 {
        let mut server = Server::new();
        server.spawn();
        tokio::time::sleep(Duration::from_millis(chance.below(60))).await;
        server.kill();
        server.start().await;
        let keys = server.http().get(paths::JWKS).await.expect("keys").text;
        server.kill();
        server.start().await;
        let again = server.http().get(paths::JWKS).await.expect("keys").text;
        assert_eq!(keys, again);
        server.add_user("ada", PASSWORD);
        let answer = server
            .http()
            .login("ada", PASSWORD)
            .await
            .expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

/// The clients at work, until they are told to stop.
struct Story {
    over: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<Client>>,
}

impl Story {
    fn begin(http: &Http, chance: &mut Chance) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let tasks = (0..CLIENTS)
            .map(|number| {
                let mut client = Client::new(number, http.clone());
                let (over, mut chance) = (Arc::clone(&over), chance.fork());
                tokio::spawn(async move {
                    while !over.load(Ordering::Relaxed) {
                        client.step(&mut chance).await;
                    }
                    client
                })
            })
            .collect();
        Self { over, tasks }
    }

    async fn end(self) -> Vec<Client> {
        self.over.store(true, Ordering::Relaxed);
        let mut clients = Vec::new();
        for task in self.tasks {
            clients.push(task.await.expect("a client found something wrong"));
        }
        clients
    }
}

/// One user's program. It keeps what a real one keeps: the last pair it was given.
struct Client {
    name: String,
    http: Http,
    pair: Option<Pair>,
    /// Pairs of sessions whose end was answered for.
    ended: Vec<Pair>,
}

struct Pair {
    access: String,
    refresh: String,
}

impl Pair {
    fn of(answer: &Answer) -> Self {
        Self {
            access: answer.field("access_token"),
            refresh: answer.field("refresh_token"),
        }
    }
}

impl Client {
    fn new(number: usize, http: Http) -> Self {
        Self {
            name: name(number),
            http,
            pair: None,
            ended: Vec::new(),
        }
    }

    async fn step(&mut self, chance: &mut Chance) {
        if self.pair.is_none() {
            return self.sign_in().await;
        }
        match chance.below(10) {
            0 => self.sign_out().await,
            1..4 => self.ask().await,
            4 => self.ask_without_token().await,
            _ => self.refresh().await,
        }
    }

    async fn sign_in(&mut self) {
        // A session whose opening was not answered is nobody's; the next attempt opens another.
        let answer = insist(|| self.http.login(&self.name, PASSWORD)).await;
        assert_eq!(
            answer.status, 200,
            "{} cannot sign in: {answer:?}",
            self.name
        );
        self.pair = Some(Pair::of(&answer));
    }

    /// Sends the refresh token it holds, and the same one again until there is an answer.
    async fn refresh(&mut self) {
        let Some(pair) = &self.pair else { return };
        let answer = insist(|| self.http.refresh(&pair.refresh)).await;
        assert_eq!(
            answer.status, 200,
            "{} lost its session: {answer:?}",
            self.name
        );
        self.pair = Some(Pair::of(&answer));
    }

    async fn ask(&self) {
        let Some(pair) = &self.pair else { return };
        let answer = insist(|| self.http.me(&pair.access)).await;
        assert_eq!(answer.status, 200, "{} is not known: {answer:?}", self.name);
        assert_eq!(answer.field("username"), self.name);
    }

    async fn ask_without_token(&self) {
        let answer = insist(|| self.http.get(paths::ME)).await;
        assert_eq!(answer.status, 401, "{answer:?}");
    }

    async fn sign_out(&mut self) {
        let Some(pair) = self.pair.take() else { return };
        let answer = insist(|| self.http.logout(&pair.refresh)).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        self.ended.push(pair);
    }

    /// Neither token of a session that ended is good for anything.
    async fn still_signed_out(&self) {
        for pair in &self.ended {
            let me = insist(|| self.http.me(&pair.access)).await;
            assert_eq!(me.status, 401, "a revocation of {} is lost", self.name);
            assert_eq!(me.field("reason"), "revoked", "{me:?}");
            let refresh = insist(|| self.http.refresh(&pair.refresh)).await;
            assert_eq!(
                refresh.status, 400,
                "a session of {} lives again",
                self.name
            );
            assert_eq!(refresh.field("error"), "invalid_grant", "{refresh:?}");
        }
    }

    async fn go_on(&mut self) {
        self.ask().await;
        self.refresh().await;
        self.ask().await;
    }
}

/// Sends until there is an answer. The server is away for moments only.
async fn insist<F, T>(mut send: F) -> Answer
where
    F: FnMut() -> T,
    T: Future<Output = Result<Answer, reqwest::Error>>,
{
    for _ in 0..5_000 {
        if let Ok(answer) = send().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the server did not come back");
}

fn name(number: usize) -> String {
    format!("user{number}")
}

fn listed(server: &Server) -> String {
    let database = server.database();
    Countersign::new(["user", "list", "--json", "--database", &database])
        .within(server.folder())
        .succeed()
}
