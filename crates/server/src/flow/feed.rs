//! The live feed of revocations: one signed bulletin for all followers, never one each.
//!
//! ```text
//!   publish -> LiveSet -> wake -> sign once -> every follower's queue
//!                          ^ and every two seconds, so that silence cannot be mistaken for peace
//!
//!   a follower that is behind:  LiveSet -> a piece, signed once for all who are at the same place
//! ```
//!
//! Whoever is new, comes back, or could not keep up is behind: he is told from his own cursor on, a
//! piece of a bounded size at a time and as fast as he reads, until there is no more; from then on he
//! takes what everybody gets. He subscribes before he reads his first piece, so nothing falls between
//! the two; what he then gets twice does no harm, because the set has no order. News too large for
//! one piece are told to nobody in particular: every follower is behind then.
//!
//! What is written is made once, with the frame of the event around it, and shared: a follower that
//! has nothing to hear costs no memory for what others hear. Pieces are kept for a few seconds, so
//! that a crowd of guards that comes back together is served with as many signatures as one guard.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign::UnixTime;
use countersign::sign::Signer;
use countersign_issuer::IssuerError;
use countersign_issuer::revoke::{Cursor, Piece};
use countersign_wire::revocation::{Bulletin, HEARTBEAT, SnapshotAnswer, TYP};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Mutex, Notify, broadcast, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::revocations::event;
use super::{Authority, FlowError, new_id};

/// How many events one bulletin tells of at most: about a megabyte.
const AT_ONCE: usize = 10_000;
/// How many bulletins a follower may be behind before he goes on from his cursor.
const QUEUE: usize = 64;
/// How long a piece is kept that nobody asks for.
const KEPT: Duration = Duration::from_secs(10);
/// How many bytes of pieces are kept at most: cursors are whatever somebody likes to send.
const KEPT_BYTES: usize = 64 * 1024 * 1024;

/// What the followers of one process share.
#[derive(Debug)]
pub(super) struct Feed {
    news: broadcast::Sender<News>,
    wake: Notify,
    stop: watch::Sender<bool>,
    /// By the count that whoever gets them knows already.
    pieces: Mutex<BTreeMap<Option<u64>, Kept>>,
}

/// A signed piece, framed as an event of a stream.
#[derive(Clone, Debug)]
struct News {
    /// How far it brings whoever knows everything before it.
    upto: Cursor,
    /// What it begins with: whoever has read less than that must take a piece of his own.
    since: Option<u64>,
    as_of: UnixTime,
    last: bool,
    event: Bytes,
}

#[derive(Debug)]
struct Kept {
    news: News,
    /// Whose signature it has.
    key_id: Option<String>,
    asked: Instant,
}

/// One follower: what he has read, and everything that comes.
pub(crate) struct Follower {
    authority: Arc<Authority>,
    read: Cursor,
    as_of: UnixTime,
    first: Option<Bytes>,
    behind: bool,
    news: broadcast::Receiver<News>,
    stop: watch::Receiver<bool>,
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

    /// There is something to tell.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }
}

/// How something new stands to what a follower has read.
enum Place {
    /// It goes on from there.
    Joins,
    /// He has read that, or something newer.
    Known,
    /// There is something in between.
    Gap,
}

impl Follower {
    /// The next event of the stream; `None` when the server stops, or cannot sign what comes next.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        loop {
            if self.behind {
                // The server's end need not wait until somebody has read a whole snapshot.
                if *self.stop.borrow() {
                    return None;
                }
                return match self.authority.news_for(Some(&self.read)).await {
                    Ok(news) => Some(self.take(news)),
                    Err(error) => {
                        tracing::error!(%error, "cannot sign a revocation bulletin");
                        None
                    }
                };
            }
            let news = tokio::select! {
                news = self.news.recv() => news,
                // An error means that the server is gone, which is a stop as well.
                _ = self.stop.wait_for(|stopped| *stopped) => return None,
            };
            match news {
                Ok(news) => match self.place(&news) {
                    Place::Joins => return Some(self.take(news)),
                    Place::Known => {}
                    Place::Gap => self.behind = true,
                },
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn place(&self, news: &News) -> Place {
        if news.upto.epoch != self.read.epoch {
            return Place::Gap;
        }
        if news.upto.counter < self.read.counter || news.as_of < self.as_of {
            return Place::Known;
        }
        if news.since.unwrap_or(0) <= self.read.counter {
            Place::Joins
        } else {
            Place::Gap
        }
    }

    fn take(&mut self, news: News) -> Bytes {
        self.read = news.upto;
        self.as_of = news.as_of;
        self.behind = !news.last;
        news.event
    }
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower")
            .field("read", &self.read)
            .field("behind", &self.behind)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// Follows the feed from the one of `cursors`, as they stood in a `Last-Event-ID`, that is of this
    /// server's epoch; without one, from the beginning of a snapshot.
    pub(crate) async fn follow(
        self: Arc<Self>,
        cursors: Option<&str>,
    ) -> Result<Follower, FlowError> {
        let (news, stop) = (self.feed.news.subscribe(), self.feed.stop.subscribe());
        let first = self.news_for(self.own(cursors).as_ref()).await?;
        Ok(Follower {
            news,
            stop,
            read: first.upto,
            as_of: first.as_of,
            behind: !first.last,
            first: Some(first.event),
            authority: self,
        })
    }

    /// One piece for somebody who does not follow: from one of `cursors`, or the beginning of a
    /// snapshot, and where it goes on if that is not all.
    pub(crate) async fn revocations_from(
        &self,
        cursors: Option<&str>,
    ) -> Result<SnapshotAnswer, FlowError> {
        let news = self.news_for(self.own(cursors).as_ref()).await?;
        Ok(SnapshotAnswer {
            snapshot: news.jws().to_owned(),
            next: (!news.last).then(|| format(&news.upto)),
        })
    }

    /// The cursor that this server gave away, among those of others behind the same address.
    fn own(&self, cursors: Option<&str>) -> Option<Cursor> {
        let epoch = self.live().cursor().epoch;
        let given = cursors?
            .split(',')
            .filter_map(|cursor| parse(cursor.trim()));
        given.into_iter().find(|cursor| cursor.epoch == epoch)
    }

    /// Signs and sends what is new, and a heartbeat when nothing is; until it is dropped.
    pub(crate) async fn feed_followers(&self) {
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = self.live().cursor();
        loop {
            tokio::select! {
                () = self.feed.wake.notified() => {}
                _ = heartbeat.tick() => self.forget_pieces(KEPT).await,
            }
            // Nobody listens: whoever comes next begins with a snapshot or from a cursor.
            if self.feed.news.receiver_count() == 0 {
                told = self.live().cursor();
                continue;
            }
            match self.news_for(Some(&told)).await {
                Ok(news) => {
                    told = news.upto.clone();
                    if !news.last {
                        // Too much for one: each goes on from where he is.
                        told = self.live().cursor();
                    }
                    // The last follower may have gone meanwhile.
                    drop(self.feed.news.send(news));
                }
                Err(error) => tracing::error!(%error, "cannot sign a revocation bulletin"),
            }
        }
    }

    /// Lets every follower go, so that the server can stop.
    pub(crate) fn end_feed(&self) {
        self.feed.stop.send_replace(true);
    }

    /// Forgets the signed pieces for which nobody has asked for so long.
    pub(super) async fn forget_pieces(&self, unasked: Duration) {
        let mut pieces = self.feed.pieces.lock().await;
        pieces.retain(|_, kept| kept.asked.elapsed() < unasked);
    }

    /// What somebody is told next who has read up to `known`, signed. Whoever asks for what is being
    /// signed already waits for that.
    async fn news_for(&self, known: Option<&Cursor>) -> Result<News, FlowError> {
        let mut pieces = self.feed.pieces.lock().await;
        let ring = self.ring.load();
        let key = ring.keys.signing(None)?;
        let (now, here) = self.time_of_the_feed()?;
        let known = known.filter(|known| known.epoch == here.epoch);
        let from = known.map(|known| known.counter);
        if let Some(kept) = pieces.get_mut(&from)
            && kept.holds(&here, now, key.key_id())
        {
            kept.asked = Instant::now();
            return Ok(kept.news.clone());
        }
        let piece = self.live().piece(known, AT_ONCE, now);
        let news = sign(piece, self.issuer(), Signer::new(key.clone()))?;
        let kept = Kept {
            news: news.clone(),
            key_id: key.key_id().map(str::to_owned),
            asked: Instant::now(),
        };
        pieces.insert(from, kept);
        make_room(&mut pieces);
        Ok(news)
    }

    /// The time, and how far the set is. If the clock has stepped back, a new epoch begins.
    fn time_of_the_feed(&self) -> Result<(UnixTime, Cursor), FlowError> {
        let now = UnixTime::now();
        let mut live = self.live();
        if live.is_ahead_of(now) {
            tracing::warn!("the clock was set back; every guard takes the revocations anew");
            live.begin_epoch(new_id()?, now);
        }
        Ok((now, live.cursor()))
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

/// Forgets what was asked for the longest time ago, until what is left is not too much.
fn make_room(pieces: &mut BTreeMap<Option<u64>, Kept>) {
    let mut bytes: usize = pieces.values().map(|kept| kept.news.event.len()).sum();
    while bytes > KEPT_BYTES
        && let Some((&from, _)) = pieces.iter().min_by_key(|(_, kept)| kept.asked)
        && let Some(gone) = pieces.remove(&from)
    {
        bytes -= gone.news.event.len();
    }
}

const ID: &str = "id: ";
const DATA: &str = "\ndata: ";
const END: &str = "\n\n";

impl News {
    fn jws(&self) -> &str {
        let before = ID.len() + format(&self.upto).len() + DATA.len();
        let jws = self.event.get(before..self.event.len() - END.len());
        jws.and_then(|jws| std::str::from_utf8(jws).ok())
            .unwrap_or_default()
    }
}

fn sign(piece: Piece, issuer: &str, signer: Signer) -> Result<News, IssuerError> {
    let bulletin = Bulletin {
        iss: issuer.to_owned(),
        as_of: piece.as_of.as_secs(),
        epoch: piece.upto.epoch.clone(),
        counter: piece.upto.counter,
        since: piece.since,
        events: piece.events.into_iter().map(event).collect(),
    };
    let jws = signer.typ(TYP).sign(&bulletin)?;
    let cursor = format(&piece.upto);
    Ok(News {
        event: [ID, &cursor, DATA, &jws, END].concat().into(),
        upto: piece.upto,
        since: piece.since,
        as_of: piece.as_of,
        last: piece.last,
    })
}

/// A cursor as it travels in an event's id.
fn format(cursor: &Cursor) -> String {
    format!("{}:{}", cursor.epoch, cursor.counter)
}

fn parse(text: &str) -> Option<Cursor> {
    let (epoch, counter) = text.rsplit_once(':')?;
    Some(Cursor {
        epoch: epoch.to_owned(),
        counter: counter.parse().ok()?,
    })
}
