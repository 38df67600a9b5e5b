//! Sessions end, and guards hear of it before the one who ended them is answered.

use std::net::IpAddr;

use countersign::UnixTime;
use countersign::secret::SecretString;
use countersign_issuer::EndReason;

use super::authority::Authority;
use super::endings;
use super::error::FlowError;
use crate::store::{Ending, Which};

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
        let which = Which::Handle(presented.handle());
        self.end(which, EndReason::SignedOut, peer).await
    }

    /// Ends the caller's own session, the one whose access token was shown.
    pub(crate) async fn sign_out_of(
        &self,
        user_id: &str,
        sid: &str,
        peer: IpAddr,
    ) -> Result<(), FlowError> {
        let which = Which::Of {
            user_id: user_id.to_owned(),
            sid: sid.to_owned(),
        };
        self.end(which, EndReason::SignedOut, peer).await
    }

    /// Ends what `which` names, as its owner asked from `peer`.
    pub(super) async fn end(
        &self,
        which: Which,
        reason: EndReason,
        peer: IpAddr,
    ) -> Result<(), FlowError> {
        let ending = Ending {
            network: Some(peer.to_string()),
            ..self.ending(reason, UnixTime::now())
        };
        endings::end(&self.store, Some(self), which, &ending).await?;
        Ok(())
    }

    /// An ending now, remembered until the last access token it concerns has expired.
    pub(super) fn ending(&self, reason: EndReason, now: UnixTime) -> Ending {
        Ending::new(reason, &self.revocation_policy(), now)
    }
}
