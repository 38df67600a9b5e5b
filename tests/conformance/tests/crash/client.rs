//! The clients at work: each one user's program, that sends again what was not answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign_conformance::chance::Chance;
use countersign_conformance::{Answer, Http, Server};
use countersign_wire::paths;
use tokio::task::JoinHandle;

pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Well within the grace of 30 seconds: a token was replaced some time before the answer that says
/// so, and its next showing takes time as well.
const WITHIN_GRACE: Duration = Duration::from_secs(15);
/// How many of the tokens that were replaced lately are kept.
const KEPT: usize = 12;

/// The servers, of which any may be asked.
#[derive(Clone)]
pub(crate) struct Servers {
    all: Arc<[Http]>,
    turn: Arc<AtomicUsize>,
}

impl Servers {
    pub(crate) fn of(servers: &[Server]) -> Self {
        Self {
            all: servers.iter().map(Server::http).collect(),
            turn: Arc::default(),
        }
    }

    fn any(&self) -> &Http {
        &self.all[self.turn.fetch_add(1, Ordering::Relaxed) % self.all.len()]
    }

    /// Sends, each time to another, until there is an answer. They are away for moments only.
    async fn insist<'a, F, T>(&'a self, mut send: F) -> Answer
    where
        F: FnMut(&'a Http) -> T,
        T: Future<Output = Result<Answer, reqwest::Error>>,
    {
        for _ in 0..5_000 {
            if let Ok(answer) = send(self.any()).await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("no server came back");
    }
}

/// The clients, until they are told to stop.
pub(crate) struct Story {
    over: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Client>>,
}

impl Story {
    pub(crate) fn begin(clients: usize, servers: &Servers, chance: &mut Chance) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let tasks = (0..clients)
            .map(|number| {
                let mut client = Client::new(number, servers.clone());
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

    pub(crate) async fn end(self) -> Vec<Client> {
        self.over.store(true, Ordering::Relaxed);
        let mut clients = Vec::new();
        for task in self.tasks {
            clients.push(task.await.expect("a client found something wrong"));
        }
        clients
    }
}

/// One user's program. It keeps what a real one keeps, the last pair it was given, and besides
/// what an attacker or an eager tab would keep.
pub(crate) struct Client {
    name: String,
    servers: Servers,
    pair: Option<Pair>,
    /// Refresh tokens of this session that were replaced, and when the answer came.
    replaced: Vec<(Instant, String)>,
    /// Pairs of sessions whose end was answered for.
    pub(crate) ended: Vec<Pair>,
    pub(crate) refreshes: usize,
}

pub(crate) struct Pair {
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
    fn new(number: usize, servers: Servers) -> Self {
        Self {
            name: name(number),
            servers,
            pair: None,
            replaced: Vec::new(),
            ended: Vec::new(),
            refreshes: 0,
        }
    }

    async fn step(&mut self, chance: &mut Chance) {
        if self.pair.is_none() {
            return self.sign_in().await;
        }
        match chance.below(12) {
            0 => self.sign_out().await,
            1..4 => self.ask().await,
            4 => self.ask_without_token().await,
            5..8 => self.refresh_in_two_tabs().await,
            _ => self.refresh().await,
        }
    }

    async fn sign_in(&mut self) {
        // A session whose opening was not answered is nobody's; the next attempt opens another.
        let answer = self
            .servers
            .insist(|http| http.login(&self.name, PASSWORD))
            .await;
        assert_eq!(
            answer.status, 200,
            "{} cannot sign in: {answer:?}",
            self.name
        );
        self.pair = Some(Pair::of(&answer));
        self.replaced.clear();
    }

    /// Sends the refresh token it holds, and the same one again until there is an answer.
    async fn refresh(&mut self) {
        let Some(pair) = &self.pair else { return };
        let next = self.renewed(&pair.refresh).await;
        self.hold(next);
    }

    /// Two of them at once, each sent until there is an answer: both are answered with the same.
    async fn refresh_in_two_tabs(&mut self) {
        let Some(pair) = &self.pair else { return };
        let (one, other) = tokio::join!(self.renewed(&pair.refresh), self.renewed(&pair.refresh));
        assert_eq!(
            one.refresh, other.refresh,
            "{} was given two successors",
            self.name
        );
        self.hold(one);
    }

    async fn renewed(&self, refresh: &str) -> Pair {
        let answer = self.servers.insist(|http| http.refresh(refresh)).await;
        assert_eq!(
            answer.status, 200,
            "{} lost its session: {answer:?}",
            self.name
        );
        Pair::of(&answer)
    }

    fn hold(&mut self, next: Pair) {
        self.refreshes += 1;
        if let Some(replaced) = self.pair.replace(next) {
            self.replaced.push((Instant::now(), replaced.refresh));
            if self.replaced.len() > KEPT {
                self.replaced.remove(0);
            }
        }
    }

    async fn ask(&self) {
        let Some(pair) = &self.pair else { return };
        let answer = self.servers.insist(|http| http.me(&pair.access)).await;
        assert_eq!(answer.status, 200, "{} is not known: {answer:?}", self.name);
        assert_eq!(answer.field("username"), self.name);
    }

    async fn ask_without_token(&self) {
        let answer = self.servers.insist(|http| http.get(paths::ME)).await;
        assert_eq!(answer.status, 401, "{answer:?}");
    }

    async fn sign_out(&mut self) {
        let Some(pair) = self.pair.take() else { return };
        let answer = self.servers.insist(|http| http.logout(&pair.refresh)).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        self.ended.push(pair);
    }

    /// Whatever token of the session is shown, within the grace, what comes back is one and the
    /// same: were there a second living successor, one of them would answer with another.
    pub(crate) async fn has_one_successor(&mut self) {
        self.refresh().await;
        let Some(pair) = &self.pair else { return };
        for (when, refresh) in self.replaced.iter().rev() {
            if when.elapsed() < WITHIN_GRACE {
                let answered = self.renewed(refresh).await;
                assert_eq!(answered.refresh, pair.refresh, "{} has a fork", self.name);
            }
        }
        self.go_on().await;
    }

    /// Neither token of a session that ended is good for anything, at the latest after `news`.
    pub(crate) async fn still_signed_out(&self, news: Duration) {
        let began = Instant::now();
        for pair in &self.ended {
            let me = loop {
                let me = self.servers.insist(|http| http.me(&pair.access)).await;
                if me.status == 401 || began.elapsed() >= news {
                    break me;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            };
            assert_eq!(me.status, 401, "a revocation of {} is lost", self.name);
            assert_eq!(me.field("reason"), "revoked", "{me:?}");
            let refresh = self
                .servers
                .insist(|http| http.refresh(&pair.refresh))
                .await;
            assert_eq!(
                refresh.status, 400,
                "a session of {} lives again",
                self.name
            );
            assert_eq!(refresh.field("error"), "invalid_grant", "{refresh:?}");
        }
    }

    pub(crate) async fn go_on(&mut self) {
        self.ask().await;
        self.refresh().await;
        self.ask().await;
    }
}

pub(crate) fn name(number: usize) -> String {
    format!("user{number}")
}
