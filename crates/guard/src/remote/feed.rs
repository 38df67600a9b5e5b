//! The issuer's revocations, followed.
//!
//! ```text
//!   ask for a stream -> a stream: read messages until one is missed, or nothing is heard for too long
//!         ^           -> a snapshot: read it, pause
//!         |           -> neither: pause, longer each time
//!         +-----------------+
//! ```
//!
//! Asking is the same in every case, so an issuer that learns to stream, or forgets how, needs no
//! setting here. A stream goes on from the last message that was read; after a gap it starts with a
//! snapshot. What counts as being heard is a message the issuer signed: a proxy that keeps the
//! connection open and swallows what comes through it is found out by the silence, or by the gap
//! when it stops.

use std::sync::Arc;
use std::time::Duration;

use countersign::{Reason, UnixTime};
use countersign_wire::revocation::SnapshotAnswer;
use reqwest::{Response, Url};
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use super::bulletin::{BulletinError, Reader};
use super::fetch::{Fetcher, bounded};
use super::jwks::Request;
use super::sse::Messages;
use super::task::Task;
use crate::error::follow::{FetchError, FollowError};
use crate::keys::KeyCell;
use crate::pace::{Pace, jittered};
use crate::revoked::{NewsBy, RevokedSet};

/// One issuer's feed.
pub(super) struct Feed {
    fetcher: Fetcher,
    url: Url,
    reader: Reader,
    keys: Arc<KeyCell>,
    set: Arc<RevokedSet>,
    fresh_keys: Request,
    /// Where each server that was heard is to go on, the last one first.
    cursors: Vec<String>,
    pace: Pace,
    swept: Instant,
}

/// The live set of a busy issuer has a hundred bytes for each session that ended in the last
/// quarter of an hour.
pub(super) const BYTES_LIMIT: usize = 32 * 1024 * 1024;
/// Expired events are swept out this often.
const SWEEP: Duration = Duration::from_secs(10);
/// So many times in a row may pass as one hiccup.
const WORTH_A_WARNING: u32 = 4;
/// Pauses grow up to this while the issuer cannot be reached.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// So many servers behind one address are told how far they were heard.
const SERVERS_LIMIT: usize = 8;

/// What became of asking once.
enum Asked {
    /// A snapshot, read.
    Snapshot,
    /// A stream that brought something and came to an end.
    Streamed(FeedError),
}

impl Feed {
    pub(super) fn new(
        fetcher: Fetcher,
        url: &str,
        issuer: &str,
        keys: Arc<KeyCell>,
        set: Arc<RevokedSet>,
        fresh_keys: Request,
        pace: &Pace,
    ) -> Result<Self, FollowError> {
        let url = fetcher.address(url).map_err(|error| FollowError::Fetch {
            what: "revocations",
            error,
        })?;
        Ok(Self {
            fetcher,
            url,
            reader: Reader::new(issuer, Arc::clone(&set), BYTES_LIMIT),
            set,
            keys,
            fresh_keys,
            cursors: Vec::new(),
            pace: pace.clone(),
            swept: Instant::now(),
        })
    }

    /// Takes the first snapshot, then follows in the background. If there is no first snapshot to
    /// be had, the set is as old as can be, and the guard's owner has said what that means.
    pub(super) async fn start(mut self) -> Task {
        if let Err(error) = self.first().await {
            tracing::warn!(code = error.code(), %error, "no revocations from the issuer yet");
        }
        Task::spawn(self.run())
    }

    async fn first(&mut self) -> Result<(), FeedError> {
        let response = self
            .fetcher
            .get(&self.url, "application/json", BYTES_LIMIT)
            .await?;
        self.snapshot(&response.body)
    }

    async fn run(mut self) {
        let (mut failures, mut in_vain): (u32, u32) = (0, 0);
        loop {
            let pause = self.pace.poll.saturating_mul(1 << failures.min(10));
            tokio::time::sleep(jittered(pause.min(LONGEST_PAUSE.max(self.pace.poll)))).await;
            match self.ask().await {
                Ok(asked) => {
                    if in_vain >= WORTH_A_WARNING {
                        tracing::info!("the issuer's revocations are heard of again");
                    }
                    (failures, in_vain) = (0, 0);
                    self.set.comes_by(match asked {
                        Asked::Snapshot => NewsBy::Snapshots,
                        Asked::Streamed(error) => {
                            tracing::debug!(code = error.code(), %error, "the stream of revocations ended");
                            NewsBy::Nothing
                        }
                    });
                }
                Err(error) => {
                    self.set.comes_by(NewsBy::Nothing);
                    // Who answers, though with something that is not believed, is not in distress.
                    let answered = matches!(error, FeedError::Bulletin(_));
                    failures = if answered {
                        0
                    } else {
                        failures.saturating_add(1)
                    };
                    in_vain = in_vain.saturating_add(1);
                    if in_vain == WORTH_A_WARNING {
                        tracing::warn!(
                            code = error.code(), %error,
                            "revocations are not heard of; until they are, what is taken back is good \
                             until it expires, or refused by the guard's bound on stale news"
                        );
                    } else {
                        tracing::debug!(code = error.code(), %error, "no news of revocations");
                    }
                }
            }
            self.sweep();
        }
    }

    async fn ask(&mut self) -> Result<Asked, FeedError> {
        let accept = "text/event-stream, application/json;q=0.5";
        let deadline = Instant::now() + self.pace.timeout;
        let cursors = (!self.cursors.is_empty()).then(|| self.cursors.join(","));
        let answer = self.fetcher.open(&self.url, accept, cursors.as_deref());
        let mut response = timeout_at(deadline, answer)
            .await
            .map_err(|_| FeedError::Silence)??;
        if is_stream(&response) {
            return self.stream(response).await;
        }
        let body = timeout_at(deadline, bounded(&mut response, BYTES_LIMIT)).await;
        self.snapshot(&body.map_err(|_| FeedError::Silence)??)?;
        Ok(Asked::Snapshot)
    }

    /// Reads the stream to its end, which is an error once something good has come of it, too.
    async fn stream(&mut self, mut response: Response) -> Result<Asked, FeedError> {
        let mut messages = Messages::new(BYTES_LIMIT);
        let mut heard = Instant::now();
        let mut brought_news = false;
        let end = loop {
            let chunk = match timeout_at(heard + self.pace.silence, response.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => break FeedError::Closed,
                Ok(Err(error)) => break FetchError::from(error).into(),
                Err(_) => break FeedError::Silence,
            };
            let Ok(complete) = messages.feed(&chunk) else {
                break FetchError::TooLarge { limit: BYTES_LIMIT }.into();
            };
            let mut gap = None;
            for message in complete {
                match self.read(&String::from_utf8_lossy(&message)) {
                    Ok(()) => {
                        heard = Instant::now();
                        brought_news = true;
                        self.set.comes_by(NewsBy::Stream);
                    }
                    Err(error @ BulletinError::Gap) => gap = Some(error),
                    Err(error) => {
                        tracing::debug!(code = error.code(), %error, "a message was not believed");
                    }
                }
            }
            if let Some(gap) = gap {
                break gap.into();
            }
            self.sweep();
        };
        if brought_news {
            Ok(Asked::Streamed(end))
        } else {
            Err(end)
        }
    }

    fn snapshot(&mut self, body: &[u8]) -> Result<(), FeedError> {
        let answer: SnapshotAnswer =
            serde_json::from_slice(body).map_err(|error| FetchError::Unreadable {
                problem: error.to_string(),
            })?;
        Ok(self.read(&answer.snapshot)?)
    }

    fn read(&mut self, jws: &str) -> Result<(), BulletinError> {
        let keys = &self.keys.published().keys;
        let read = self.reader.read(jws, keys, UnixTime::now());
        // Nobody waits for the keys: a withdrawal holds already, and a message that could not be
        // checked comes again with the next snapshot.
        if self.reader.withdrew_a_key() {
            // The issuer signs with another key from now on, and says so itself.
            self.fresh_keys.insist();
        } else if let Err(BulletinError::Untrue(error)) = &read
            && error.reason() == Reason::UnknownKey
        {
            drop(self.fresh_keys.send());
        }
        match read {
            Ok(news) => {
                self.go_on_from(news.cursor);
                Ok(())
            }
            Err(BulletinError::Older { cursor }) => {
                self.go_on_from(cursor.clone());
                Err(BulletinError::Older { cursor })
            }
            Err(error) => {
                // Whatever was not understood is asked for again, from the beginning.
                self.cursors.clear();
                Err(error)
            }
        }
    }

    /// From this cursor on, when its server is asked again. A proxy may ask another one each time.
    fn go_on_from(&mut self, cursor: String) {
        let epoch = |cursor: &str| cursor.rsplit_once(':').map(|(epoch, _)| epoch.to_owned());
        let own = epoch(&cursor);
        self.cursors.retain(|other| epoch(other) != own);
        self.cursors.insert(0, cursor);
        self.cursors.truncate(SERVERS_LIMIT);
    }

    fn sweep(&mut self) {
        if self.swept.elapsed() >= SWEEP {
            self.reader.sweep(UnixTime::now());
            self.swept = Instant::now();
        }
    }
}

fn is_stream(response: &Response) -> bool {
    response
        .headers()
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.trim_start().starts_with("text/event-stream"))
}

/// Why there are no news.
#[derive(Debug, Error)]
enum FeedError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Bulletin(#[from] BulletinError),
    #[error("nothing was heard from the issuer for too long")]
    Silence,
    #[error("the issuer ended the stream")]
    Closed,
}

impl FeedError {
    fn code(&self) -> &'static str {
        match self {
            Self::Fetch(error) => error.code(),
            Self::Bulletin(error) => error.code(),
            Self::Silence => "silence",
            Self::Closed => "closed",
        }
    }
}
