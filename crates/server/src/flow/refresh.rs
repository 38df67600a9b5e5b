//! A refresh token becomes the next pair, or the same one once more, or the end of its session.

use std::net::IpAddr;

use countersign::UnixTime;
use countersign::secret::SecretString;
use countersign_issuer::record::{AuditEvent, AuditKind, Session, User};
use countersign_issuer::throttle::Network;
use countersign_issuer::{Asked, Presented, Refused, Theft, UserGrant, Verdict};

use super::{Authority, FIRST_PARTY, FlowError, Pair};
use crate::store::{Ending, Rotated, Rotation, Which};

impl Authority {
    /// Exchanges a refresh token. The order matters: the MAC before any read, the swap before any
    /// answer, the verdict over the row as it was read under the swap's lock.
    pub(crate) async fn refresh(
        &self,
        token: &SecretString,
        peer: IpAddr,
    ) -> Result<Pair, FlowError> {
        let now = UnixTime::now();
        let presented = self.ring.load().macs.open(token.expose())?;
        let asked = Asked {
            client_id: FIRST_PARTY,
            scope: None,
        };
        match self.store.rotate(self.rotation(&presented, now)).await? {
            Rotated::Rotated(session, user) => {
                let redeemed = presented.rotated(&session, asked, now)?;
                self.shadows().rotated(&session, Network::of(peer));
                self.pair(&UserGrant::from_refresh(&redeemed, &user)?, &session, now)
            }
            Rotated::NotCurrent(session, user) => {
                self.not_current(&presented, asked, session, &user, peer, now)
                    .await
            }
            Rotated::Missing => Err(Refused::UnknownSession.into()),
        }
    }

    fn rotation(&self, presented: &Presented, now: UnixTime) -> Rotation {
        Rotation {
            handle: presented.handle(),
            generation: presented.generation(),
            presented_mac_key_id: presented.mac_key_id(),
            client_id: FIRST_PARTY.to_owned(),
            mac_key_id: presented.next_mac_key_id(),
            idle: self.policy.sessions.idle,
            grace: self.policy.sessions.grace,
            now,
        }
    }

    async fn not_current(
        &self,
        presented: &Presented,
        asked: Asked<'_>,
        session: Session,
        user: &User,
        peer: IpAddr,
        now: UnixTime,
    ) -> Result<Pair, FlowError> {
        match presented.judge(&session, asked, &self.policy.sessions, now) {
            Verdict::Grace(redeemed) => {
                self.watch_grace(&session, peer, now).await?;
                self.pair(&UserGrant::from_refresh(&redeemed, user)?, &session, now)
            }
            Verdict::End(theft) => self.end_stolen(&session, theft, peer, now).await,
            Verdict::Refused(refused) => Err(refused.into()),
            // The token is current and the store still did not swap: the user is disabled.
            Verdict::Rotate(_) => Err(Refused::SessionEnded.into()),
        }
    }

    /// One grace answer to another network is a telephone on its way; three in a row may be a thief
    /// just behind his victim.
    async fn watch_grace(
        &self,
        session: &Session,
        peer: IpAddr,
        now: UnixTime,
    ) -> Result<(), FlowError> {
        tracing::debug!(
            sid = session.sid,
            "answered a refresh once more inside the grace"
        );
        let shadowed = self.shadows().graced(session, Network::of(peer));
        if shadowed {
            let event = AuditEvent {
                user_id: Some(session.user_id.clone()),
                sid: Some(session.sid.clone()),
                network: Some(peer.to_string()),
                ..AuditEvent::new(now, AuditKind::RefreshShadowed)
            };
            self.store.audit(event).await?;
        }
        Ok(())
    }

    async fn end_stolen(
        &self,
        session: &Session,
        theft: Theft,
        peer: IpAddr,
        now: UnixTime,
    ) -> Result<Pair, FlowError> {
        let ending = Ending {
            kind: theft.audit_kind(),
            network: Some(peer.to_string()),
            detail: Some(theft.class().to_owned()),
            ..self.ending(theft.end_reason(), now)
        };
        let ended = self
            .store
            .end_sessions(Which::Handle(session.handle), ending.clone())
            .await?;
        self.publish_ended(&ended, &ending);
        tracing::warn!(
            sid = session.sid,
            class = theft.class(),
            "a refresh token came back"
        );
        Err(theft.refused().into())
    }
}
