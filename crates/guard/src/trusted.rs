//! An issuer as the guard's owner describes it.

use std::time::Duration;

use countersign::{Algorithm, KeySet, VerifyingKey};

use crate::error::GuardError;
use crate::keys::KeyHandle;
use crate::permissions::ClaimNames;
use crate::revoked::RevokedHandle;
use crate::trust::{Expected, Issuer, Stale};

/// One issuer, and what its tokens must look like here.
#[derive(Clone, Debug)]
pub struct TrustedIssuer {
    pub(crate) issuer: String,
    /// Where it is reached, if that is elsewhere than its name says.
    pub(crate) found_at: Option<String>,
    any_issuer: bool,
    pub(crate) audiences: Vec<String>,
    any_audience: bool,
    typ: Option<String>,
    algorithms: Option<Vec<Algorithm>>,
    max_lifetime: Option<Duration>,
    keys: Keys,
    pub(crate) revoked: Option<RevokedHandle>,
    stale: Stale,
    names: ClaimNames,
}

#[derive(Clone, Debug)]
enum Keys {
    Given(Vec<VerifyingKey>),
    Shared(KeyHandle),
}

impl TrustedIssuer {
    /// Tokens whose `iss` is exactly `issuer` and whose `aud` contains `audience`.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            found_at: None,
            any_issuer: false,
            audiences: vec![audience.into()],
            any_audience: false,
            typ: Some("at+jwt".to_owned()),
            algorithms: None,
            max_lifetime: None,
            keys: Keys::Given(Vec::new()),
            revoked: None,
            stale: Stale::default(),
            names: ClaimNames::default(),
        }
    }

    /// Reaches the issuer at this URL and not at the one that is its name: inside a network, say, where
    /// the service is at `http://countersign:7800` and its tokens say `https://id.example`. What its
    /// metadata say is below its name is fetched from below this URL; they must still give that very
    /// name. The rule about `https` is for this URL.
    #[must_use]
    pub fn found_at(mut self, url: impl Into<String>) -> Self {
        self.found_at = Some(url.into());
        self
    }

    /// Accepts tokens made with this key; may be called several times.
    #[must_use]
    pub fn key(mut self, key: VerifyingKey) -> Self {
        match &mut self.keys {
            Keys::Given(keys) => keys.push(key),
            Keys::Shared(_) => self.keys = Keys::Given(vec![key]),
        }
        self
    }

    /// Accepts tokens made with the keys of this handle, whatever they are at the time.
    #[must_use]
    pub fn keys(mut self, keys: KeyHandle) -> Self {
        self.keys = Keys::Shared(keys);
        self
    }

    /// Refuses what this set says was taken back. By default nothing is.
    #[must_use]
    pub fn revocations(mut self, revoked: RevokedHandle) -> Self {
        self.revoked = Some(revoked);
        self
    }

    /// What happens when the revocations have not been heard of for a while; [`Stale::Serve`] by
    /// default.
    #[must_use]
    pub fn stale(mut self, stale: Stale) -> Self {
        self.stale = stale;
        self
    }

    /// The `typ` in the token's header; `at+jwt` (RFC 9068) by default. Many issuers write `JWT`.
    #[must_use]
    pub fn typ(mut self, typ: impl Into<String>) -> Self {
        self.typ = Some(typ.into());
        self
    }

    /// Accepts any `typ`, and none. An issuer that signs other things with the same keys (ID
    /// tokens, say) must then be told apart by their audience: give the API one of its own, never the
    /// id of a client, for that is the audience of an ID token.
    #[must_use]
    pub fn any_typ(mut self) -> Self {
        self.typ = None;
        self
    }

    /// Accepts any `iss`, and none: who holds the key decides.
    #[must_use]
    pub fn any_issuer(mut self) -> Self {
        self.any_issuer = true;
        self
    }

    /// Also accepts tokens whose `aud` contains this one; may be called several times.
    #[must_use]
    pub fn also_audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Accepts any `aud`, and none: a token made for another service opens this one too.
    #[must_use]
    pub fn any_audience(mut self) -> Self {
        self.any_audience = true;
        self
    }

    /// Accepts only these algorithms; by default each key's own.
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Refuses tokens that are good for longer, from `iat` to `exp`. An issuer that announces such
    /// a maximum is held to it anyway.
    #[must_use]
    pub fn max_lifetime(mut self, max: Duration) -> Self {
        self.max_lifetime = Some(max);
        self
    }

    /// The claim that has the roles, `roles` by default. It is the claim of that very name, as
    /// `https://shop.example/roles`; where there is none, dots lead into objects, as in
    /// `realm_access.roles`. A token with both, or with two objects along the dots, is refused
    /// (`bad_claim`) unless they say the same: which of them the issuer means, and who can write the
    /// other, is not for a guard to guess.
    ///
    /// [`Caller::roles`](crate::Caller::roles) and what is required of them go by it. The claims type
    /// reads what it reads: [`AccessClaims`](countersign::AccessClaims) knows `roles` alone.
    #[must_use]
    pub fn roles_claim(mut self, name: impl Into<String>) -> Self {
        self.names.roles = Some(name.into());
        self
    }

    /// The claim that has the scope; by default `scope`, or `scp` where there is none. As
    /// [`roles_claim`](Self::roles_claim).
    #[must_use]
    pub fn scope_claim(mut self, name: impl Into<String>) -> Self {
        self.names.scope = Some(name.into());
        self
    }

    /// The `iss` of its tokens; `None` if any will do.
    pub(crate) fn name(&self) -> Option<&str> {
        (!self.any_issuer).then_some(self.issuer.as_str())
    }

    #[cfg(feature = "remote")]
    pub(crate) fn has_keys(&self) -> bool {
        match &self.keys {
            Keys::Given(keys) => !keys.is_empty(),
            Keys::Shared(_) => true,
        }
    }

    pub(crate) fn build(
        self,
        leeway: Duration,
        max_token_bytes: usize,
    ) -> Result<Issuer, GuardError> {
        let keys = match self.keys {
            Keys::Given(keys) if keys.is_empty() => return Err(GuardError::NoKeys),
            Keys::Given(keys) => KeyHandle::fixed(KeySet::new(keys)?),
            Keys::Shared(keys) => keys,
        };
        let expected = Expected {
            issuer: (!self.any_issuer).then_some(self.issuer),
            audiences: (!self.any_audience).then_some(self.audiences),
            typ: self.typ,
            algorithms: self.algorithms,
            max_lifetime: self.max_lifetime,
            leeway,
            max_token_bytes,
        };
        Ok(
            Issuer::new(expected, keys, self.revoked.unwrap_or_default(), self.stale)
                .with_claim_names(self.names),
        )
    }
}
