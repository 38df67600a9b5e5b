//! What ended, as guards are told: the live set of this process, and its signed form.

use countersign::UnixTime;
use countersign::sign::Signer;
use countersign_issuer::IssuerError;
use countersign_issuer::revoke::{Cursor, Revocation, RevocationKind};
use countersign_wire::revocation::{Bulletin, Event, Kind, TYP};

use super::feed::{self, News};
use super::{Authority, FlowError};

impl Authority {
    /// The whole live set, signed by the issuer (`GET /revocations`).
    pub(crate) fn revocation_snapshot(&self) -> Result<String, FlowError> {
        Ok(self.bulletin(None)?.bulletin.as_ref().to_owned())
    }

    /// What is new since `known`, signed; the whole live set if that cannot be said.
    pub(super) fn bulletin(&self, known: Option<&Cursor>) -> Result<News, FlowError> {
        let (cursor, since, revocations) = {
            let live = self.live();
            match known.and_then(|known| Some((known.counter, live.since(known)?))) {
                Some((since, newer)) => (live.cursor(), Some(since), newer),
                None => (live.cursor(), None, live.all()),
            }
        };
        let bulletin = Bulletin {
            iss: self.issuer().to_owned(),
            as_of: UnixTime::now().as_secs(),
            epoch: cursor.epoch.clone(),
            counter: cursor.counter,
            since,
            events: revocations.into_iter().map(event).collect(),
        };
        let ring = self.ring.load();
        let signed = Signer::new(ring.keys.signing(None)?.clone())
            .typ(TYP)
            .sign(&bulletin);
        Ok(News {
            cursor: feed::format(&cursor).into(),
            bulletin: signed.map_err(IssuerError::from)?.into(),
        })
    }

    /// Adds to the live set, and to the guard over this server's own routes.
    pub(super) fn publish(&self, revocations: impl IntoIterator<Item = Revocation>) {
        let mut fresh = Vec::new();
        {
            let mut live = self.live();
            for revocation in revocations {
                if live.insert(revocation.clone()) {
                    fresh.push(revocation);
                }
            }
        }
        if !fresh.is_empty() {
            self.guard_revoked.merge(fresh.into_iter().map(merged));
            self.feed.wake();
        }
    }

    /// Hands the guard over our own routes everything that is revoked.
    pub(super) fn tell_guard(&self) {
        let all = self.live().all();
        self.guard_revoked.merge(all.into_iter().map(merged));
    }

    /// Takes in what other processes have published in the database.
    pub(crate) async fn read_revocations(&self) -> Result<(), FlowError> {
        let stored = self.store.revocations(UnixTime::now()).await?;
        self.publish(stored);
        Ok(())
    }

    /// A number that changes whenever another process has written to the database.
    pub(crate) async fn foreign_writes(&self) -> Result<u64, FlowError> {
        Ok(self.store.foreign_writes().await?)
    }

    /// Forgets what nobody can ask for again, `limit` rows of a kind at most; whether there may be
    /// more.
    pub(crate) async fn sweep(&self, now: UnixTime, limit: u32) -> Result<bool, FlowError> {
        self.live().sweep(now);
        self.guard_revoked.sweep(now);
        let audit_before = now.saturating_sub(self.policy.audit_retention);
        Ok(self.store.sweep(now, audit_before, limit).await?)
    }
}

fn event(revocation: Revocation) -> Event {
    let until = revocation.until.as_secs();
    Event {
        kind: kind(revocation.kind),
        value: revocation.value,
        at: Some(revocation.at.as_secs()),
        until,
    }
}

fn merged(revocation: Revocation) -> (Kind, String, UnixTime) {
    (kind(revocation.kind), revocation.value, revocation.until)
}

fn kind(kind: RevocationKind) -> Kind {
    match kind {
        RevocationKind::Session => Kind::Sid,
        RevocationKind::Subject => Kind::Sub,
        RevocationKind::Token => Kind::Jti,
        RevocationKind::Key => Kind::Kid,
    }
}
