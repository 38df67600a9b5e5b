//! A client proves who it is with a signature: `private_key_jwt` (RFC 7523 §3).
//!
//! The assertion is a JWT by the client about itself, for this server, good for a short while and
//! for one use. Whether it was used before only a memory shared by every server process can say, so
//! the check ends in an [`UnusedAssertion`], and the proof is made when the store has answered.

use alloc::{string::String, sync::Arc};
use core::time::Duration;

use countersign::{AlgorithmRule, Rules, UnixTime, Verifier, crypto::sha256, token::Unverified};
use serde::de::IgnoredAny;

use super::{AuthenticatedClient, Authentication, Client};
use crate::error::{AssertionFault, Refused};

/// How long an assertion may be good for, from when it is shown: its id is remembered for as long.
const LONGEST: Duration = Duration::from_secs(3_600);
/// By how much the client's clock may differ from ours.
const LEEWAY: Duration = Duration::from_secs(30);
/// By how much the clocks of server processes may differ: one of them forgets an assertion by its
/// clock, and another one would still take it by its own.
const CLOCKS: Duration = Duration::from_secs(300);
/// The `typ` that RFC 7523's successor asks for; until then it is `JWT`, or absent.
const TYP: &str = "client-authentication+jwt";

/// An assertion that is right in itself. It proves something if it was never used before.
#[derive(Clone, Debug)]
#[must_use]
pub struct UnusedAssertion {
    client: Arc<Client>,
    digest: [u8; 32],
    until: UnixTime,
}

/// The client an assertion claims to be of: whose keys it is to be checked with. Nothing is
/// verified yet.
pub fn claimed_client(assertion: &str) -> Option<String> {
    let unverified = Unverified::parse(assertion).ok()?;
    unverified.subject().map(String::from)
}

impl Client {
    /// Checks everything about an assertion but whether it was used before. `audiences` are the
    /// names of this server an assertion may be meant for: its issuer, and its token endpoint.
    ///
    /// # Errors
    /// [`Refused::InvalidClient`] for an unknown or disabled client and one without keys,
    /// [`Refused::BadAssertion`] for what is wrong with the assertion.
    pub fn check_assertion(
        client: Option<&Arc<Self>>,
        assertion: &str,
        audiences: [&str; 2],
        now: UnixTime,
    ) -> Result<UnusedAssertion, Refused> {
        let client = client.filter(|client| !client.disabled);
        let client = client.ok_or(Refused::InvalidClient)?;
        let Authentication::Keys(keys) = &client.authentication else {
            return Err(Refused::InvalidClient);
        };
        let rules = Rules::new(
            client.client_id.as_str(),
            audiences,
            AlgorithmRule::of_the_keys(),
        )
        .leeway(LEEWAY)
        .require("sub")
        .require("jti");
        let typ = Unverified::parse(assertion).map_err(AssertionFault::Token)?;
        let rules = match typ.typ() {
            Some(typ) if typ.eq_ignore_ascii_case(TYP) => rules.typ(TYP),
            _ => rules,
        };
        let verified = Verifier::new(rules, keys.set().clone())
            .verify::<IgnoredAny>(assertion, now)
            .map_err(AssertionFault::Token)?;

        if verified.subject() != Some(client.client_id.as_str()) {
            return Err(AssertionFault::Subject.into());
        }
        // One that another server would take as well could be carried there.
        if verified.audience().iter().count() != 1 {
            return Err(AssertionFault::SeveralAudiences.into());
        }
        let expires_at = verified.expires_at().unwrap_or(UnixTime::MAX);
        if expires_at > now.saturating_add(LONGEST).saturating_add(LEEWAY) {
            return Err(AssertionFault::TooLong.into());
        }
        let id = verified.jwt_id().filter(|id| !id.is_empty());
        let id = id.ok_or(AssertionFault::NoId)?;
        let named = [client.client_id.as_bytes(), b"\0", id.as_bytes()].concat();
        Ok(UnusedAssertion {
            client: Arc::clone(client),
            digest: sha256(&named),
            until: expires_at.saturating_add(LEEWAY).saturating_add(CLOCKS),
        })
    }
}

impl UnusedAssertion {
    /// What to remember: a hash of the client and the `jti`.
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Until when to remember it. After that it has expired by itself, by whichever clock.
    pub const fn until(&self) -> UnixTime {
        self.until
    }

    /// The client has proved who it is, if this was the `first` time that the digest was seen.
    ///
    /// # Errors
    /// [`Refused::BadAssertion`] if it was not.
    pub fn first_use(self, first: bool) -> Result<AuthenticatedClient, Refused> {
        if first {
            Ok(AuthenticatedClient(self.client))
        } else {
            Err(AssertionFault::Used.into())
        }
    }
}
