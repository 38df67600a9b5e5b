//! A client takes back a token of its own (RFC 7009).
//!
//! A refresh token ends its session, whatever generation it is of; an access token is withdrawn by
//! its `jti`, as many of them as anybody needs to. What is no token of this server, or none any more, needs no taking back.

use std::net::IpAddr;

use countersign::UnixTime;
use countersign_issuer::record::{AuditEvent, AuditKind, EndReason};
use countersign_issuer::revoke::Revocation;
use countersign_issuer::{Client, DeviceToken, Refused};

use super::authority::Authority;
use super::error::FlowError;
use crate::store::{Ending, Which};

impl Authority {
    /// Revokes the token, if it is this client's.
    pub(crate) async fn revoke(
        &self,
        client: &Client,
        token: &str,
        peer: IpAddr,
    ) -> Result<(), FlowError> {
        let now = UnixTime::now();
        // It opens nothing, and ends with the password it was made under.
        if token.starts_with(DeviceToken::PREFIX) {
            return Err(Refused::UnsupportedTokenType.into());
        }
        if let Ok(presented) = self.ring.load().macs.open(token) {
            let Some(session) = self.store.session(presented.handle()).await? else {
                return Ok(());
            };
            if session.client_id != client.client_id {
                return Err(Refused::WrongClient.into());
            }
            let ending = Ending {
                network: Some(peer.to_string()),
                detail: Some(client.client_id.clone()),
                ..self.ending(EndReason::RevokedByClient, now)
            };
            let which = Which::Handle(presented.handle());
            let ended = self.store.end_sessions(which, ending.clone()).await?;
            self.publish_ended(&ended, &ending);
            return Ok(());
        }
        let Some(verified) = self.own_token(token, now) else {
            return Ok(());
        };
        let claims = verified.claims();
        if claims.client_id() != client.client_id {
            return Err(Refused::WrongClient.into());
        }
        let policy = self.revocation_policy();
        let whose = claims.sid().unwrap_or(claims.client_id());
        let admitted = self.withdrawals.admit(whose, policy.longest_life, now)?;
        let revocation = Revocation::token(claims.jti(), claims.exp(), &policy, now);
        // The `sub` of a client's own token is the client, and its `sid` is no session's.
        let of_a_user = !claims.is_clients_own();
        let event = AuditEvent {
            user_id: of_a_user.then(|| claims.sub().to_owned()),
            sid: claims.sid().filter(|_| of_a_user).map(str::to_owned),
            network: Some(peer.to_string()),
            detail: Some(format!("{} {}", client.client_id, revocation.value)),
            ..AuditEvent::new(now, AuditKind::TokenRevoked)
        };
        if let Err(error) = self.store.revoke(revocation.clone(), event).await {
            self.withdrawals.release(admitted);
            return Err(error.into());
        }
        self.publish([revocation]);
        Ok(())
    }
}
