//! Keys and revocations from afar: what a guard fetches, and how it stays up to date.
//!
//! ```text
//!   issuer URL -> metadata -> key set      renewed by its age, or because a token names an unknown key
//!                          -> revocations  followed all the time
//! ```
//!
//! All of it happens in background tasks that end with the last clone of the guard. A request never
//! waits for them, with one exception: a token that names an unknown key may wait for one fetch.
//!
//! Everything fetched is bounded in time and size, redirects are not followed, and plain HTTP is
//! only spoken to the own machine. The issuer decides which keys are good, and signs what it takes
//! back; the network in between decides nothing.

mod bulletin;
mod discovery;
mod feed;
mod fetch;
mod following;
mod found;
mod jwks;
mod key_source;
mod look;
mod sse;
mod task;

use std::sync::Arc;
use std::time::Duration;

use countersign::AccessClaims;

pub use crate::error::follow::{FetchError, FollowError};
pub use look::{Dated, Look, News};

use crate::authority::Authorities;
use crate::builder::GuardBuilder;
use crate::error::GuardError;
use crate::guard::Guard;
use crate::pace::PlainHttp;
use discovery::Site;
use fetch::Fetcher;
use following::{Following, Search};
use found::{Found, found_in_time};

/// What is longer stands for ever, and its sums would not fit.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

impl Guard {
    /// A guard that follows an issuer: it finds the keys and the revocations by discovery (RFC
    /// 8414, OpenID Connect Discovery) and keeps them up to date in the background, until its last
    /// clone is dropped. Must be called on a tokio runtime. [`GuardBuilder::follow`] has the
    /// settings.
    ///
    /// # Errors
    ///
    /// [`GuardError::Follow`] if the issuer cannot be reached, or says something else than it
    /// should.
    pub async fn follow(
        issuer: impl Into<String>,
        audience: impl Into<String>,
    ) -> Result<Guard<AccessClaims>, GuardError> {
        Self::builder(issuer, audience).follow().await
    }
}

impl<C> GuardBuilder<C> {
    /// The guard, with the keys and revocations of every issuer that was given none fetched from
    /// it and kept up to date. See [`Guard::follow`].
    ///
    /// # Errors
    ///
    /// [`GuardError::Follow`] if an issuer cannot be reached, or says something else than it
    /// should; else as [`build`](Self::build).
    pub async fn follow(mut self) -> Result<Guard<C>, GuardError> {
        self.check()?;
        let fetcher = Fetcher::new(&self.pace)?;
        for trusted in std::iter::once(&mut self.first).chain(&mut self.others) {
            if !trusted.has_keys() {
                let found = found_in_time(&fetcher, &Site::of(trusted), &self.pace).await?;
                let following = Following::of(trusted, &self.pace);
                let attached = following.attach(found).await?;
                trusted.follow(following, Arc::new(attached));
            }
        }
        self.build()
    }

    /// As [`follow`](Self::follow), but an issuer that is not there yet is looked for in the
    /// background, and its tokens are refused with 503 until it is found. For what must start
    /// whatever else is up, or trusts several issuers of which one may be down.
    ///
    /// # Errors
    ///
    /// [`GuardError::Follow`] for what no waiting would change: another issuer's metadata, plain
    /// HTTP, no usable key.
    pub async fn follow_in_background(mut self) -> Result<Guard<C>, GuardError> {
        self.check()?;
        let fetcher = Fetcher::new(&self.pace)?;
        for trusted in std::iter::once(&mut self.first).chain(&mut self.others) {
            if trusted.has_keys() {
                continue;
            }
            let following = Following::of(trusted, &self.pace);
            match Found::find(&fetcher, &Site::of(trusted)).await {
                Ok(found) => {
                    let attached = following.attach(found).await?;
                    trusted.follow(following, Arc::new(attached));
                }
                Err(error) if error.may_pass() => {
                    tracing::warn!(code = error.code(), %error, "the issuer is not there yet");
                    let search = Search::start(following.clone(), fetcher.clone());
                    trusted.follow(following, Arc::new(search));
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.build()
    }

    /// For how long the start waits for an issuer that is not there yet, as when both are started
    /// together; by default not at all. Only what may pass by itself is waited for: no connection,
    /// no answer in time, a status of 500 and above.
    #[must_use]
    pub fn wait_for_issuer(mut self, patience: Duration) -> Self {
        self.pace.patience = patience;
        self
    }

    /// The pause between fetches of the key set that tokens with unknown keys cause; 10 seconds by
    /// default. However many such tokens arrive, there is one fetch in that time.
    #[must_use]
    pub fn key_cooldown(mut self, cooldown: Duration) -> Self {
        self.pace.cooldown = cooldown;
        self
    }

    /// How long fetched keys are used while no fetch succeeds; 24 hours by default. After that
    /// every token is refused with 503: a key that was withdrawn because it leaked must not be good
    /// for ever.
    #[must_use]
    pub fn keys_good_for(mut self, bound: Duration) -> Self {
        self.pace.keys_good_for = bound;
        self
    }

    /// How often the revocations are asked for if the issuer does not stream them, and the first
    /// pause before a broken stream is asked for again; 250 ms by default.
    #[must_use]
    pub fn revocation_interval(mut self, interval: Duration) -> Self {
        self.pace.poll = interval;
        self
    }

    /// For how long a stream of revocations may bring nothing, not even a heartbeat, before it is
    /// given up and asked for again; 6 seconds by default, three times the issuer's heartbeat.
    #[must_use]
    pub fn revocation_silence(mut self, silence: Duration) -> Self {
        self.pace.silence = silence.min(LONGEST_TIMEOUT);
        self
    }

    /// How long one fetch may take; 5 seconds by default.
    #[must_use]
    pub fn fetch_timeout(mut self, timeout: Duration) -> Self {
        self.pace.timeout = timeout.min(LONGEST_TIMEOUT);
        self
    }

    /// Believes certificates that the authorities in `pem` have signed, beside those that the system
    /// believes: for issuers with a certificate of one's own. It holds for every issuer of this guard,
    /// and in place of what was given here before.
    ///
    /// # Errors
    ///
    /// [`GuardError::NoCertificate`] if there is none in it.
    pub fn trust_authority(mut self, pem: &str) -> Result<Self, GuardError> {
        self.pace.authorities = Authorities::read(pem)?;
        Ok(self)
    }

    /// Fetches over plain HTTP from other machines too. Whoever controls the network in between can
    /// then put keys of his own into the set; use it only where the network is encrypted by other
    /// means.
    #[must_use]
    pub fn plain_http_insecurely(mut self) -> Self {
        self.pace.plain_http = PlainHttp::Anywhere;
        self
    }
}
