//! A refresh token becomes the next pair, or the same one once more, or the end of its session.

use std::net::IpAddr;
use std::sync::Arc;

use countersign::UnixTime;
use countersign::secret::SecretString;
use countersign_issuer::record::{AuditEvent, AuditKind, Session, User};
use countersign_issuer::throttle::Network;
use countersign_issuer::{
    Asked, Client, GrantType, Presented, Redeemed, Refused, SessionPolicy, Theft, UserGrant,
    Verdict,
};

use super::authority::Authority;
use super::error::FlowError;
use super::pair::Pair;
use crate::metrics::Refreshed;
use crate::store::{Ending, Rotated, Rotation, Which};

/// A refresh as it was asked for.
#[derive(Debug)]
pub(crate) struct Refresh<'a> {
    pub(crate) token: &'a SecretString,
    /// Who presents it; the server's own client if it is none.
    pub(crate) client: Option<&'a Arc<Client>>,
    /// Less than the session was granted, if that is wanted.
    pub(crate) scope: Option<&'a str>,
    /// The audience, which cannot be another one than before.
    pub(crate) audience: Option<&'a str>,
    pub(crate) peer: IpAddr,
}

impl<'a> Refresh<'a> {
    /// Of a session of the server's own client, as it is.
    pub(crate) const fn first_party(token: &'a SecretString, peer: IpAddr) -> Self {
        Self {
            token,
            client: None,
            scope: None,
            audience: None,
            peer,
        }
    }

    fn asked(&self) -> Asked<'_> {
        Asked {
            client_id: self.client.map_or(Client::FIRST_PARTY, |it| &it.client_id),
            scope: self.scope,
        }
    }
}

impl Authority {
    /// Exchanges a refresh token. The order matters: the MAC before any read, what is asked for
    /// before the swap, the swap before any answer, the verdict over the row as it was read under
    /// the swap's lock.
    pub(crate) async fn refresh(&self, asked: Refresh<'_>) -> Result<Pair, FlowError> {
        let exchanged = self.exchange(asked).await;
        let outcome = match &exchanged {
            Ok((_, outcome)) => *outcome,
            Err(error) => error.into(),
        };
        self.counts.refreshes.add(outcome);
        exchanged.map(|(pair, _)| pair)
    }

    async fn exchange(&self, asked: Refresh<'_>) -> Result<(Pair, Refreshed), FlowError> {
        let now = UnixTime::now();
        if let Some(client) = asked.client {
            client.may(GrantType::RefreshToken)?;
        }
        let presented = self.ring.load().macs.open(asked.token.expose())?;
        let policy = self.session_policy(asked.client);
        if asked.client.is_some() || asked.scope.is_some() || asked.audience.is_some() {
            self.refuse_more(&presented, &asked, &policy, now).await?;
        }
        let audiences = self.audiences_for(asked.client);
        let rotation = rotation(&presented, asked.asked(), audiences, &policy, now);
        match self.store.rotate(rotation).await? {
            Rotated::Rotated(session, user) => {
                // By the clock that swapped: what it took for alive is not refused by another.
                let swapped_at = session.last_used_at;
                let redeemed = presented.rotated(session, asked.asked(), swapped_at)?;
                let network = Network::of(asked.peer);
                self.shadows().rotated(redeemed.session(), network);
                let pair = self.redeem(&redeemed, user, &asked, now)?;
                Ok((pair, Refreshed::Rotated))
            }
            Rotated::NotCurrent(session, user) => {
                let pair = self.not_current(&presented, &asked, &policy, session, user, now);
                Ok((pair.await?, Refreshed::Grace))
            }
            Rotated::Missing => Err(Refused::UnknownSession.into()),
        }
    }

    /// Judges what is asked for before anything is changed: a token that is refused for asking too
    /// much, or because its client may have less now, is still good, and trying it again is no theft.
    async fn refuse_more(
        &self,
        presented: &Presented,
        asked: &Refresh<'_>,
        policy: &SessionPolicy,
        now: UnixTime,
    ) -> Result<(), FlowError> {
        let row = self.store.session(presented.handle()).await?;
        let row = row.ok_or(Refused::UnknownSession)?;
        match presented.judge(&row, asked.asked(), policy, now) {
            // What depends on the time, whether it has expired or is a stolen token, is met again where
            // the row is locked, and judged by the clock that counts: the database's, if it has one.
            Verdict::End(_) | Verdict::Refused(Refused::SessionExpired) => return Ok(()),
            Verdict::Refused(refused) => return Err(refused.into()),
            Verdict::Rotate(_) | Verdict::Grace(_) => {}
        }
        let granted = |wanted: &str| row.audience.iter().any(|granted| granted == wanted);
        if asked.audience.is_some_and(|wanted| !granted(wanted)) {
            return Err(Refused::InvalidTarget.into());
        }
        self.still_meant_for(&row, asked)
    }

    /// Whether there still are tokens for what the session is for.
    fn still_meant_for(&self, row: &Session, asked: &Refresh<'_>) -> Result<(), FlowError> {
        let there = |audience| match asked.client {
            Some(client) if client.audiences.is_empty() => audience == self.audience(),
            Some(client) => client.audiences.contains(audience),
            None => self.policy.audiences.contains(audience),
        };
        if row.audience.iter().all(there) {
            Ok(())
        } else {
            Err(Refused::InvalidTarget.into())
        }
    }

    /// What there are tokens for: for a client those it may ask for, for the server's own those of the
    /// settings.
    fn audiences_for(&self, client: Option<&Arc<Client>>) -> Arc<[String]> {
        match client {
            Some(client) if client.audiences.is_empty() => Arc::new([self.audience().to_owned()]),
            Some(client) => client.audiences.as_slice().into(),
            None => Arc::clone(&self.policy.audiences),
        }
    }

    async fn not_current(
        &self,
        presented: &Presented,
        asked: &Refresh<'_>,
        policy: &SessionPolicy,
        session: Session,
        user: User,
        now: UnixTime,
    ) -> Result<Pair, FlowError> {
        match presented.judge(&session, asked.asked(), policy, now) {
            Verdict::Grace(redeemed) => {
                self.watch_grace(&session, asked.peer, now).await?;
                self.redeem(&redeemed, user, asked, now)
            }
            Verdict::End(theft) => self.end_stolen(&session, theft, asked.peer, now).await,
            Verdict::Refused(refused) => Err(refused.into()),
            // The token is current and the store still did not swap: there is nothing any more that it
            // is for, the user is disabled, or it has expired by the clock of the database.
            Verdict::Rotate(_) => {
                self.still_meant_for(&session, asked)?;
                Err(if user.disabled {
                    Refused::SessionEnded
                } else {
                    Refused::SessionExpired
                }
                .into())
            }
        }
    }

    /// The pair for a redeemed token, with what user and client may have as of now.
    fn redeem(
        &self,
        redeemed: &Redeemed,
        user: User,
        asked: &Refresh<'_>,
        now: UnixTime,
    ) -> Result<Pair, FlowError> {
        let session = redeemed.session();
        let mut grant = UserGrant::from_refresh(redeemed, user)?;
        if let Some(client) = asked.client {
            grant = grant.for_client(client);
        }
        self.still_meant_for(session, asked)?;
        self.pair(&grant, session, now)
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

fn rotation(
    presented: &Presented,
    asked: Asked<'_>,
    audiences: Arc<[String]>,
    policy: &SessionPolicy,
    now: UnixTime,
) -> Rotation {
    Rotation {
        handle: presented.handle(),
        generation: presented.generation(),
        presented_mac_key_id: presented.mac_key_id(),
        client_id: asked.client_id.to_owned(),
        audiences,
        mac_key_id: presented.next_mac_key_id(),
        idle: policy.idle,
        grace: policy.grace,
        now,
    }
}
