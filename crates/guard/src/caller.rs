//! Who is calling: the proof that a token was checked, with what it says.

use std::borrow::Cow;
use std::fmt::{self, Debug, Formatter};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign::{AccessClaims, UnixTime, Verified};

use crate::cache::Remembered;
use crate::permissions::{self, ClaimNames};

/// The caller of a request whose token passed every check of a [`Guard`](crate::Guard).
///
/// Only a guard makes one. A handler that takes a `Caller` can therefore not be reached without a
/// token, and a function deeper down that asks for a `&Caller` cannot be called without one either.
/// It dereferences to the claims; a clone is a reference count.
///
/// The proof is of the moment it was made. A connection that outlives its request asks again with
/// [`Guard::recheck`](crate::Guard::recheck).
pub struct Caller<C = AccessClaims> {
    inner: Arc<Inner<C>>,
}

/// In this order, so that what a guard looks at when it meets a caller again stands close together.
#[repr(C)]
struct Inner<C> {
    /// The last key set that is known to contain the key.
    generation: AtomicU64,
    /// How much had been added to what was taken back when none of it was about this caller; 0
    /// if that was not looked up yet.
    unmentioned: AtomicU64,
    /// Which guard, and which of its issuers, said yes.
    guard: u64,
    issuer: usize,
    verified: Verified<C>,
    /// Where it says what its bearer may do, if it says so elsewhere than usual.
    names: Option<Arc<ClaimNames>>,
}

impl<C> Caller<C> {
    /// The token's claims.
    pub fn claims(&self) -> &C {
        self.inner.verified.claims()
    }

    /// What the token's check proved.
    pub fn verified(&self) -> &Verified<C> {
        &self.inner.verified
    }

    /// Who it is: claim `sub`.
    pub fn subject(&self) -> Option<&str> {
        self.inner.verified.subject()
    }

    /// The name the user signs in with: claim `preferred_username`.
    pub fn username(&self) -> Option<&str> {
        self.inner.verified.preferred_username()
    }

    /// The session the token belongs to: claim `sid`.
    pub fn session_id(&self) -> Option<&str> {
        self.inner.verified.session_id()
    }

    /// The roles: claim `roles`, or the one that [`TrustedIssuer::roles_claim`] names; an array of
    /// strings, or one string, which is one role. None if it is missing or something else.
    ///
    /// [`TrustedIssuer::roles_claim`]: crate::TrustedIssuer::roles_claim
    pub fn roles(&self) -> Vec<Cow<'_, str>> {
        permissions::roles(&self.inner.verified, self.names())
    }

    /// Whether `role` is one of the [`roles`](Self::roles).
    pub fn has_role(&self, role: &str) -> bool {
        self.roles().iter().any(|own| own == role)
    }

    /// The words of the scope: claim `scope`, or if there is none `scp`, or the one that
    /// [`TrustedIssuer::scope_claim`] names; words in one string, or an array of them. None if it is
    /// missing or something else.
    ///
    /// [`TrustedIssuer::scope_claim`]: crate::TrustedIssuer::scope_claim
    pub fn scopes(&self) -> Vec<Cow<'_, str>> {
        permissions::scopes(&self.inner.verified, self.names())
    }

    /// Whether `scope` is one of the [`scopes`](Self::scopes).
    pub fn has_scope(&self, scope: &str) -> bool {
        match permissions::plain_scope(&self.inner.verified, self.names()) {
            Some(_) => self.inner.verified.has_scope(scope),
            None => self.scopes().iter().any(|own| own == scope),
        }
    }

    /// When the token expires.
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.inner.verified.expires_at()
    }

    pub(crate) fn new(
        verified: Verified<C>,
        guard: u64,
        issuer: usize,
        generation: u64,
        names: Option<Arc<ClaimNames>>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                generation: AtomicU64::new(generation),
                unmentioned: AtomicU64::new(0),
                guard,
                issuer,
                verified,
                names,
            }),
        }
    }

    /// The scope in one text, as it stands there or with a space between its words.
    pub(crate) fn scope_text(&self) -> Cow<'_, str> {
        match permissions::plain_scope(&self.inner.verified, self.names()) {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(self.scopes().join(" ")),
        }
    }

    pub(crate) fn guard(&self) -> u64 {
        self.inner.guard
    }

    fn names(&self) -> Option<&ClaimNames> {
        self.inner.names.as_deref()
    }

    pub(crate) fn issuer(&self) -> usize {
        self.inner.issuer
    }

    pub(crate) fn generation(&self) -> u64 {
        self.inner.generation.load(Ordering::Relaxed)
    }

    pub(crate) fn key_was_found_in(&self, generation: u64) {
        self.inner.generation.store(generation, Ordering::Relaxed);
    }

    pub(crate) fn unmentioned(&self) -> u64 {
        self.inner.unmentioned.load(Ordering::Relaxed)
    }

    pub(crate) fn was_not_mentioned(&self, additions: u64) {
        self.inner.unmentioned.store(additions, Ordering::Relaxed);
    }
}

impl<C> Remembered for Caller<C> {
    fn is_of(&self, token: &[u8]) -> bool {
        self.inner.verified.is_of(token)
    }
}

impl<C> Clone for Caller<C> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<C> Deref for Caller<C> {
    type Target = C;

    fn deref(&self) -> &C {
        self.claims()
    }
}

impl<C> Debug for Caller<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("subject", &self.subject())
            .field("session_id", &self.session_id())
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}
