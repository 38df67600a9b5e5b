//! Access tokens (RFC 9068): a user's grant, its session and the key ring make one; so do a client's
//! grant and the ring.

use alloc::{borrow::Cow, collections::BTreeMap, string::String, vec};
use core::time::Duration;

use countersign::{Algorithm, UnixTime, secret::SecretString, token::AccessFields};

use crate::{
    client::{ClientGrant, ClientTerms},
    error::{IssuerError, Refused},
    grant::UserGrant,
    keyring::KeyRing,
    record::Session,
};

/// How access tokens are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPolicy {
    /// The `iss` claim, to the letter what verifiers are told.
    pub issuer: String,
    /// How long a token lives.
    pub life: Duration,
    /// By how much of its life a token may be shortened, in percent, so that tokens made together
    /// do not come back to be refreshed together. It only shortens: no token lives longer than
    /// `life`.
    pub jitter_percent: u8,
    /// Algorithms for audiences that need another one than the ring's first, by `aud`.
    pub algorithms: BTreeMap<String, Algorithm>,
}

impl TokenPolicy {
    /// Tokens of this issuer that live 600 seconds, less up to 5 %.
    pub fn new(issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            life: Duration::from_secs(600),
            jitter_percent: 5,
            algorithms: BTreeMap::new(),
        }
    }

    /// The algorithm the client needs, or else the first of these audiences that needs one.
    fn algorithm(&self, audiences: &[String], terms: &ClientTerms) -> Option<Algorithm> {
        let of = |audience| self.algorithms.get(audience).copied();
        terms.algorithm.or_else(|| audiences.iter().find_map(of))
    }

    /// The life of a token with this draw of the jitter: in whole seconds, at least one. A client's
    /// own terms can only shorten it: what guards are told of is the server's.
    fn life(&self, jitter: u32, terms: &ClientTerms) -> Duration {
        let life = terms
            .access_life
            .map_or(self.life, |own| own.min(self.life));
        let life = life.as_secs();
        let most = u128::from(life) * u128::from(self.jitter_percent.min(100)) / 100;
        let less = u64::try_from(most * u128::from(jitter) / u128::from(u32::MAX)).unwrap_or(life);
        Duration::from_secs(life.saturating_sub(less).max(1))
    }
}

/// A signed access token on its way to its client. It does not print.
#[derive(Clone, Debug)]
pub struct AccessToken {
    text: SecretString,
    jwt_id: String,
    expires_at: UnixTime,
    expires_in: Duration,
}

/// What is random in a token.
#[derive(Clone, Debug)]
pub struct TokenSeed {
    /// The `jti`: unique, from a cryptographic generator.
    pub jwt_id: String,
    /// Any number: how much of the jitter this token gets.
    pub jitter: u32,
}

impl AccessToken {
    /// Makes the access token of a session, for its user, now. It does not outlive the session, as far
    /// as that goes if it is not refreshed.
    ///
    /// # Errors
    /// [`TokenRefused::Refused`] when the session is over or is not the grant's;
    /// [`TokenRefused::Issuer`] when no key can sign it.
    pub fn issue(
        grant: &UserGrant,
        session: &Session,
        ring: &KeyRing,
        policy: &TokenPolicy,
        seed: TokenSeed,
        now: UnixTime,
    ) -> Result<Self, TokenRefused> {
        session.live(now)?;
        if !grant.covers(session) {
            return Err(Refused::UnknownSession.into());
        }
        let terms = grant.terms();
        let expires_at = now
            .saturating_add(policy.life(seed.jitter, &terms))
            .min(session.expires_at)
            .min(session.idle_expires_at);
        let claims = AccessFields {
            iss: policy.issuer.as_str().into(),
            sub: grant.user_id().into(),
            aud: session.audience.iter().map(Cow::from).collect(),
            exp: expires_at,
            iat: now,
            nbf: Some(now),
            jti: seed.jwt_id.into(),
            client_id: session.client_id.as_str().into(),
            scope: grant.scope_in(session).into(),
            sid: Some(session.sid.as_str().into()),
            auth_time: Some(grant.auth_time()),
            roles: grant.roles().iter().map(Cow::from).collect(),
            preferred_username: Some(grant.username().into()),
        };
        Self::sign(claims, policy.algorithm(&session.audience, &terms), ring)
    }

    /// Makes an access token for a client in its own name: no user, no session of one. Its `sub` is
    /// the `client_id` (RFC 9068 §2.2), its `sid` what it can be revoked by as long as the client is
    /// not enabled anew ([`Client::own_sid`](crate::Client::own_sid)).
    ///
    /// # Errors
    /// [`IssuerError`] when no key can sign it.
    pub fn issue_to_client(
        grant: &ClientGrant,
        ring: &KeyRing,
        policy: &TokenPolicy,
        seed: TokenSeed,
        now: UnixTime,
    ) -> Result<Self, IssuerError> {
        let audience = [String::from(grant.audience())];
        let terms = grant.terms();
        let algorithm = policy.algorithm(&audience, terms);
        let claims = AccessFields {
            iss: policy.issuer.as_str().into(),
            sub: grant.client_id().into(),
            aud: vec![grant.audience().into()],
            exp: now.saturating_add(policy.life(seed.jitter, terms)),
            iat: now,
            nbf: Some(now),
            jti: seed.jwt_id.into(),
            client_id: grant.client_id().into(),
            scope: grant.scope().into(),
            sid: Some(grant.sid().into()),
            auth_time: None,
            roles: grant.roles().iter().map(Cow::from).collect(),
            preferred_username: None,
        };
        Self::sign(claims, algorithm, ring)
    }

    fn sign<E: From<IssuerError>>(
        claims: AccessFields<'_>,
        algorithm: Option<Algorithm>,
        ring: &KeyRing,
    ) -> Result<Self, E> {
        let signer = ring.signer(algorithm)?;
        let text = signer.sign(&claims).map_err(IssuerError::from)?;
        Ok(Self {
            text: SecretString::new(text),
            jwt_id: claims.jti.into_owned(),
            expires_at: claims.exp,
            expires_in: claims.exp.since(claims.iat),
        })
    }

    /// The token, to be put into the answer and nowhere else.
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// Its `jti`.
    pub fn jwt_id(&self) -> &str {
        &self.jwt_id
    }

    /// Its `exp`.
    pub const fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// How long it lives: the `expires_in` of a token answer.
    pub const fn expires_in(&self) -> Duration {
        self.expires_in
    }
}

/// Why no access token was made.
#[derive(Debug, thiserror::Error)]
pub enum TokenRefused {
    /// The one who asked may not have it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// We cannot make it.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
}
