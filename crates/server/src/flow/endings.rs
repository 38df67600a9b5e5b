//! Endings of more sessions than end at once: gone on with, batch by batch, until nothing is left.
//!
//! Whoever began one does that, and guards of this process hear of each batch as it is committed. What
//! was cut short, by a crash or because whoever asked for it hung up, any server process takes up.

use countersign::UnixTime;
use countersign_issuer::revoke::{Revocation, RevocationKind};

use super::authority::Authority;
use super::error::FlowError;
use crate::store::{Batch, Ended, Ending, SharedStore, StoreError, Which, Whose};

/// Ends what `which` names, all of it, and tells the guards of this process; the answer is which sessions.
pub(super) async fn end(
    store: &SharedStore,
    authority: Option<&Authority>,
    which: Which,
    ending: &Ending,
) -> Result<Vec<Ended>, StoreError> {
    let whose = which.whose();
    let mut ended = store.end_sessions(which, ending.clone()).await?;
    match whose {
        Some(whose) => finish(store, authority, &whose, ending, &mut ended).await?,
        None => {
            if let Some(authority) = authority {
                authority.publish_ended(&ended, ending);
            }
        }
    }
    Ok(ended)
}

/// Goes on with an ending whose first sessions are `ended`, and adds the rest to them.
pub(super) async fn finish(
    store: &SharedStore,
    authority: Option<&Authority>,
    whose: &Whose,
    ending: &Ending,
    ended: &mut Vec<Ended>,
) -> Result<(), StoreError> {
    if let Some(authority) = authority {
        authority.publish_ended(ended, ending);
    }
    while let Some(batch) = store.end_more(whose, UnixTime::now()).await? {
        if let Some(authority) = authority {
            authority.publish_batch(&batch);
        }
        ended.extend(batch.ended);
    }
    Ok(())
}

impl Authority {
    /// Takes up the endings that nobody goes on with.
    pub(crate) async fn finish_endings(&self) -> Result<(), FlowError> {
        for whose in self.store.endings_left(UnixTime::now()).await? {
            let mut count = 0;
            while let Some(batch) = self.store.end_more(&whose, UnixTime::now()).await? {
                self.publish_batch(&batch);
                count += batch.ended.len();
            }
            tracing::info!(count, "ended the sessions that an ending had left");
        }
        Ok(())
    }

    /// Tells the guards of this process what the store has just made durable.
    pub(super) fn publish_ended(&self, ended: &[Ended], ending: &Ending) {
        self.publish_sessions(ended, ending.at, ending.until);
    }

    fn publish_batch(&self, batch: &Batch) {
        self.publish_sessions(&batch.ended, batch.at, batch.until);
    }

    fn publish_sessions(&self, ended: &[Ended], at: UnixTime, until: UnixTime) {
        self.publish(ended.iter().map(|session| Revocation {
            kind: RevocationKind::Session,
            value: session.sid.clone(),
            at,
            until,
        }));
    }
}
