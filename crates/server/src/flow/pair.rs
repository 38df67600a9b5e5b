//! What answers a sign-in and a refresh alike: a session's current refresh token, and a fresh access
//! token.

use std::sync::Arc;
use std::time::Duration;

use countersign::UnixTime;
use countersign_issuer::device::DeviceToken;
use countersign_issuer::record::Session;
use countersign_issuer::{AccessToken, Client, RefreshToken, SessionPolicy, UserGrant};

use super::authority::Authority;
use super::error::FlowError;
use super::fresh::new_seed;

/// A token pair on its way to a client.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) access_token: AccessToken,
    pub(crate) refresh_token: RefreshToken,
    pub(crate) refresh_expires_in: Duration,
    pub(crate) scope: String,
    /// After a sign-in only.
    pub(crate) device_token: Option<DeviceToken>,
}

impl Authority {
    /// How long sessions of this client last.
    pub(super) fn session_policy(&self, client: Option<&Arc<Client>>) -> SessionPolicy {
        let server = &self.policy.sessions;
        client.map_or(*server, |client| client.terms.session_policy(server))
    }

    /// The pair that answers a sign-in or a refresh: the session's current refresh token, and a
    /// fresh access token.
    pub(super) fn pair(
        &self,
        grant: &UserGrant,
        session: &Session,
        now: UnixTime,
    ) -> Result<Pair, FlowError> {
        let ring = self.ring.load();
        let policy = &self.policy.tokens;
        let access_token =
            AccessToken::issue(grant, session, &ring.keys, policy, new_seed()?, now)?;
        Ok(Pair {
            access_token,
            refresh_token: ring.macs.refresh_token(session)?,
            refresh_expires_in: session.refresh_expires_in(now),
            scope: grant.scope_in(session),
            device_token: None,
        })
    }
}
