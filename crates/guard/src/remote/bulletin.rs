//! What the issuer signed about its revocations, read into the live set.
//!
//! A [`Bulletin`] is believed if
//! - its signature, type and issuer are right, by the keys the guard has now;
//! - the key that signed it was not itself withdrawn, neither before nor by this very message.
//!
//! What is not believed changes nothing. What is, is merged, for what was once taken back stays so
//! however old the word. But only one that joins what is known, and is not older than what this
//! guard has seen of the same epoch, makes the news young: an old one may be a replay, or come from
//! an issuer whose clock was set back.

use std::collections::HashMap;
use std::sync::Arc;

use countersign::{AlgorithmRule, AudienceRule, KeySet, Rules, TokenError, UnixTime, Verifier};
use countersign_wire::revocation::{self, Bulletin, Kind};
use thiserror::Error;

use crate::revoked::RevokedSet;

/// Reads bulletins into a live set.
pub(super) struct Reader {
    issuer: String,
    set: Arc<RevokedSet>,
    /// The newest seen of each epoch.
    epochs: HashMap<String, Cursor>,
    bytes_limit: usize,
    withdrew_a_key: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Cursor {
    as_of: u64,
    counter: u64,
}

/// What reading a bulletin brought.
pub(super) struct News {
    /// Up to where the guard now knows everything, as a stream's `Last-Event-ID`.
    pub(super) cursor: String,
}

/// Why a bulletin is no news.
#[derive(Debug, Error)]
pub(super) enum BulletinError {
    #[error("the message is not the issuer's: {0}")]
    Untrue(#[source] TokenError),
    #[error("the message is signed with a key that was withdrawn")]
    WithdrawnKey,
    /// With its cursor: what follows it may be new, if it is the beginning of a snapshot.
    #[error("the message is older than what was seen before")]
    Older { cursor: String },
    #[error("something was missed between the last message and this one")]
    Gap,
}

impl BulletinError {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Untrue(error) => error.reason().code(),
            Self::WithdrawnKey => "withdrawn_key",
            Self::Older { .. } => "older",
            Self::Gap => "gap",
        }
    }
}

/// A few server processes behind one address, each with a few lives remembered.
const EPOCHS_LIMIT: usize = 64;

impl Reader {
    pub(super) fn new(issuer: &str, set: Arc<RevokedSet>, bytes_limit: usize) -> Self {
        Self {
            issuer: issuer.to_owned(),
            set,
            epochs: HashMap::new(),
            bytes_limit,
            withdrew_a_key: false,
        }
    }

    /// Whether a key was withdrawn, since this was asked last, that was good until then.
    pub(super) fn withdrew_a_key(&mut self) -> bool {
        std::mem::take(&mut self.withdrew_a_key)
    }

    pub(super) fn sweep(&self, now: UnixTime) {
        self.set.sweep(now);
    }

    pub(super) fn read(
        &mut self,
        jws: &str,
        keys: &KeySet,
        now: UnixTime,
    ) -> Result<News, BulletinError> {
        let bulletin = self.verify(jws, keys, now)?;
        let place = self.place(&bulletin);
        self.withdrew_a_key |= bulletin
            .events
            .iter()
            .filter(|event| event.kind == Kind::Kid)
            .any(|event| !self.is_withdrawn(Some(&event.value), now));

        let events = bulletin.events.into_iter();
        self.set
            .merge(events.map(|event| (event.kind, event.value, UnixTime::from_secs(event.until))));
        // What it says is true and holds; but if it is old, or not all, it says nothing of silence.
        place?;
        let (as_of, counter) = (bulletin.as_of, bulletin.counter);
        let cursor = cursor(&bulletin.epoch, counter);
        let seen = self.epochs.get(&bulletin.epoch);
        let repeated = seen.is_some_and(|seen| as_of <= seen.as_of);
        self.remember(bulletin.epoch, Cursor { as_of, counter });
        if !repeated {
            self.set.heard(UnixTime::from_secs(as_of), now);
        }
        Ok(News { cursor })
    }

    fn verify(&self, jws: &str, keys: &KeySet, now: UnixTime) -> Result<Bulletin, BulletinError> {
        let (bulletin, signed_by) = verify(&self.issuer, jws, keys, now, self.bytes_limit)?;
        if self.is_withdrawn(signed_by.as_deref(), now) {
            return Err(BulletinError::WithdrawnKey);
        }
        Ok(bulletin)
    }

    /// Whether the bulletin joins what is known: neither older, nor with a gap in between.
    fn place(&self, bulletin: &Bulletin) -> Result<(), BulletinError> {
        let joins = match self.epochs.get(&bulletin.epoch) {
            Some(seen) if bulletin.as_of < seen.as_of || bulletin.counter < seen.counter => {
                let cursor = cursor(&bulletin.epoch, bulletin.counter);
                return Err(BulletinError::Older { cursor });
            }
            Some(seen) => bulletin.since.is_none_or(|since| since <= seen.counter),
            None => bulletin.since.is_none(),
        };
        if joins {
            Ok(())
        } else {
            Err(BulletinError::Gap)
        }
    }

    fn remember(&mut self, epoch: String, cursor: Cursor) {
        if self.epochs.len() >= EPOCHS_LIMIT && !self.epochs.contains_key(&epoch) {
            let oldest = self.epochs.iter().min_by_key(|(_, cursor)| cursor.as_of);
            if let Some(oldest) = oldest.map(|(epoch, _)| epoch.clone()) {
                self.epochs.remove(&oldest);
            }
        }
        self.epochs.insert(epoch, cursor);
    }

    fn is_withdrawn(&self, kid: Option<&str>, now: UnixTime) -> bool {
        let mark = |kind| if kind == Kind::Kid { kid } else { None };
        self.set.is_revoked(mark, now).is_some()
    }
}

/// As it stands in a `Last-Event-ID`.
fn cursor(epoch: &str, counter: u64) -> String {
    format!("{epoch}:{counter}")
}

/// The issuer's word, and the id of the key that signed it: one that it does not itself withdraw.
pub(super) fn verify(
    issuer: &str,
    jws: &str,
    keys: &KeySet,
    now: UnixTime,
    bytes_limit: usize,
) -> Result<(Bulletin, Option<String>), BulletinError> {
    let rules = Rules::new(issuer, AudienceRule::any(), AlgorithmRule::of_the_keys())
        .typ(revocation::TYP)
        .without_expiry()
        .max_token_bytes(bytes_limit);
    let verified = Verifier::new(rules, keys.clone())
        .verify::<Bulletin>(jws, now)
        .map_err(BulletinError::Untrue)?;
    let signed_by = verified.key().key_id().map(str::to_owned);
    let bulletin = verified.into_claims();
    let withdraws_its_own = bulletin
        .events
        .iter()
        .any(|event| event.kind == Kind::Kid && Some(&event.value) == signed_by.as_ref());
    if withdraws_its_own {
        return Err(BulletinError::WithdrawnKey);
    }
    Ok((bulletin, signed_by))
}
