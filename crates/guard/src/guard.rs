//! The guard itself, without a framework.
//!
//! ```text
//!   headers -> bearer -> cache -> key -> verify -> revoked? -> Caller<C>
//!                          |                          ^
//!                          +-- seen: time and key ----+
//! ```
//!
//! Everything here is synchronous and free of I/O. The one thing worth waiting for, fresh keys when
//! a token names an unknown one, is started here and awaited by whoever can.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign::{AccessClaims, Algorithm, Reason, UnixTime, Unverified};
use countersign_wire::bearer::{self, BearerError};
use countersign_wire::discovery::ResourceMetadata;
use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap, Method};
use serde::de::DeserializeOwned;

use crate::cache::Cache;
use crate::caller::Caller;
use crate::cookie::CookieRule;
use crate::counters::{Counters, Counts};
use crate::keys::{KeyHandle, Refetching};
use crate::refusal::{Answer, Refusal, Why};
use crate::require::Requirements;
use crate::revoked::RevokedHandle;
use crate::trust::Issuer;

/// Decides who may pass. Clones share everything, the cache included.
///
/// `C` is what the claims are read into; a token whose claims do not fit is refused.
pub struct Guard<C = AccessClaims> {
    inner: Arc<Inner<C>>,
}

struct Inner<C> {
    /// Tells this guard's callers from those of another in the same process.
    id: u64,
    issuers: Box<[Issuer]>,
    cache: Option<Cache<Caller<C>>>,
    cookie: Option<CookieRule>,
    answer: Arc<Answer>,
    counters: Counters,
}

impl<C: DeserializeOwned> Guard<C> {
    /// Checks the token in the request's `Authorization` header.
    ///
    /// # Errors
    ///
    /// A [`Refusal`], which knows what to answer.
    pub fn check(&self, headers: &HeaderMap, now: UnixTime) -> Result<Caller<C>, Refusal> {
        self.settle(self.attempt(None, headers, now))
    }

    /// As [`check`](Self::check), with the request's method, which matters only for a token in a
    /// cookie ([`GuardBuilder::cookie`](crate::GuardBuilder::cookie)).
    ///
    /// # Errors
    ///
    /// A [`Refusal`], which knows what to answer.
    pub fn check_request(
        &self,
        method: &Method,
        headers: &HeaderMap,
        now: UnixTime,
    ) -> Result<Caller<C>, Refusal> {
        self.settle(self.attempt(Some(method), headers, now))
    }

    /// Checks a token that came some other way than in a header.
    ///
    /// # Errors
    ///
    /// A [`Refusal`], which knows what to answer.
    pub fn check_token(&self, token: &str, now: UnixTime) -> Result<Caller<C>, Refusal> {
        self.settle(self.attempt_token(token.as_bytes(), now))
    }

    /// As [`check`](Self::check), but if the token names an unknown key and the keys come from
    /// afar, they are fetched again, once, before the token is refused. Many requests wait for one
    /// fetch, and there is a pause between fetches, during which this does not wait.
    ///
    /// # Errors
    ///
    /// A [`Refusal`], which knows what to answer.
    pub async fn check_async(
        &self,
        headers: &HeaderMap,
        now: UnixTime,
    ) -> Result<Caller<C>, Refusal> {
        self.check_fully(None, headers, now).await
    }

    /// As [`check_token`](Self::check_token), with fresh keys as in
    /// [`check_async`](Self::check_async).
    ///
    /// # Errors
    ///
    /// A [`Refusal`], which knows what to answer.
    pub async fn check_token_async(
        &self,
        token: &str,
        now: UnixTime,
    ) -> Result<Caller<C>, Refusal> {
        let attempt = self.attempt_token(token.as_bytes(), now);
        match self.refetch(&attempt) {
            None => self.settle(attempt),
            Some(refetched) => {
                refetched.await;
                self.check_token(token, now)
            }
        }
    }

    /// [`check_async`](Self::check_async) and [`check_request`](Self::check_request) in one.
    pub(crate) async fn check_fully(
        &self,
        method: Option<&Method>,
        headers: &HeaderMap,
        now: UnixTime,
    ) -> Result<Caller<C>, Refusal> {
        let attempt = self.attempt(method, headers, now);
        match self.refetch(&attempt) {
            None => self.settle(attempt),
            Some(refetched) => {
                refetched.await;
                self.settle(self.attempt(method, headers, now))
            }
        }
    }

    /// The start of a check by a door: layer or extractor. A caller that this guard let in further
    /// out is not checked again.
    pub(crate) fn begin(
        &self,
        method: &Method,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Begun<C>
    where
        C: Send + Sync + 'static,
    {
        match extensions.get::<Caller<C>>() {
            Some(caller) if self.admitted(caller) => return Begun::Settled(Ok(caller.clone())),
            _ => {}
        }
        let attempt = self.attempt(Some(method), headers, UnixTime::now());
        match self.refetch(&attempt) {
            None => Begun::Settled(self.settle(attempt)),
            Some(refetched) => Begun::Fetching(refetched),
        }
    }

    /// Checks without settling the matter, so that one may [`refetch`](Self::refetch) and try
    /// again.
    fn attempt(&self, method: Option<&Method>, headers: &HeaderMap, now: UnixTime) -> Attempt<C> {
        if self.inner.cookie.is_some() {
            let token = self.token(method, headers).map_err(Failure::of_request)?;
            return self.attempt_token(token.as_bytes(), now);
        }
        // A good token has no character that the header's grammar forbids. So the grammar is asked
        // only about what is refused, and then has the first word.
        let failed = |why| Failure::of_request(Why::NoToken(why));
        let credentials = bearer::credentials(values(headers)).map_err(failed)?;
        let attempt = self.attempt_token(credentials, now);
        if attempt.is_err() {
            bearer::token(values(headers)).map_err(failed)?;
        }
        attempt
    }

    /// Whether the request brings anything that wants to be a token.
    pub(crate) fn has_token(&self, method: Option<&Method>, headers: &HeaderMap) -> bool {
        self.token(method, headers) != Err(Why::NoToken(BearerError::Missing))
    }

    /// The one token of the request: in the header, or in the cookie if that is allowed.
    fn token<'a>(&self, method: Option<&Method>, headers: &'a HeaderMap) -> Result<&'a str, Why> {
        let in_header = bearer::token(values(headers));
        match (in_header, &self.inner.cookie) {
            (Ok(_), Some(cookie)) if cookie.is_present(headers) => {
                Err(Why::NoToken(BearerError::Repeated))
            }
            (Err(BearerError::Missing), Some(cookie)) => cookie.token(method, headers),
            (in_header, _) => in_header.map_err(Why::NoToken),
        }
    }

    fn attempt_token(&self, token: &[u8], now: UnixTime) -> Attempt<C> {
        self.attempt_again(token, now)
            .unwrap_or_else(|| self.attempt_first(token, now))
    }

    /// The short way, for a token that is remembered.
    fn attempt_again(&self, token: &[u8], now: UnixTime) -> Option<Attempt<C>> {
        let caller = self.remembered(token, now)?;
        let issuer = caller.issuer();
        let admitted = self.inner.issuers[issuer].admit(&caller, now);
        Some(admitted.map(|()| caller).map_err(|why| Failure {
            why,
            issuer: Some(issuer),
        }))
    }

    /// The whole way.
    fn attempt_first(&self, token: &[u8], now: UnixTime) -> Attempt<C> {
        let index = self.issuer_of(token)?;
        let failed = |why| Failure {
            why,
            issuer: Some(index),
        };
        let issuer = &self.inner.issuers[index];
        let (verified, generation) = issuer.verify::<C>(token, now).map_err(failed)?;
        let names = issuer.claim_names();
        let caller = Caller::new(verified, self.inner.id, index, generation, names);
        issuer.admit(&caller, now).map_err(failed)?;
        if let Some(cache) = &self.inner.cache {
            cache.insert(token, caller.clone());
        }
        Ok(caller)
    }

    /// A verdict given before, if it still stands. If it does not, a full check says why.
    fn remembered(&self, token: &[u8], now: UnixTime) -> Option<Caller<C>> {
        let cache = self.inner.cache.as_ref()?;
        let caller = cache.get(token)?;
        let standing = self.inner.issuers[caller.issuer()]
            .recheck(&caller, now)
            .is_ok();
        if !standing {
            cache.remove(token);
        }
        standing.then_some(caller)
    }

    /// Which issuer is to judge. Only if there are several does the token's own, unproven word
    /// matter, and it only chooses among them.
    fn issuer_of(&self, token: &[u8]) -> Result<usize, Failure> {
        if self.inner.issuers.len() == 1 {
            return Ok(0);
        }
        // What is too long is not even looked into, and a text that is no token at all gets the first
        // issuer's precise refusal.
        if self
            .inner
            .issuers
            .iter()
            .any(|issuer| issuer.is_too_long(token))
        {
            return Ok(0);
        }
        let Ok(unverified) = Unverified::parse(token) else {
            return Ok(0);
        };
        let iss = unverified.issuer();
        let symmetric =
            Algorithm::from_name(unverified.algorithm_name()).is_some_and(Algorithm::is_symmetric);
        let find = |takes: &dyn Fn(&Issuer) -> bool| self.inner.issuers.iter().position(takes);
        find(&|issuer| issuer.is_named(iss))
            .or_else(|| find(&|issuer| issuer.is_legacy() && symmetric))
            .or_else(|| find(&|issuer| issuer.name().is_none() && !issuer.is_legacy()))
            .ok_or(Failure {
                why: Why::UnknownIssuer,
                issuer: None,
            })
    }
}

impl<C> Guard<C> {
    /// Asks again about a caller that was let in before: whether the token is still within its
    /// time, its key still trusted, and nothing revoked. For connections that outlive their
    /// request, such as WebSockets; ask every second or so, and close at the first refusal.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if the caller would not be let in now, or was let in by another guard.
    pub fn recheck(&self, caller: &Caller<C>, now: UnixTime) -> Result<(), Refusal> {
        let issuer = match self.inner.issuers.get(caller.issuer()) {
            Some(issuer) if self.admitted(caller) => issuer,
            _ => return Err(self.refuse(Why::UnknownIssuer)),
        };
        issuer
            .recheck(caller, now)
            .and_then(|()| issuer.admit(caller, now))
            .map_err(|why| self.refuse(why))
    }

    /// Whether the caller meets the requirements.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] that names the first requirement that is not met.
    pub fn require(
        &self,
        caller: &Caller<C>,
        requirements: &Requirements<C>,
    ) -> Result<(), Refusal> {
        requirements.check(caller).map_err(|why| self.refuse(why))
    }

    /// What was decided so far, by reason.
    pub fn counts(&self) -> Counts {
        let lookups = self
            .inner
            .cache
            .as_ref()
            .map(Cache::lookups)
            .unwrap_or_default();
        self.inner.counters.read(lookups)
    }

    /// What this API says about itself to clients that have no token yet (RFC 9728 §2); to be
    /// served as JSON at the address given to
    /// [`GuardBuilder::resource_metadata`](crate::GuardBuilder::resource_metadata). `resource` is
    /// the API's own URL, `scopes` what a client may ask the issuer for.
    ///
    /// ```
    /// # fn routes(guard: countersign_guard::Guard) -> axum::Router {
    /// use axum::{Json, Router, routing::get};
    /// use countersign_guard::wire::paths::OAUTH_PROTECTED_RESOURCE;
    ///
    /// let metadata = guard.resource_metadata("https://shop.example", ["orders:read"]);
    /// Router::new().route(OAUTH_PROTECTED_RESOURCE, get(async || Json(metadata)))
    /// # }
    /// ```
    pub fn resource_metadata(
        &self,
        resource: impl Into<String>,
        scopes: impl IntoIterator<Item = impl Into<String>>,
    ) -> ResourceMetadata {
        let issuers = self.inner.issuers.iter().filter_map(Issuer::name);
        ResourceMetadata {
            resource: resource.into(),
            authorization_servers: issuers.map(str::to_owned).collect(),
            bearer_methods_supported: vec!["header".to_owned()],
            scopes_supported: scopes.into_iter().map(Into::into).collect(),
        }
    }

    /// The keys in use, of every issuer in the order they were given.
    pub fn keys(&self) -> impl Iterator<Item = &KeyHandle> {
        self.inner.issuers.iter().map(Issuer::keys)
    }

    /// The revocations in use, of every issuer in the order they were given.
    pub fn revocations(&self) -> impl Iterator<Item = &RevokedHandle> {
        self.inner.issuers.iter().map(Issuer::revocations)
    }

    pub(crate) fn issuers(&self) -> &[Issuer] {
        &self.inner.issuers
    }

    /// Whether this guard, and not another, let the caller in.
    pub(crate) fn admitted(&self, caller: &Caller<C>) -> bool {
        caller.guard() == self.inner.id
    }

    /// Fresh keys, if the attempt failed for want of them, or of what is fetched with them, and
    /// somebody can fetch them.
    pub(crate) fn refetch(&self, attempt: &Attempt<C>) -> Option<Refetching> {
        let Err(Failure {
            why,
            issuer: Some(issuer),
        }) = attempt
        else {
            return None;
        };
        let issuer = self.inner.issuers.get(*issuer)?;
        let may_help = match why {
            Why::BadToken(error) => match error.reason() {
                Reason::UnknownKey => true,
                // The issuer may have raised what it announces.
                Reason::LifetimeTooLong => issuer.is_bound_by_announcement(),
                _ => false,
            },
            // As after a long sleep of the whole machine.
            Why::KeysTooOld => true,
            _ => false,
        };
        may_help.then(|| issuer.keys().refetch())?
    }

    /// Counts the outcome and makes a refusal of a failure.
    pub(crate) fn settle(&self, attempt: Attempt<C>) -> Result<Caller<C>, Refusal> {
        match attempt {
            Ok(caller) => {
                let legacy = self.inner.issuers[caller.issuer()].is_legacy();
                self.inner.counters.accepted(legacy);
                Ok(caller)
            }
            Err(failure) => Err(self.refuse(failure.why)),
        }
    }

    pub(crate) fn refuse(&self, why: Why) -> Refusal {
        self.inner.counters.refused(why.code());
        tracing::debug!(reason = why.code(), "request refused");
        Refusal::new(why, &self.inner.answer)
    }

    pub(crate) fn new(
        issuers: Box<[Issuer]>,
        cache: Option<usize>,
        cookie: Option<CookieRule>,
        answer: Answer,
    ) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        Self {
            inner: Arc::new(Inner {
                id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
                issuers,
                cache: cache.map(Cache::new),
                cookie,
                answer: Arc::new(answer),
                counters: Counters::default(),
            }),
        }
    }
}

/// How far a door got without waiting.
pub(crate) enum Begun<C> {
    Settled(Result<Caller<C>, Refusal>),
    /// The keys are being fetched; check again afterwards.
    Fetching(Refetching),
}

/// A check that may yet be tried again.
pub(crate) type Attempt<C> = Result<Caller<C>, Failure>;

/// Why, and at which issuer's keys or revocations it failed.
pub(crate) struct Failure {
    why: Why,
    issuer: Option<usize>,
}

impl Failure {
    /// Before any issuer was asked.
    fn of_request(why: Why) -> Self {
        Self { why, issuer: None }
    }
}

/// The values of the one header in which a token may come.
fn values(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let values = headers.get_all(AUTHORIZATION).iter();
    values.map(http::HeaderValue::as_bytes)
}

impl<C> Clone for Guard<C> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<C> Debug for Guard<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("issuers", &self.inner.issuers.len())
            .field("realm", &self.inner.answer.realm)
            .field("cached", &self.inner.cache.is_some())
            .finish_non_exhaustive()
    }
}
