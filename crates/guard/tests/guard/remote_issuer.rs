//! An issuer on a socket of this machine, well behaved or not, as the test says.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use countersign::{KeySet, SigningKey, UnixTime};
use countersign_guard::{Guard, GuardBuilder};
use countersign_wire::discovery::Metadata;
use countersign_wire::paths;
use countersign_wire::revocation::{self, Bulletin, Event, Kind, SnapshotAnswer};
use http::{HeaderMap, Response, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;

use crate::issuer::{AUDIENCE, Issuer};

pub(crate) struct RemoteIssuer {
    pub(crate) issuer: Issuer,
    world: World,
    serving: AbortHandle,
}

type World = Arc<Mutex<Behaviour>>;

/// What the issuer publishes and how it answers; everything a test may bend.
pub(crate) struct Behaviour {
    pub(crate) metadata: Metadata,
    pub(crate) published: Vec<SigningKey>,
    pub(crate) keys: Answer,
    pub(crate) keys_delay: Duration,
    pub(crate) key_fetches: usize,
    pub(crate) snapshot: Answer,
    pub(crate) snapshot_fetches: usize,
    /// Signs the snapshots.
    pub(crate) feed_key: SigningKey,
    pub(crate) feed_typ: &'static str,
    pub(crate) bulletin: Bulletin,
    /// Whether `as_of` is the time of the answer.
    pub(crate) clock_runs: bool,
    /// How many events an answer in JSON has at most; 0: all, whatever is asked for.
    pub(crate) at_once: usize,
    /// What another server behind the same address has to say, which gives every second answer.
    pub(crate) other: Option<Bulletin>,
    /// Whether the revocations are streamed to those who ask for a stream.
    pub(crate) streams: bool,
    /// Who asked for a stream and was given one: its `Last-Event-ID`, and the way to it.
    pub(crate) followers: Vec<(Option<String>, UnboundedSender<String>)>,
}

impl Behaviour {
    /// The bulletin as it is now, signed; only what came after `since` if that is given.
    pub(crate) fn signed(&mut self, since: Option<u64>) -> String {
        if self.clock_runs {
            self.bulletin.as_of = UnixTime::now().as_secs();
        }
        let mut bulletin = self.bulletin.clone();
        if let Some(since) = since {
            bulletin.since = Some(since);
            let known = usize::try_from(since).expect("a small counter");
            bulletin.events.drain(..known);
        }
        let signer = Issuer {
            name: String::new(),
            key: self.feed_key.clone(),
        };
        signer.sign_typ(self.feed_typ, &bulletin)
    }

    /// One piece of it after `since`, signed, and where the next one begins if there is more.
    fn piece(&mut self, since: Option<u64>) -> SnapshotAnswer {
        let whole = self.bulletin.clone();
        let end = match self.at_once as u64 {
            0 => whole.counter,
            at_once => whole.counter.min(since.unwrap_or(0) + at_once),
        };
        self.bulletin.counter = end;
        let kept = usize::try_from(end).expect("a small counter");
        self.bulletin.events.truncate(kept);
        let since = since.filter(|_| self.at_once > 0);
        let snapshot = self.signed(since);
        let next = (end < whole.counter).then(|| format!("{}:{end}", whole.epoch));
        let as_of = self.bulletin.as_of;
        self.bulletin = Bulletin { as_of, ..whole };
        SnapshotAnswer { snapshot, next }
    }

    /// Where the reader of this epoch is, by what he says he has read.
    fn own(&self, cursors: Option<&str>) -> Option<u64> {
        let own = format!("{}:", self.bulletin.epoch);
        let mut cursors = cursors?.split(',');
        cursors.find_map(|cursor| cursor.strip_prefix(&own)?.parse().ok())
    }

    /// Sends it to all followers; those that went away are forgotten.
    pub(crate) fn send(&mut self, since: Option<u64>) {
        let message = format!("data: {}\n\n", self.signed(since));
        self.followers
            .retain(|(_, follower)| follower.send(message.clone()).is_ok());
    }
}

pub(crate) enum Answer {
    Honest,
    Status(u16),
    Redirect(String),
    Body(Vec<u8>),
}

impl RemoteIssuer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let issuer = Issuer::named(&url);
        let world = Arc::new(Mutex::new(Behaviour {
            metadata: Metadata {
                issuer: url.clone(),
                jwks_uri: format!("{url}{}", paths::JWKS),
                countersign_revocations_endpoint: Some(format!("{url}{}", paths::REVOCATIONS)),
                ..Metadata::default()
            },
            published: vec![issuer.key.clone()],
            keys: Answer::Honest,
            keys_delay: Duration::ZERO,
            key_fetches: 0,
            snapshot: Answer::Honest,
            snapshot_fetches: 0,
            feed_key: issuer.key.clone(),
            feed_typ: revocation::TYP,
            bulletin: Bulletin {
                iss: url,
                as_of: UnixTime::now().as_secs(),
                epoch: "first".to_owned(),
                counter: 0,
                since: None,
                events: Vec::new(),
            },
            clock_runs: true,
            at_once: 0,
            other: None,
            streams: false,
            followers: Vec::new(),
        }));
        let app = Router::new()
            .route(paths::OPENID_CONFIGURATION, get(metadata))
            .route(paths::JWKS, get(keys))
            .route(paths::REVOCATIONS, get(snapshot))
            .with_state(Arc::clone(&world));
        let serving = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("serving");
        });
        Self {
            issuer,
            world,
            serving: serving.abort_handle(),
        }
    }

    pub(crate) fn behaviour(&self) -> MutexGuard<'_, Behaviour> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Settings that make a test fast.
    pub(crate) fn builder(&self) -> GuardBuilder {
        Guard::builder(&self.issuer.name, AUDIENCE)
            .fetch_timeout(Duration::from_secs(10))
            .revocation_interval(Duration::from_millis(20))
    }

    /// A good token of now.
    pub(crate) fn token(&self) -> String {
        self.issuer.sign(&self.issuer.claims(UnixTime::now()))
    }

    /// A good token of now, signed with another key.
    pub(crate) fn token_by(&self, key: &SigningKey) -> String {
        let issuer = Issuer {
            name: self.issuer.name.clone(),
            key: key.clone(),
        };
        issuer.sign(&issuer.claims(UnixTime::now()))
    }

    /// Takes something back, in the honest way.
    pub(crate) fn revoke(&self, kind: Kind, value: &str) {
        let until = UnixTime::now().as_secs() + 900;
        let bulletin = &mut self.behaviour().bulletin;
        bulletin.counter += 1;
        bulletin.events.push(Event {
            kind,
            value: value.to_owned(),
            at: None,
            until,
        });
    }
}

impl Drop for RemoteIssuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Waits until it is so; a test that waits in vain fails.
#[track_caller]
pub(crate) fn eventually(what: &str, so: impl Fn() -> bool) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        for _ in 0..2_000 {
            if so() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(
            so(),
            "{place}: in twenty seconds it was never so that {what}"
        );
    }
}

async fn metadata(State(world): State<World>) -> Response<Body> {
    let behaviour = world.lock().unwrap_or_else(PoisonError::into_inner);
    json(&behaviour.metadata)
}

async fn keys(State(world): State<World>) -> Response<Body> {
    let (answer, delay) = {
        let mut behaviour = world.lock().unwrap_or_else(PoisonError::into_inner);
        behaviour.key_fetches += 1;
        let answer = match &behaviour.keys {
            Answer::Honest => {
                let keys = behaviour.published.iter().map(SigningKey::verifying_key);
                let set = KeySet::new(keys).expect("a set").to_json();
                Response::builder()
                    .header("content-type", "application/json")
                    .header("cache-control", "public, max-age=300")
                    .body(Body::from(set))
                    .expect("an answer")
            }
            other => dishonest(other),
        };
        (answer, behaviour.keys_delay)
    };
    tokio::time::sleep(delay).await;
    answer
}

async fn snapshot(State(world): State<World>, headers: HeaderMap) -> Response<Body> {
    let mut behaviour = world.lock().unwrap_or_else(PoisonError::into_inner);
    behaviour.snapshot_fetches += 1;
    let accepts = headers
        .get("accept")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let cursor = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok());
    if behaviour.streams && accepts.contains("text/event-stream") {
        return stream(&mut behaviour, cursor.map(str::to_owned));
    }
    match &behaviour.snapshot {
        Answer::Honest => {
            let since = behaviour.own(cursor);
            let answer = json(&behaviour.piece(since));
            let behaviour = &mut *behaviour;
            if let Some(other) = &mut behaviour.other {
                std::mem::swap(other, &mut behaviour.bulletin);
            }
            answer
        }
        other => dishonest(other),
    }
}

/// A stream that goes on from the cursor, if it is one of this epoch.
fn stream(behaviour: &mut Behaviour, cursor: Option<String>) -> Response<Body> {
    let (sender, receiver) = unbounded_channel();
    let since = behaviour.own(cursor.as_deref());
    let first = format!("data: {}\n\n", behaviour.signed(since));
    sender.send(first).expect("the receiver is here");
    behaviour.followers.push((cursor, sender));
    let messages = futures_util::stream::unfold(receiver, async |mut receiver| {
        let message = receiver.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(message), receiver))
    });
    Response::builder()
        .header("content-type", "text/event-stream")
        .body(Body::from_stream(messages))
        .expect("an answer")
}

fn dishonest(answer: &Answer) -> Response<Body> {
    let response = Response::builder();
    match answer {
        Answer::Honest => Response::new(Body::empty()),
        Answer::Status(status) => response
            .status(*status)
            .body(Body::empty())
            .expect("an answer"),
        Answer::Redirect(to) => response
            .status(StatusCode::FOUND)
            .header("location", to)
            .body(Body::empty())
            .expect("an answer"),
        Answer::Body(body) => Response::new(Body::from(body.clone())),
    }
}

fn json(value: &impl serde::Serialize) -> Response<Body> {
    let body = serde_json::to_vec(value).expect("JSON");
    Response::builder()
        .header("content-type", "application/json")
        .body(Body::from(body))
        .expect("an answer")
}
