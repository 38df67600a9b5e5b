//! What a token is worth now (RFC 7662), for a client that may know.
//!
//! An access token is shown to the client it was issued to, and to an API it is meant for; a refresh
//! token to the client it was issued to. Everybody else learns that it is not active, which is what
//! they would learn of a token that does not exist.

use countersign::token::AccessClaims;
use countersign::{UnixTime, Verified};
use countersign_issuer::revoke::RevocationKind;
use countersign_issuer::{Asked, AuthenticatedClient, Client, Session, Verdict};
use countersign_wire::introspection::{ACCESS_TOKEN, Introspection, REFRESH_TOKEN};
use countersign_wire::token::BEARER;

use super::authority::Authority;
use super::error::FlowError;

impl Authority {
    /// Looks at a token. Nothing is changed by it.
    pub(crate) async fn introspect(
        &self,
        client: &AuthenticatedClient,
        token: &str,
    ) -> Result<Introspection, FlowError> {
        let now = UnixTime::now();
        let client = client.client();
        if let Some(verified) = self.own_token(token, now) {
            let claims = verified.claims();
            if may_know(client, claims) {
                return Ok(access(claims));
            }
        } else if let Some(session) = self.refreshable(client, token, now).await? {
            return Ok(self.refresh_token(session));
        }
        Ok(Introspection::default())
    }

    /// An access token of this server that is neither expired nor revoked.
    pub(super) fn own_token(&self, token: &str, now: UnixTime) -> Option<Verified<AccessClaims>> {
        let verified = self.ring.load().own_tokens.verify(token, now).ok()?;
        (!self.is_revoked(verified.claims())).then_some(verified)
    }

    fn is_revoked(&self, claims: &AccessClaims) -> bool {
        let live = self.live();
        live.contains(RevocationKind::Subject, claims.sub())
            || live.contains(RevocationKind::Token, claims.jti())
            || claims
                .sid()
                .is_some_and(|sid| live.contains(RevocationKind::Session, sid))
    }

    /// The session of a refresh token that this client could redeem now: by the clock of this process,
    /// for nothing is changed here. Where it is redeemed the database's clock has the last word, if it
    /// has one, so an answer may be wrong about a token in its last moments by as much as those differ.
    async fn refreshable(
        &self,
        client: &Client,
        token: &str,
        now: UnixTime,
    ) -> Result<Option<Session>, FlowError> {
        let Ok(presented) = self.ring.load().macs.open(token) else {
            return Ok(None);
        };
        let Some(session) = self.store.session(presented.handle()).await? else {
            return Ok(None);
        };
        let asked = Asked {
            client_id: &client.client_id,
            scope: None,
        };
        let policy = client.terms.session_policy(&self.policy.sessions);
        Ok(match presented.judge(&session, asked, &policy, now) {
            Verdict::Rotate(_) | Verdict::Grace(_) => Some(session),
            Verdict::End(_) | Verdict::Refused(_) => None,
        })
    }

    fn refresh_token(&self, session: Session) -> Introspection {
        let expires_at = session.idle_expires_at.min(session.expires_at);
        Introspection {
            active: true,
            iss: Some(self.issuer().to_owned()),
            sub: Some(session.user_id),
            client_id: Some(session.client_id),
            scope: Some(session.scope),
            sid: Some(session.sid),
            aud: session.audience,
            exp: Some(expires_at.as_secs()),
            iat: Some(session.last_used_at.as_secs()),
            token_use: Some(REFRESH_TOKEN.to_owned()),
            ..Introspection::default()
        }
    }
}

fn may_know(client: &Client, claims: &AccessClaims) -> bool {
    claims.client_id() == client.client_id
        || claims
            .aud()
            .any(|audience| client.serves.iter().any(|own| own == audience))
}

fn access(claims: &AccessClaims) -> Introspection {
    let text = |value: &str| Some(value.to_owned());
    Introspection {
        active: true,
        iss: text(claims.iss()),
        sub: text(claims.sub()),
        aud: claims.aud().map(str::to_owned).collect(),
        client_id: text(claims.client_id()),
        username: claims.preferred_username().and_then(text),
        scope: text(claims.scope()),
        roles: claims.roles().map(str::to_owned).collect(),
        sid: claims.sid().and_then(text),
        jti: text(claims.jti()),
        exp: Some(claims.exp().as_secs()),
        iat: Some(claims.iat().as_secs()),
        nbf: claims.nbf().map(UnixTime::as_secs),
        auth_time: claims.auth_time().map(UnixTime::as_secs),
        token_type: text(BEARER),
        token_use: text(ACCESS_TOKEN),
    }
}
