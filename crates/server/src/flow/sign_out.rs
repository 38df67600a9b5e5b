//! Sessions end, and guards hear of it before the one who ended them is answered.

use std::net::IpAddr;

use countersign::UnixTime;
use countersign::secret::SecretString;
use countersign_issuer::revoke::{Revocation, RevocationKind};
use countersign_issuer::{AuditKind, EndReason};

use super::{Authority, FlowError};
use crate::store::{Ended, Ending, Which};

impl Authority {
    /// Ends the session a refresh token belongs to. A token that is not ours ends nothing, and
    /// whoever sent it is none the wiser.
    pub(crate) async fn sign_out(
        &self,
        token: &SecretString,
        peer: IpAddr,
    ) -> Result<(), FlowError> {
        let Ok(presented) = self.ring.load().macs.open(token.expose()) else {
            return Ok(());
        };
        self.end(Which::Handle(presented.handle()), peer).await
    }

    /// Ends one session of the caller's own.
    pub(crate) async fn end_own_session(
        &self,
        user_id: &str,
        sid: &str,
        peer: IpAddr,
    ) -> Result<(), FlowError> {
        let which = Which::Of {
            user_id: user_id.to_owned(),
            sid: sid.to_owned(),
        };
        self.end(which, peer).await
    }

    async fn end(&self, which: Which, peer: IpAddr) -> Result<(), FlowError> {
        let ending = Ending {
            network: Some(peer.to_string()),
            ..self.ending(EndReason::SignedOut, UnixTime::now())
        };
        let ended = self.store.end_sessions(which, ending.clone()).await?;
        self.publish_ended(&ended, &ending);
        Ok(())
    }

    /// An ending now, remembered until the last access token it concerns has expired.
    pub(super) fn ending(&self, reason: EndReason, now: UnixTime) -> Ending {
        Ending {
            reason,
            kind: AuditKind::SessionEnded,
            at: now,
            until: self.policy.revocations.last_token_gone(now),
            network: None,
            actor: None,
            detail: None,
        }
    }

    /// Tells the guards of this process what the store has just made durable.
    pub(super) fn publish_ended(&self, ended: &[Ended], ending: &Ending) {
        self.publish(ended.iter().map(|session| Revocation {
            kind: RevocationKind::Session,
            value: session.sid.clone(),
            at: ending.at,
            until: ending.until,
        }));
    }
}
