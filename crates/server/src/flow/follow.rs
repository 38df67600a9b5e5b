//! The live feed of revocations, followed.
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
//! the two; what he then gets twice does no harm, because the set has no order.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign::UnixTime;
use countersign::sign::Signer;
use countersign_issuer::revoke::Cursor;
use countersign_wire::revocation::{HEARTBEAT, SnapshotAnswer};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::authority::Authority;
use super::error::FlowError;
use super::feed::{News, read, written};
use super::fresh::new_id;

/// How many events one bulletin tells of at most: about a megabyte.
const AT_ONCE: usize = 10_000;
/// How long a piece is kept that nobody asks for.
const KEPT: Duration = Duration::from_secs(10);

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
        let (news, stop) = self.feed.subscribe();
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
            next: (!news.last).then(|| written(&news.upto)),
        })
    }

    /// The cursor that this server gave away, among those of others behind the same address.
    fn own(&self, cursors: Option<&str>) -> Option<Cursor> {
        let epoch = self.live().cursor().epoch;
        let given = cursors?.split(',').filter_map(|cursor| read(cursor.trim()));
        given.into_iter().find(|cursor| cursor.epoch == epoch)
    }

    /// Signs and sends what is new, and a heartbeat when nothing is; until it is dropped.
    pub(crate) async fn feed_followers(&self) {
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = self.live().cursor();
        loop {
            tokio::select! {
                () = self.feed.woken() => {}
                _ = heartbeat.tick() => self.feed.forget_pieces(KEPT).await,
            }
            // Nobody listens: whoever comes next begins with a snapshot or from a cursor.
            if self.feed.followers() == 0 {
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
                    self.feed.tell(news);
                }
                Err(error) => tracing::error!(%error, "cannot sign a revocation bulletin"),
            }
        }
    }

    /// Lets every follower go, so that the server can stop.
    pub(crate) fn end_feed(&self) {
        self.feed.end();
    }

    /// What somebody is told next who has read up to `known`, signed.
    async fn news_for(&self, known: Option<&Cursor>) -> Result<News, FlowError> {
        let mut pieces = self.feed.pieces().await;
        let ring = self.ring.load();
        let key = ring.keys.signing(None)?;
        let (now, here) = self.time_of_the_feed()?;
        let known = known.filter(|known| known.epoch == here.epoch);
        let from = known.map(|known| known.counter);
        if let Some(news) = pieces.kept(from, &here, now, key.key_id()) {
            return Ok(news);
        }
        let piece = self.live().piece(known, AT_ONCE, now);
        let news = News::sign(piece, self.issuer(), Signer::new(key.clone()))?;
        pieces.keep(from, news.clone(), key.key_id());
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
