//! One issuer a guard trusts: its rules, its keys, what it has taken back, and how old all that may
//! be.

use std::sync::{Arc, Once};
use std::time::Duration;

use arc_swap::ArcSwap;
use countersign::{Algorithm, AlgorithmRule, AudienceRule, IssuerRule, Rules, UnixTime};
use countersign::{KeyError, KeySet, Reason, TokenError, Verified, Verifier, VerifyingKey};
use countersign_wire::revocation::Kind;
use serde::de::DeserializeOwned;

use crate::caller::Caller;
use crate::keys::{KeyHandle, Published};
use crate::permissions::{self, ClaimNames};
use crate::refusal::Why;
use crate::revoked::{Mention, RevokedHandle};

/// What a guard does when the issuer's revocations have not arrived for a while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stale {
    /// It goes on with what it has. What bounds the harm of a revocation it has not heard of is the
    /// token's expiry.
    #[default]
    Serve,
    /// It refuses every token, with 503, until news arrive again. The age of the news counts from
    /// the time the issuer signed, so the clocks of the two must agree within the bound. An issuer
    /// with nothing to say signs that every two seconds
    /// ([`HEARTBEAT`](countersign_wire::revocation::HEARTBEAT)): a bound of less refuses tokens for no
    /// reason, and one below three heartbeats at every hiccup.
    Refuse {
        /// How old the news may be.
        after: Duration,
    },
}

/// Everything a guard holds about one issuer.
pub(crate) struct Issuer {
    expected: Expected,
    keys: KeyHandle,
    revoked: RevokedHandle,
    stale: Stale,
    /// Where its tokens say what their bearers may do; absent where they say it as usual.
    names: Option<Arc<ClaimNames>>,
    /// If this stands for an older system.
    legacy: Option<Legacy>,
    current: ArcSwap<Trust>,
}

/// An older system, whose tokens are accepted for a while.
struct Legacy {
    until: UnixTime,
    /// Said at the first of its tokens that does not fit: there may be as many as there are users.
    unfit: Once,
}

/// What the issuer's tokens must look like.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    /// Any issuer if it is absent.
    pub(crate) issuer: Option<String>,
    /// One of them must be in the token's; any audience if it is absent.
    pub(crate) audiences: Option<Vec<String>>,
    /// Any type if it is absent.
    pub(crate) typ: Option<String>,
    /// Whatever the keys are for if it is absent.
    pub(crate) algorithms: Option<Vec<Algorithm>>,
    pub(crate) max_lifetime: Option<Duration>,
    pub(crate) leeway: Duration,
    pub(crate) max_token_bytes: usize,
}

/// The rules joined with one generation of the keys.
struct Trust {
    generation: u64,
    verifier: Verifier,
    max_lifetime: Option<Duration>,
}

impl Issuer {
    pub(crate) fn new(
        expected: Expected,
        keys: KeyHandle,
        revoked: RevokedHandle,
        stale: Stale,
    ) -> Self {
        let current = ArcSwap::from_pointee(expected.with(&keys.cell().published()));
        Self {
            expected,
            keys,
            revoked,
            stale,
            names: None,
            legacy: None,
            current,
        }
    }

    /// The same, with tokens that say elsewhere what their bearers may do.
    pub(crate) fn with_claim_names(mut self, names: ClaimNames) -> Self {
        self.names = names.are_given().then(|| Arc::new(names));
        self
    }

    /// The tokens of an older system: signed with one secret, saying little, accepted until then.
    pub(crate) fn legacy(
        secret: VerifyingKey,
        until: UnixTime,
        leeway: Duration,
        max_token_bytes: usize,
    ) -> Result<Self, KeyError> {
        let expected = Expected {
            issuer: None,
            audiences: None,
            typ: None,
            algorithms: Some(vec![secret.algorithm()]),
            max_lifetime: None,
            leeway,
            max_token_bytes,
        };
        let keys = KeyHandle::fixed(KeySet::new([secret])?);
        let mut legacy = Self::new(expected, keys, RevokedHandle::new(), Stale::Serve);
        legacy.legacy = Some(Legacy {
            until,
            unfit: Once::new(),
        });
        Ok(legacy)
    }

    /// The `iss` of its tokens; `None` if any will do.
    pub(crate) fn name(&self) -> Option<&str> {
        self.expected.issuer.as_deref()
    }

    /// Whether tokens with this `iss` are this issuer's own.
    pub(crate) fn is_named(&self, iss: Option<&str>) -> bool {
        self.name().is_some() && self.name() == iss
    }

    /// Whether it stands for the tokens of an older system.
    pub(crate) fn is_legacy(&self) -> bool {
        self.legacy.is_some()
    }

    /// The full check of a token's own content; revocations are asked by [`admit`](Self::admit).
    /// Also tells the generation of the keys that were used.
    pub(crate) fn verify<C: DeserializeOwned>(
        &self,
        token: &[u8],
        now: UnixTime,
    ) -> Result<(Verified<C>, u64), Why> {
        self.is_in_force(now)?;
        let trust = self.trust();
        let verified = trust.verifier.verify(token, now).map_err(|error| {
            if let Some(legacy) = &self.legacy {
                legacy.refused(&error);
            }
            Why::BadToken(error)
        })?;
        if let Some(names) = &self.names
            && let Some(name) = permissions::in_doubt(&verified, names)
        {
            return Err(Why::AmbiguousClaim(name.into()));
        }
        Ok((verified, trust.generation))
    }

    /// Whether what was verified before would be verified again: the time is right and the very key
    /// is still in the set. The token's bytes are the same, so nothing else can have changed.
    pub(crate) fn recheck<C>(&self, caller: &Caller<C>, now: UnixTime) -> Result<(), Why> {
        self.is_in_force(now)?;
        let verified = caller.verified();
        let leeway = self.expected.leeway;
        if verified
            .expires_at()
            .is_some_and(|exp| exp.saturating_add(leeway) <= now)
        {
            return Err(Why::NoLongerGood(Reason::Expired));
        }
        if verified
            .not_before()
            .is_some_and(|nbf| now.saturating_add(leeway) < nbf)
        {
            return Err(Why::NoLongerGood(Reason::NotYetValid));
        }
        if caller.generation() != self.keys.cell().generation() {
            let trust = self.trust();
            if !trust.verifier.keys().contains(verified.key()) {
                return Err(Why::NoLongerGood(Reason::UnknownKey));
            }
            if trust
                .max_lifetime
                .is_some_and(|max| lifetime(verified).is_none_or(|own| own > max))
            {
                return Err(Why::NoLongerGood(Reason::LifetimeTooLong));
            }
            caller.key_was_found_in(trust.generation);
        }
        Ok(())
    }

    /// The last question, asked on every request: was it taken back, and do we know? A caller who was
    /// not mentioned among what was taken back is looked for again once something was added to that.
    pub(crate) fn admit<C>(&self, caller: &Caller<C>, now: UnixTime) -> Result<(), Why> {
        let revoked = self.revoked.set();
        let additions = revoked.additions();
        if caller.unmentioned() != additions {
            let verified = caller.verified();
            let mark = |kind| match kind {
                Kind::Sub => verified.subject(),
                Kind::Sid => verified.session_id(),
                Kind::Jti => verified.jwt_id(),
                Kind::Kid => verified.key().key_id(),
            };
            match revoked.mention(mark, now) {
                Some(Mention::Revoked(kind)) => return Err(Why::Revoked(kind)),
                // It may count again if the clock is set back.
                Some(Mention::Past) => {}
                None => caller.was_not_mentioned(additions),
            }
        }
        self.has_heard(now)
    }

    /// Whether any token can be let in now: the keys are young enough, and so are the news.
    pub(crate) fn standing(&self, now: UnixTime) -> Result<(), Why> {
        self.is_in_force(now).and_then(|()| self.has_heard(now))
    }

    /// Whether the token is longer than is looked at.
    pub(crate) fn is_too_long(&self, token: &[u8]) -> bool {
        token.len() > self.expected.max_token_bytes
    }

    /// Whether the longest life of a token is what the issuer announces.
    pub(crate) fn is_bound_by_announcement(&self) -> bool {
        let announced = self.keys.cell().published().max_lifetime;
        match (self.expected.max_lifetime, announced) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(own), Some(announced)) => announced < own,
        }
    }

    pub(crate) fn claim_names(&self) -> Option<Arc<ClaimNames>> {
        self.names.clone()
    }

    pub(crate) fn keys(&self) -> &KeyHandle {
        &self.keys
    }

    pub(crate) fn revocations(&self) -> &RevokedHandle {
        &self.revoked
    }

    fn is_in_force(&self, now: UnixTime) -> Result<(), Why> {
        if self
            .legacy
            .as_ref()
            .is_some_and(|legacy| legacy.until <= now)
        {
            return Err(Why::LegacyEnded);
        }
        if self.keys.cell().is_too_old(now) {
            return Err(Why::KeysTooOld);
        }
        Ok(())
    }

    fn has_heard(&self, now: UnixTime) -> Result<(), Why> {
        match self.stale {
            Stale::Refuse { after } if self.revoked.age(now).is_some_and(|age| age > after) => {
                Err(Why::RevocationsTooOld)
            }
            Stale::Serve | Stale::Refuse { .. } => Ok(()),
        }
    }

    /// The verifier for the keys as they are now, made anew if they were replaced.
    fn trust(&self) -> arc_swap::Guard<Arc<Trust>> {
        let current = self.current.load();
        if current.generation == self.keys.cell().generation() {
            return current;
        }
        let renewed = Arc::new(self.expected.with(&self.keys.cell().published()));
        self.current.store(Arc::clone(&renewed));
        arc_swap::Guard::from_inner(renewed)
    }
}

impl Legacy {
    /// A token with the old secret's signature whose claims do not fit is one that the bridge was
    /// built for and does not carry, and neither its bearer nor anybody else can know.
    fn refused(&self, error: &TokenError) {
        if matches!(error.reason(), Reason::MissingClaim | Reason::BadClaim) {
            self.unfit.call_once(|| {
                tracing::warn!(
                    reason = error.reason().code(),
                    claim = error.claim(),
                    "legacy_secret: a token with the old secret's signature is refused, because {error}; \
                     the guard's claims type must hold the old tokens too, and they must have `exp` \
                     (said once)"
                );
            });
        }
    }
}

impl Expected {
    fn with(&self, published: &Published) -> Trust {
        let max_lifetime = match (self.max_lifetime, published.max_lifetime) {
            (Some(own), Some(announced)) => Some(own.min(announced)),
            (own, announced) => own.or(announced),
        };
        let issuer = self
            .issuer
            .as_deref()
            .map_or_else(IssuerRule::any, Into::into);
        let audience = self
            .audiences
            .clone()
            .map_or_else(AudienceRule::any, Into::into);
        let algorithms = match &self.algorithms {
            Some(algorithms) => algorithms.as_slice().into(),
            None => AlgorithmRule::of_the_keys(),
        };
        let rules = Rules::new(issuer, audience, algorithms)
            .leeway(self.leeway)
            .max_token_bytes(self.max_token_bytes);
        let rules = match &self.typ {
            Some(typ) => rules.typ(typ),
            None => rules.any_typ(),
        };
        let rules = match max_lifetime {
            Some(max) => rules.max_lifetime(max),
            None => rules,
        };
        let verifier = Verifier::new(rules, published.keys.clone());
        Trust {
            generation: published.generation,
            verifier,
            max_lifetime,
        }
    }
}

/// From issue to expiry; `None` if the token does not say.
fn lifetime<C>(verified: &Verified<C>) -> Option<Duration> {
    Some(verified.expires_at()?.since(verified.issued_at()?))
}
