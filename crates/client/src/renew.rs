//! One flight: however many tasks need a new token, one request gets it.
//!
//! ```text
//!   token() --+                                     +--> every waiting task
//!   token() --+--> flight (a task of its own) --+   |
//!   token() --+      refresh, retry, timeout    |   |
//!                                               v   |
//!                              commit the pair, then tell
//! ```
//!
//! The flight is detached, so a caller that is cancelled cannot cut it off between the server's commit
//! and ours. It presents the same refresh token until it has an answer: the server answers a repeated
//! token again within its grace, so a lost answer costs nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::error::ClientError;
use crate::lease::{Freshness, Lease};
use crate::login::{Pair, Server};
use crate::secret::{AccessToken, RefreshToken};

/// A flight asks at most this often.
const ATTEMPTS: u32 = 4;
/// The pause after the first failed attempt; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// After a failed flight callers get its error for this long, instead of a flight each.
const REST: Duration = Duration::from_secs(1);

type Outcome = Result<AccessToken, ClientError>;

/// A login: where it was made, the pair it holds, and the flight that is under way.
#[derive(Debug)]
pub(crate) struct Session {
    server: Server,
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    standing: Standing,
    landing: Option<watch::Receiver<Option<Outcome>>>,
    failed: Option<(Instant, ClientError)>,
}

#[derive(Debug)]
enum Standing {
    SignedIn {
        lease: Option<Lease>,
        refresh: RefreshToken,
    },
    Ended,
    SignedOut,
}

/// What [`Session::look`] decided under the lock.
enum Next {
    Use(AccessToken),
    Fly(Flight, Option<AccessToken>),
    Wait(watch::Receiver<Option<Outcome>>),
}

impl Session {
    pub(crate) fn new(
        server: Server,
        timeout: Duration,
        lease: Option<Lease>,
        refresh: RefreshToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            server,
            timeout,
            state: Mutex::new(State {
                standing: Standing::SignedIn { lease, refresh },
                landing: None,
                failed: None,
            }),
        })
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// A token to send now; renews it first if it is spent, and on the side if it soon will be.
    pub(crate) async fn token(self: &Arc<Self>) -> Outcome {
        let landing = match self.look(false)? {
            Next::Use(token) => return Ok(token),
            Next::Fly(flight, Some(token)) => {
                flight.take_off();
                return Ok(token);
            }
            Next::Fly(flight, None) => flight.take_off(),
            Next::Wait(landing) => landing,
        };
        landed(landing).await
    }

    /// A new token, whatever the held one is still worth.
    pub(crate) async fn renew(self: &Arc<Self>) -> Outcome {
        match self.look(true)? {
            Next::Use(token) => Ok(token),
            Next::Fly(flight, _) => landed(flight.take_off()).await,
            Next::Wait(landing) => landed(landing).await,
        }
    }

    /// A protected route refused `token`; if it is still the held one, it is not sent again.
    pub(crate) fn distrust(&self, token: &AccessToken) {
        if let Standing::SignedIn {
            lease: Some(lease), ..
        } = &mut self.lock().standing
            && lease.token() == token
        {
            lease.spend(Instant::now());
        }
    }

    pub(crate) fn refresh_token(&self) -> Option<RefreshToken> {
        match &self.lock().standing {
            Standing::SignedIn { refresh, .. } => Some(refresh.clone()),
            Standing::Ended | Standing::SignedOut => None,
        }
    }

    pub(crate) async fn sign_out(&self) -> Result<(), ClientError> {
        let Some(refresh) = self.refresh_token() else {
            return Ok(());
        };
        self.server.sign_out(&refresh).await?;
        self.lock().standing = Standing::SignedOut;
        Ok(())
    }

    fn look(self: &Arc<Self>, renew_now: bool) -> Result<Next, ClientError> {
        let now = Instant::now();
        let mut state = self.lock();
        let (lease, refresh) = match &state.standing {
            Standing::SignedIn { lease, refresh } => (lease.as_ref(), refresh),
            Standing::Ended => return Err(ClientError::SessionEnded),
            Standing::SignedOut => return Err(ClientError::SignedOut),
        };
        let good = match lease {
            Some(lease) if !renew_now => match lease.freshness(now) {
                Freshness::Fresh => return Ok(Next::Use(lease.token().clone())),
                Freshness::RenewSoon => Some(lease.token().clone()),
                Freshness::Spent => None,
            },
            _ => None,
        };
        if let Some(landing) = &state.landing {
            return Ok(good.map_or_else(|| Next::Wait(landing.clone()), Next::Use));
        }
        if let Some((when, error)) = &state.failed
            && now.saturating_duration_since(*when) < REST
        {
            return good.map(Next::Use).ok_or_else(|| error.clone());
        }
        let (tower, landing) = watch::channel(None);
        let flight = Flight {
            session: Arc::clone(self),
            refresh: refresh.clone(),
            tower,
        };
        state.landing = Some(landing);
        Ok(Next::Fly(flight, good))
    }

    /// The same refresh token until there is an answer, the attempts are used up, or time is.
    async fn next_pair(&self, refresh: &RefreshToken) -> Result<Pair, ClientError> {
        let deadline = tokio::time::Instant::now() + self.timeout;
        let mut last = ClientError::RenewalTimedOut {
            origin: self.server.origin(),
        };
        let mut pause = FIRST_PAUSE;
        for _ in 0..ATTEMPTS {
            match tokio::time::timeout_at(deadline, self.server.next_pair(refresh)).await {
                Ok(Err(error)) if error.is_temporary() => last = error,
                Ok(outcome) => return outcome,
                Err(_) => return Err(last),
            }
            let resume = tokio::time::Instant::now() + last.retry_after().unwrap_or(pause);
            if resume >= deadline {
                return Err(last);
            }
            tokio::time::sleep_until(resume).await;
            pause *= 2;
        }
        Err(last)
    }

    fn commit(&self, used: &RefreshToken, outcome: Result<Pair, ClientError>) -> Outcome {
        let mut state = self.lock();
        // From here on whoever asks for a renewal means another one.
        state.landing = None;
        match &state.standing {
            Standing::SignedIn { refresh, .. } if refresh == used => {}
            Standing::SignedIn { .. } | Standing::SignedOut => return Err(ClientError::SignedOut),
            Standing::Ended => return Err(ClientError::SessionEnded),
        }
        match outcome {
            Ok(Pair { lease, refresh }) => {
                let token = lease.token().clone();
                let lease = Some(lease);
                state.standing = Standing::SignedIn { lease, refresh };
                state.failed = None;
                Ok(token)
            }
            Err(ClientError::SessionEnded) => {
                state.standing = Standing::Ended;
                Err(ClientError::SessionEnded)
            }
            Err(error) => {
                tracing::warn!(code = error.code(), "the token could not be renewed");
                state.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
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
    refresh: RefreshToken,
    tower: watch::Sender<Option<Outcome>>,
}

impl Flight {
    fn take_off(self) -> watch::Receiver<Option<Outcome>> {
        let landing = self.tower.subscribe();
        tokio::spawn(async move {
            let pair = self.session.next_pair(&self.refresh).await;
            let outcome = self.session.commit(&self.refresh, pair);
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

async fn landed(mut landing: watch::Receiver<Option<Outcome>>) -> Outcome {
    match landing.wait_for(Option::is_some).await {
        Ok(outcome) => outcome.clone().unwrap_or(Err(ClientError::Interrupted)),
        Err(_) => Err(ClientError::Interrupted),
    }
}
