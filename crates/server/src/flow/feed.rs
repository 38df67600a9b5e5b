//! The live feed of revocations: one signed bulletin for all followers, never one each.
//!
//! ```text
//!   publish -> LiveSet -> wake -> sign once -> every follower's queue
//!                          ^ and every two seconds, so that silence cannot be mistaken for peace
//! ```
//!
//! A follower subscribes before it reads the snapshot, so nothing falls between the two; what it
//! then gets twice does no harm, because the set has no order. One that reads too slowly for its
//! queue loses its connection, not its news: it comes back with the cursor it has reached.

use std::sync::Arc;

use countersign_issuer::revoke::Cursor;
use countersign_wire::revocation::HEARTBEAT;
use tokio::sync::{Notify, broadcast, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::{Authority, FlowError};

/// How many bulletins a follower may be behind before it has to come again.
const QUEUE: usize = 64;

/// What the followers of one process share.
#[derive(Debug)]
pub(super) struct Feed {
    news: broadcast::Sender<News>,
    wake: Notify,
    stop: watch::Sender<bool>,
}

/// A signed bulletin and the cursor it brings a follower to.
#[derive(Clone, Debug)]
pub(crate) struct News {
    pub(crate) cursor: Arc<str>,
    pub(crate) bulletin: Arc<str>,
}

/// One follower: what it must know first, then everything that comes.
#[derive(Debug)]
pub(crate) struct Follower {
    first: Option<News>,
    news: broadcast::Receiver<News>,
    stop: watch::Receiver<bool>,
}

impl Feed {
    pub(super) fn new() -> Self {
        Self {
            news: broadcast::Sender::new(QUEUE),
            wake: Notify::new(),
            stop: watch::Sender::new(false),
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

impl Follower {
    /// The next bulletin; `None` when the server stops or the follower was too slow.
    pub(crate) async fn next(&mut self) -> Option<News> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        tokio::select! {
            news = self.news.recv() => news.ok(),
            // An error means that the server is gone, which is a stop as well.
            _ = self.stop.wait_for(|stopped| *stopped) => None,
        }
    }
}

impl Authority {
    /// Follows the feed from `cursor`, as it stood in a `Last-Event-ID`; without one, or with one
    /// of another epoch, from a snapshot.
    pub(crate) fn follow(&self, cursor: Option<&str>) -> Result<Follower, FlowError> {
        let news = self.feed.news.subscribe();
        let stop = self.feed.stop.subscribe();
        let known = cursor.and_then(parse);
        let first = Some(self.bulletin(known.as_ref())?);
        Ok(Follower { first, news, stop })
    }

    /// Signs and sends what is new, and a heartbeat when nothing is; until it is dropped.
    pub(crate) async fn feed_followers(&self) {
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = self.live().cursor();
        loop {
            tokio::select! {
                () = self.feed.wake.notified() => {}
                _ = heartbeat.tick() => {}
            }
            // Nobody listens: whoever comes next begins with a snapshot or from a cursor.
            let reached = self.live().cursor();
            if self.feed.news.receiver_count() > 0 {
                match self.bulletin(Some(&told)) {
                    // The last follower may have gone meanwhile.
                    Ok(news) => drop(self.feed.news.send(news)),
                    Err(error) => {
                        tracing::error!(%error, "cannot sign a revocation bulletin");
                        continue;
                    }
                }
            }
            told = reached;
        }
    }

    /// Lets every follower go, so that the server can stop.
    pub(crate) fn end_feed(&self) {
        self.feed.stop.send_replace(true);
    }
}

/// A cursor as it travels in an event's id.
pub(super) fn format(cursor: &Cursor) -> String {
    format!("{}:{}", cursor.epoch, cursor.counter)
}

fn parse(text: &str) -> Option<Cursor> {
    let (epoch, counter) = text.rsplit_once(':')?;
    Some(Cursor {
        epoch: epoch.to_owned(),
        counter: counter.parse().ok()?,
    })
}
