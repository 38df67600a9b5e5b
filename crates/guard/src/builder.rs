//! How a guard is put together.
//!
//! What must be decided (issuer, audience, keys) is asked for by name or waived by name; the rest
//! has defaults that are safe and are written beside each method.

use std::any::type_name;
use std::fmt::{self, Debug, Formatter};
use std::marker::PhantomData;
use std::time::Duration;

use bytes::Bytes;
use countersign::{AccessClaims, Algorithm, Secret, UnixTime, VerifyingKey};
use http::Response;

use crate::cookie::CookieRule;
use crate::error::{GuardError, LEEWAY_MAX};
use crate::guard::Guard;
use crate::keys::KeyHandle;
#[cfg(feature = "remote")]
use crate::pace::Pace;
use crate::refusal::{Answer, Refusal, Replacement};
use crate::revoked::RevokedHandle;
use crate::trust::{Issuer, Stale};
use crate::trusted::TrustedIssuer;

/// Settings of a [`Guard`]; made by [`Guard::builder`].
///
/// ```
/// use countersign::{Algorithm, SigningKey};
/// use countersign_guard::Guard;
///
/// let key = SigningKey::generate(Algorithm::ES256)?;
/// let guard = Guard::builder("https://id.example", "orders").key(key.verifying_key()).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct GuardBuilder<C = AccessClaims> {
    pub(crate) first: TrustedIssuer,
    pub(crate) others: Vec<TrustedIssuer>,
    realm: Option<String>,
    resource_metadata: Option<String>,
    leeway: Duration,
    max_token_bytes: usize,
    cache: Option<usize>,
    cookie: Option<CookieRule>,
    legacy: Option<(Secret, UnixTime)>,
    replacement: Option<Replacement>,
    #[cfg(feature = "remote")]
    pub(crate) pace: Pace,
    claims: PhantomData<fn() -> C>,
}

/// How a guard treats time by default: clocks in one data centre are closer, laptops are not.
const LEEWAY: Duration = Duration::from_secs(30);
/// No access token of a sane issuer is longer, and a header of this size passes no common proxy.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
const CACHED_TOKENS: usize = 8 * 1024;

impl Guard {
    /// A guard for the tokens of one issuer (claim `iss`, compared as it is) made for one audience
    /// (among the claim `aud`). [`GuardBuilder`] has the rest.
    pub fn builder(issuer: impl Into<String>, audience: impl Into<String>) -> GuardBuilder {
        Self::trusting(TrustedIssuer::new(issuer, audience))
    }

    /// A guard for the tokens of one issuer, described elsewhere.
    pub fn trusting(issuer: TrustedIssuer) -> GuardBuilder {
        GuardBuilder::new(issuer)
    }
}

impl GuardBuilder {
    fn new(first: TrustedIssuer) -> Self {
        Self {
            first,
            others: Vec::new(),
            realm: None,
            resource_metadata: None,
            leeway: LEEWAY,
            max_token_bytes: MAX_TOKEN_BYTES,
            cache: Some(CACHED_TOKENS),
            cookie: None,
            legacy: None,
            replacement: None,
            #[cfg(feature = "remote")]
            pace: Pace::default(),
            claims: PhantomData,
        }
    }
}

impl<C> GuardBuilder<C> {
    /// Reads the claims into a type of the application's own instead of [`AccessClaims`], or into
    /// [`AnyClaims`](crate::AnyClaims), which the tokens of nearly every issuer fit.
    #[must_use]
    pub fn claims<D>(self) -> GuardBuilder<D> {
        let Self {
            first,
            others,
            realm,
            resource_metadata,
            leeway,
            max_token_bytes,
            cache,
            cookie,
            legacy,
            replacement,
            #[cfg(feature = "remote")]
            pace,
            claims: _,
        } = self;
        GuardBuilder {
            first,
            others,
            realm,
            resource_metadata,
            leeway,
            max_token_bytes,
            cache,
            cookie,
            legacy,
            replacement,
            #[cfg(feature = "remote")]
            pace,
            claims: PhantomData,
        }
    }

    /// See [`TrustedIssuer::found_at`].
    #[must_use]
    pub fn found_at(self, url: impl Into<String>) -> Self {
        self.with_first(|first| first.found_at(url))
    }

    /// See [`TrustedIssuer::key`].
    #[must_use]
    pub fn key(self, key: VerifyingKey) -> Self {
        self.with_first(|first| first.key(key))
    }

    /// See [`TrustedIssuer::keys`].
    #[must_use]
    pub fn keys(self, keys: KeyHandle) -> Self {
        self.with_first(|first| first.keys(keys))
    }

    /// See [`TrustedIssuer::revocations`].
    #[must_use]
    pub fn revocations(self, revoked: RevokedHandle) -> Self {
        self.with_first(|first| first.revocations(revoked))
    }

    /// See [`TrustedIssuer::stale`].
    #[must_use]
    pub fn stale(self, stale: Stale) -> Self {
        self.with_first(|first| first.stale(stale))
    }

    /// See [`TrustedIssuer::typ`].
    #[must_use]
    pub fn typ(self, typ: impl Into<String>) -> Self {
        self.with_first(|first| first.typ(typ))
    }

    /// See [`TrustedIssuer::any_typ`].
    #[must_use]
    pub fn any_typ(self) -> Self {
        self.with_first(TrustedIssuer::any_typ)
    }

    /// See [`TrustedIssuer::any_issuer`].
    #[must_use]
    pub fn any_issuer(self) -> Self {
        self.with_first(TrustedIssuer::any_issuer)
    }

    /// See [`TrustedIssuer::also_audience`].
    #[must_use]
    pub fn also_audience(self, audience: impl Into<String>) -> Self {
        self.with_first(|first| first.also_audience(audience))
    }

    /// See [`TrustedIssuer::any_audience`].
    #[must_use]
    pub fn any_audience(self) -> Self {
        self.with_first(TrustedIssuer::any_audience)
    }

    /// See [`TrustedIssuer::algorithms`].
    #[must_use]
    pub fn algorithms(self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.with_first(|first| first.algorithms(algorithms))
    }

    /// See [`TrustedIssuer::max_lifetime`].
    #[must_use]
    pub fn max_lifetime(self, max: Duration) -> Self {
        self.with_first(|first| first.max_lifetime(max))
    }

    /// See [`TrustedIssuer::roles_claim`].
    #[must_use]
    pub fn roles_claim(self, name: impl Into<String>) -> Self {
        self.with_first(|first| first.roles_claim(name))
    }

    /// See [`TrustedIssuer::scope_claim`].
    #[must_use]
    pub fn scope_claim(self, name: impl Into<String>) -> Self {
        self.with_first(|first| first.scope_claim(name))
    }

    /// Trusts one more issuer. A token's `iss` chooses which one judges it; an unknown one is
    /// refused without asking anybody.
    #[must_use]
    pub fn also(mut self, issuer: TrustedIssuer) -> Self {
        self.others.push(issuer);
        self
    }

    /// How far the clocks of issuer and guard may be apart; 30 seconds by default, 60 at most: an
    /// issuer forgets what it took back soon after the last token it concerns has expired.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// The longest token that is looked at; 16 KiB by default.
    #[must_use]
    pub fn max_token_bytes(mut self, max: usize) -> Self {
        self.max_token_bytes = max;
        self
    }

    /// How many verdicts are remembered at most; 8,192 by default, `None` for none. What is
    /// remembered takes about one kilobyte with [`AccessClaims`], an empty place 16 bytes. Give twice
    /// as many places as there are callers at a time: a token may only take one of eight places, and
    /// where more fall together they push each other out.
    #[must_use]
    pub fn cache(mut self, capacity: Option<usize>) -> Self {
        self.cache = capacity.filter(|capacity| *capacity > 0);
        self
    }

    /// Also takes the token from the cookie of this name, when there is no `Authorization` header.
    /// Off by default.
    ///
    /// Browsers attach cookies to requests that other sites start. So whatever is not plain reading
    /// (any method but `GET`, `HEAD` and `OPTIONS`, and every WebSocket) must come from one of
    /// `origins`, such as `https://shop.example`, as the browser's `Origin` header says, or within
    /// one origin, as `Sec-Fetch-Site` says; else it is refused with 403 `cross_site`. Give the
    /// cookie a name that begins with `__Host-` and the attributes `Secure; HttpOnly; SameSite=Lax;
    /// Path=/`.
    #[must_use]
    pub fn cookie(
        mut self,
        name: impl Into<String>,
        origins: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let origins = origins.into_iter().map(Into::into).collect();
        self.cookie = Some(CookieRule::new(name.into(), origins));
        self
    }

    /// Also accepts, until that time, the HS256 tokens of an older system that share `secret`, and
    /// refuses them by itself afterwards (`legacy_ended`).
    ///
    /// It is the bridge away from a hand-written guard: nobody has to sign in again on the day of
    /// the change. Such a token must have `exp`, but no issuer, audience or type is asked of it,
    /// and it can not be revoked one by one. Its claims are read into the same `C`, which must be
    /// able to hold both kinds (`#[serde(default)]`, `#[serde(alias = "user")]`). [`AccessClaims`] holds
    /// no token that says less than RFC 9068 asks for, so [`build`](Self::build) takes a type of the
    /// application's own only. Should one of the old tokens not fit that, the log says so, once:
    ///
    /// ```
    /// # use countersign::{Algorithm, SigningKey, UnixTime};
    /// # use countersign_guard::Guard;
    /// # let key = SigningKey::generate(Algorithm::ES256)?.verifying_key();
    /// # let last_day = UnixTime::now();
    /// #[derive(serde::Deserialize)]
    /// struct Person {
    ///     // The old tokens have the name. `sub` of the new ones is an id that they never heard of.
    ///     #[serde(rename = "preferred_username", alias = "user")]
    ///     name: String,
    /// }
    ///
    /// let builder = Guard::builder("https://id.example", "api").claims::<Person>();
    /// # let builder = builder.key(key);
    /// let guard = builder.legacy_secret("your-secret-key", last_day).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [`Counts::accepted_legacy`] tells when nobody uses them any more. A secret of any length is
    /// taken, because those of tutorials are short.
    ///
    /// [`Counts::accepted_legacy`]: crate::Counts::accepted_legacy
    #[must_use]
    pub fn legacy_secret(mut self, secret: impl AsRef<[u8]>, until: UnixTime) -> Self {
        self.legacy = Some((Secret::new(secret.as_ref()), until));
        self
    }

    /// What the challenge calls the thing that is protected; the audience by default.
    #[must_use]
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// Where the metadata of this resource is, for the challenge (RFC 9728 §5.1); an absolute URL.
    #[must_use]
    pub fn resource_metadata(mut self, url: impl Into<String>) -> Self {
        self.resource_metadata = Some(url.into());
        self
    }

    /// Replaces the answer to a refusal, status included. [`Refusal::respond`] makes a JSON answer,
    /// [`Refusal::standard_response`] the one by RFC 6750.
    #[must_use]
    pub fn on_refusal(
        mut self,
        answer: impl Fn(&Refusal) -> Response<Bytes> + Send + Sync + 'static,
    ) -> Self {
        self.replacement = Some(Box::new(answer));
        self
    }

    /// The guard.
    ///
    /// # Errors
    ///
    /// [`GuardError::NoKeys`] if an issuer was given no key, [`GuardError::Keys`] if its keys do
    /// not make a set, [`GuardError::IssuerTwice`] if one was given twice, [`GuardError::LeewayTooLong`] if the leeway is more than a minute,
    /// [`GuardError::LegacyClaims`] if [`legacy_secret`](Self::legacy_secret) is to bring tokens into
    /// [`AccessClaims`], which holds none of them, [`GuardError::BadOrigin`] if one that was given to
    /// [`cookie`](Self::cookie) is none.
    pub fn build(self) -> Result<Guard<C>, GuardError> {
        self.check()?;
        let realm = self
            .realm
            .unwrap_or_else(|| self.first.audiences.first().cloned().unwrap_or_default());
        let answer = Answer {
            realm,
            resource_metadata: self.resource_metadata,
            replacement: self.replacement,
        };
        let (leeway, max) = (self.leeway, self.max_token_bytes);
        let issuers = std::iter::once(self.first)
            .chain(self.others)
            .map(|issuer| issuer.build(leeway, max));
        let legacy = self.legacy.into_iter().map(|(secret, until)| {
            let secret =
                VerifyingKey::from_weak_secret_insecurely(Algorithm::HS256, secret.expose())?;
            Ok(Issuer::legacy(secret, until, leeway, max)?)
        });
        let issuers = issuers.chain(legacy).collect::<Result<_, GuardError>>()?;
        Ok(Guard::new(issuers, self.cache, self.cookie, answer))
    }

    /// What can be said before anybody is asked for keys.
    pub(crate) fn check(&self) -> Result<(), GuardError> {
        if self.legacy.is_some() && type_name::<C>() == type_name::<AccessClaims>() {
            return Err(GuardError::LegacyClaims);
        }
        if let Some(origin) = self.cookie.as_ref().and_then(CookieRule::misspelt) {
            return Err(GuardError::BadOrigin(origin.to_owned()));
        }
        if self.leeway > LEEWAY_MAX {
            return Err(GuardError::LeewayTooLong(self.leeway));
        }
        let issuers = std::iter::once(&self.first).chain(&self.others);
        let mut names: Vec<_> = issuers.filter_map(TrustedIssuer::name).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(GuardError::IssuerTwice(twice[0].to_owned()));
        }
        Ok(())
    }

    fn with_first(mut self, change: impl FnOnce(TrustedIssuer) -> TrustedIssuer) -> Self {
        self.first = change(self.first);
        self
    }
}

impl<C> Debug for GuardBuilder<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardBuilder")
            .field("first", &self.first)
            .field("others", &self.others)
            .field("leeway", &self.leeway)
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}
