//! One flight: however many tasks need a new token, one request gets it.
//!
//! ```text
//!   token() --+                                        +--> every waiting task
//!   token() --+--> flight (a task of its own) -----+   |
//!   token() --+      source: ask, retry, timeout   |   |
//!                                                  v   |
//!                                commit the token, then tell
//! ```
//!
//! The flight is detached, so a caller that is cancelled cannot cut it off between the server's commit
//! and ours.

use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::backoff::Backoff;
use crate::error::ClientError;
use crate::lease::{Freshness, Lease};
use crate::secret::{AccessToken, RefreshToken};
use crate::source::Source;

/// Beyond the time a source has, a waiting task allows this much for a disk that is slow.
const SLOW_DISK: Duration = Duration::from_secs(5);

type Outcome = Result<AccessToken, ClientError>;

/// A login: its source, the token it holds, and the flight that is under way.
pub(crate) struct Session {
    source: Source,
    /// The auth server, or what stands in its place, for error texts.
    origin: String,
    timeout: Duration,
    state: Mutex<State>,
}

struct State {
    standing: Standing,
    landing: Option<watch::Receiver<Option<Outcome>>>,
    failed: Option<Backoff>,
}

enum Standing {
    SignedIn(Option<Lease>),
    Ended,
    SignedOut,
}

/// What [`Session::look`] decided under the lock.
enum Next {
    Use(AccessToken),
    Fly(Flight, Option<AccessToken>),
    Wait(watch::Receiver<Option<Outcome>>, Option<AccessToken>),
}

/// How new a token has to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// Good for now.
    Good,
    /// Newer than the one that is held.
    Newer,
}

impl Session {
    pub(crate) fn new(
        source: Source,
        origin: String,
        timeout: Duration,
        lease: Option<Lease>,
    ) -> Arc<Self> {
        Arc::new(Self {
            source,
            origin,
            timeout,
            state: Mutex::new(State {
                standing: Standing::SignedIn(lease),
                landing: None,
                failed: None,
            }),
        })
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// When a renewal that begins now has to be over.
    pub(crate) fn deadline(&self) -> tokio::time::Instant {
        tokio::time::Instant::now() + self.timeout
    }

    /// A token to send now; renews it first if it is spent, and on the side if it soon will be.
    pub(crate) async fn token(self: &Arc<Self>) -> Outcome {
        match self.look(Wish::Good)? {
            Next::Use(token) | Next::Wait(_, Some(token)) => Ok(token),
            Next::Fly(flight, Some(token)) => {
                flight.take_off();
                Ok(token)
            }
            Next::Fly(flight, None) => self.landed(flight.take_off()).await,
            Next::Wait(landing, None) => self.landed(landing).await,
        }
    }

    /// The same, and waits for a renewal that is due; if that fails, the held token does.
    pub(crate) async fn lasting_token(self: &Arc<Self>) -> Outcome {
        let (landing, held) = match self.look(Wish::Good)? {
            Next::Use(token) => return Ok(token),
            Next::Fly(flight, held) => (flight.take_off(), held),
            Next::Wait(landing, held) => (landing, held),
        };
        match (self.landed(landing).await, held) {
            (Err(error), Some(held)) if !error.is_refused() => Ok(held),
            (outcome, _) => outcome,
        }
    }

    /// A new token, whatever the held one is still worth.
    pub(crate) async fn renew(self: &Arc<Self>) -> Outcome {
        match self.look(Wish::Newer)? {
            Next::Use(token) => Ok(token),
            Next::Fly(flight, _) => self.landed(flight.take_off()).await,
            Next::Wait(landing, _) => self.landed(landing).await,
        }
    }

    /// Waits for the flight that is under way, if there is one.
    pub(crate) async fn settle(&self) {
        let landing = self.lock().landing.clone();
        if let Some(landing) = landing {
            // How it ended is for those to hear who wanted the token.
            let _ = self.landed(landing).await;
        }
    }

    /// A protected route refused `token`; if it is still the held one, it is not sent again.
    pub(crate) fn distrust(&self, token: &AccessToken) {
        if let Standing::SignedIn(Some(lease)) = &mut self.lock().standing
            && lease.token() == token
        {
            lease.spend(Instant::now());
        }
    }

    pub(crate) fn refresh_token(&self) -> Option<RefreshToken> {
        match &self.lock().standing {
            Standing::SignedIn(_) => self.source.refresh_token(),
            Standing::Ended | Standing::SignedOut => None,
        }
    }

    pub(crate) async fn sign_out(&self) -> Result<(), ClientError> {
        let signed_in = matches!(self.lock().standing, Standing::SignedIn(_));
        // A storage is emptied also after the session has ended.
        if signed_in || self.source.kept().is_some() {
            self.source.sign_out(self.deadline()).await?;
        }
        if signed_in {
            self.lock().standing = Standing::SignedOut;
        }
        Ok(())
    }

    fn look(self: &Arc<Self>, wish: Wish) -> Result<Next, ClientError> {
        let now = Instant::now();
        let mut state = self.lock();
        let lease = match &state.standing {
            Standing::SignedIn(lease) => lease.as_ref(),
            Standing::Ended => return Err(ClientError::SessionEnded),
            Standing::SignedOut => return Err(ClientError::SignedOut),
        };
        let good = match lease.map(|lease| (lease, lease.freshness(now))) {
            Some((lease, Freshness::Fresh)) if wish == Wish::Good => {
                return Ok(Next::Use(lease.token().clone()));
            }
            Some((lease, Freshness::RenewSoon)) if wish == Wish::Good => {
                Some(lease.token().clone())
            }
            _ => None,
        };
        if let Some(landing) = &state.landing {
            return Ok(Next::Wait(landing.clone(), good));
        }
        if let Some(failed) = &state.failed
            && failed.rests(now, good.is_some())
        {
            return good.map(Next::Use).ok_or_else(|| failed.error());
        }
        let (tower, landing) = watch::channel(None);
        let flight = Flight {
            session: Arc::clone(self),
            held: lease.map(|lease| lease.token().clone()),
            tower,
        };
        state.landing = Some(landing);
        Ok(Next::Fly(flight, good))
    }

    fn commit(&self, outcome: Result<Lease, ClientError>) -> Outcome {
        let mut state = self.lock();
        // From here on whoever asks for a renewal means another one.
        state.landing = None;
        match &state.standing {
            Standing::SignedIn(_) => {}
            Standing::SignedOut => return Err(ClientError::SignedOut),
            Standing::Ended => return Err(ClientError::SessionEnded),
        }
        match outcome {
            Ok(lease) => {
                let token = lease.token().clone();
                state.standing = Standing::SignedIn(Some(lease));
                state.failed = None;
                Ok(token)
            }
            Err(error @ ClientError::SessionEnded) => {
                state.standing = Standing::Ended;
                Err(error)
            }
            Err(error @ ClientError::SignedOut) => {
                state.standing = Standing::SignedOut;
                Err(error)
            }
            Err(error) => {
                tracing::warn!(code = error.code(), "the token could not be renewed");
                state.failed = Some(Backoff::after(state.failed.take(), error.clone()));
                Err(error)
            }
        }
    }

    async fn landed(&self, mut landing: watch::Receiver<Option<Outcome>>) -> Outcome {
        let patience = self.timeout + SLOW_DISK;
        match tokio::time::timeout(patience, landing.wait_for(Option::is_some)).await {
            Ok(Ok(outcome)) => outcome.clone().unwrap_or(Err(ClientError::Interrupted)),
            Ok(Err(_)) => Err(ClientError::Interrupted),
            Err(_) => Err(ClientError::RenewalTimedOut {
                origin: self.origin.clone(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held; if it did, the state would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A renewal. Dropped before its end, as by a runtime that is shut down, it makes room for the next.
struct Flight {
    session: Arc<Session>,
    held: Option<AccessToken>,
    tower: watch::Sender<Option<Outcome>>,
}

impl Flight {
    fn take_off(self) -> watch::Receiver<Option<Outcome>> {
        let landing = self.tower.subscribe();
        tokio::spawn(async move {
            let session = &self.session;
            let next = session.source.next(self.held.as_ref(), session.deadline());
            let outcome = session.commit(next.await);
            self.tower.send_replace(Some(outcome));
        });
        landing
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let own = self.tower.subscribe();
        let mut state = self.session.lock();
        if state
            .landing
            .as_ref()
            .is_some_and(|it| it.same_channel(&own))
        {
            state.landing = None;
        }
    }
}

impl Debug for Session {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}
