//! What the followers of the revocation feed share: one signed bulletin for all, never one each.
//!
//! News too large for one piece are told to nobody in particular: every follower is behind then.
//!
//! What is written is made once, with the frame of the event around it, and shared: a follower that
//! has nothing to hear costs no memory for what others hear. Pieces are kept for a few seconds, so
//! that a crowd of guards that comes back together is served with as many signatures as one guard.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use countersign::UnixTime;
use countersign::sign::Signer;
use countersign_issuer::IssuerError;
use countersign_issuer::revoke::{Cursor, Piece, Revocation, RevocationKind};
use countersign_wire::revocation::{Bulletin, Event, Kind, TYP};
use tokio::sync::{Mutex, MutexGuard, Notify, broadcast, watch};
use tokio::time::Instant;

/// How many bulletins a follower may be behind before he goes on from his cursor.
const QUEUE: usize = 64;
/// How many bytes of pieces are kept at most: cursors are whatever somebody likes to send.
const KEPT_BYTES: usize = 64 * 1024 * 1024;

/// What the followers of one process share.
#[derive(Debug)]
pub(super) struct Feed {
    news: broadcast::Sender<News>,
    wake: Notify,
    stop: watch::Sender<bool>,
    pieces: Mutex<Pieces>,
}

/// A signed piece, framed as an event of a stream.
#[derive(Clone, Debug)]
pub(super) struct News {
    /// How far it brings whoever knows everything before it.
    pub(super) upto: Cursor,
    /// What it begins with: whoever has read less than that must take a piece of his own.
    pub(super) since: Option<u64>,
    pub(super) as_of: UnixTime,
    pub(super) last: bool,
    pub(super) event: Bytes,
}

/// The pieces that were asked for lately, by the count that whoever gets them knows already.
#[derive(Debug, Default)]
pub(super) struct Pieces(BTreeMap<Option<u64>, Kept>);

#[derive(Debug)]
struct Kept {
    news: News,
    /// Whose signature it has.
    key_id: Option<String>,
    asked: Instant,
}

impl Feed {
    pub(super) fn new() -> Self {
        Self {
            news: broadcast::Sender::new(QUEUE),
            wake: Notify::new(),
            stop: watch::Sender::new(false),
            pieces: Mutex::default(),
        }
    }

    /// How many follow.
    pub(super) fn followers(&self) -> usize {
        self.news.receiver_count()
    }

    /// Everything that is told from now on, and the word to stop.
    pub(super) fn subscribe(&self) -> (broadcast::Receiver<News>, watch::Receiver<bool>) {
        (self.news.subscribe(), self.stop.subscribe())
    }

    /// Tells every follower.
    pub(super) fn tell(&self, news: News) {
        // The last follower may have gone meanwhile.
        drop(self.news.send(news));
    }

    /// There is something to tell.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits for that.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Lets every follower go.
    pub(super) fn end(&self) {
        self.stop.send_replace(true);
    }

    /// The pieces, for one at a time: whoever asks for what is being signed already waits for that.
    pub(super) async fn pieces(&self) -> MutexGuard<'_, Pieces> {
        self.pieces.lock().await
    }

    /// Forgets the signed pieces for which nobody has asked for so long.
    pub(super) async fn forget_pieces(&self, unasked: Duration) {
        let mut pieces = self.pieces().await;
        pieces.0.retain(|_, kept| kept.asked.elapsed() < unasked);
    }
}

impl Pieces {
    /// The piece for whoever knows `from`, if there is one that is still what he should be told with
    /// the set `here`, under the key `key_id`.
    pub(super) fn kept(
        &mut self,
        from: Option<u64>,
        here: &Cursor,
        now: UnixTime,
        key_id: Option<&str>,
    ) -> Option<News> {
        let kept = self.0.get_mut(&from)?;
        if !kept.holds(here, now, key_id) {
            return None;
        }
        kept.asked = Instant::now();
        Some(kept.news.clone())
    }

    /// Keeps what was signed with `key_id`, and forgets what was asked for the longest time ago, until
    /// what is left is not too much.
    pub(super) fn keep(&mut self, from: Option<u64>, news: News, key_id: Option<&str>) {
        let kept = Kept {
            news,
            key_id: key_id.map(str::to_owned),
            asked: Instant::now(),
        };
        self.0.insert(from, kept);
        let mut bytes: usize = self.0.values().map(|kept| kept.news.event.len()).sum();
        while bytes > KEPT_BYTES
            && let Some((&from, _)) = self.0.iter().min_by_key(|(_, kept)| kept.asked)
            && let Some(gone) = self.0.remove(&from)
        {
            bytes -= gone.news.event.len();
        }
    }
}

impl Kept {
    /// Whether it is still what whoever asks should be told. A piece that is not the last stays as
    /// it is; of the last one, a second later, the time is another.
    fn holds(&self, here: &Cursor, now: UnixTime, key_id: Option<&str>) -> bool {
        let News {
            upto, as_of, last, ..
        } = &self.news;
        self.key_id.as_deref() == key_id
            && upto.epoch == here.epoch
            && (!last || (upto.counter == here.counter && *as_of >= now))
    }
}

const ID: &str = "id: ";
const DATA: &str = "\ndata: ";
const END: &str = "\n\n";

impl News {
    /// Signs a piece in the name of `issuer`.
    pub(super) fn sign(piece: Piece, issuer: &str, signer: Signer) -> Result<Self, IssuerError> {
        let bulletin = Bulletin {
            iss: issuer.to_owned(),
            as_of: piece.as_of.as_secs(),
            epoch: piece.upto.epoch.clone(),
            counter: piece.upto.counter,
            since: piece.since,
            events: piece.events.into_iter().map(event).collect(),
        };
        let jws = signer.typ(TYP).sign(&bulletin)?;
        let cursor = written(&piece.upto);
        Ok(Self {
            event: [ID, &cursor, DATA, &jws, END].concat().into(),
            upto: piece.upto,
            since: piece.since,
            as_of: piece.as_of,
            last: piece.last,
        })
    }

    pub(super) fn jws(&self) -> &str {
        let before = ID.len() + written(&self.upto).len() + DATA.len();
        let jws = self.event.get(before..self.event.len() - END.len());
        jws.and_then(|jws| std::str::from_utf8(jws).ok())
            .unwrap_or_default()
    }
}

fn event(revocation: Revocation) -> Event {
    let until = revocation.until.as_secs();
    Event {
        kind: kind(revocation.kind),
        value: revocation.value,
        at: Some(revocation.at.as_secs()),
        until,
    }
}

/// A revocation's kind, as it travels.
pub(super) fn kind(kind: RevocationKind) -> Kind {
    match kind {
        RevocationKind::Session => Kind::Sid,
        RevocationKind::Subject => Kind::Sub,
        RevocationKind::Token => Kind::Jti,
        RevocationKind::Key => Kind::Kid,
    }
}

/// A cursor as it travels in an event's id.
pub(super) fn written(cursor: &Cursor) -> String {
    format!("{}:{}", cursor.epoch, cursor.counter)
}

/// Reads a cursor as it travels.
pub(super) fn read(text: &str) -> Option<Cursor> {
    let (epoch, counter) = text.rsplit_once(':')?;
    Some(Cursor {
        epoch: epoch.to_owned(),
        counter: counter.parse().ok()?,
    })
}
