//! The MAC keys, and the text form of what they authenticate: refresh tokens and device tokens.
//!
//! ```text
//! fields = 1 | MAC-key id, u32 | body
//! token  = prefix base64url( fields | HMAC-SHA256( context | fields ), 32 bytes )
//! ```
//!
//! A key is known to every server process before it makes a token: the oldest key that is not
//! retired makes them, and it retires when the next one has been there for a while. Retired keys
//! are accepted for as long as a token they made can be alive.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use core::{fmt, time::Duration};

use countersign::{
    UnixTime, base64url,
    crypto::{self, MacKey},
};
use zeroize::Zeroize;

use crate::{error::IssuerError, master::MasterKey, record::MacKeyRecord};

const VERSION: u8 = 1;
const MAC: usize = 32;

/// The MAC keys in use, opened.
pub struct MacKeys {
    current: u32,
    keys: BTreeMap<u32, MacKey>,
}

/// A kind of token: what it starts with, and what keeps its MACs apart from those of other kinds.
pub(crate) struct Kind {
    /// So that people and secret scanners know one when they see it.
    pub(crate) prefix: &'static str,
    pub(crate) context: &'static [u8],
}

impl MacKeys {
    /// Opens the stored keys. Of those not retired the one with the lowest id makes tokens.
    ///
    /// # Errors
    /// [`IssuerError::WrongMasterKey`] when one does not open, [`IssuerError::NoMacKey`] when all
    /// are retired or there are none: [`MacKeyRecord::generate`] makes one.
    pub fn open_all(records: &[MacKeyRecord], master: &MasterKey) -> Result<Self, IssuerError> {
        let mut keys = BTreeMap::new();
        for record in records {
            keys.insert(record.id, record.open(master)?);
        }
        let current = current(records).ok_or(IssuerError::NoMacKey)?.id;
        Ok(Self { current, keys })
    }

    /// The key that makes new tokens.
    pub const fn current_id(&self) -> u32 {
        self.current
    }

    /// Writes a token. The same key and body give the same text.
    ///
    /// # Errors
    /// [`IssuerError::UnknownMacKey`] when the key is not loaded.
    pub(crate) fn write(&self, kind: &Kind, id: u32, body: &[u8]) -> Result<String, IssuerError> {
        let key = self
            .keys
            .get(&id)
            .ok_or(IssuerError::UnknownMacKey { id })?;
        let mut bytes = Vec::with_capacity(1 + 4 + body.len() + MAC);
        bytes.push(VERSION);
        bytes.extend_from_slice(&id.to_be_bytes());
        bytes.extend_from_slice(body);
        let mac = key.mac(&[kind.context, &bytes]);
        bytes.extend_from_slice(&mac);
        Ok(format!("{}{}", kind.prefix, base64url::encode(&bytes)))
    }

    /// Reads a token of a body of `N` bytes: the key it was made with, and the body. `None` for
    /// everything that was not made here, whatever is wrong with it.
    pub(crate) fn read<const N: usize>(&self, kind: &Kind, text: &str) -> Option<(u32, [u8; N])> {
        let encoded = text.strip_prefix(kind.prefix)?;
        // The length first, so that nothing long is decoded.
        if encoded.len() != ((1 + 4 + N + MAC) * 4).div_ceil(3) {
            return None;
        }
        let bytes = base64url::decode(encoded).ok()?;
        let (fields, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC)?)?;
        let (version, rest) = fields.split_first()?;
        let (id, body) = rest.split_first_chunk::<4>()?;
        let id = u32::from_be_bytes(*id);
        let body = <[u8; N]>::try_from(body).ok()?;
        let genuine =
            *version == VERSION && self.keys.get(&id)?.verify(&[kind.context, fields], mac);
        genuine.then_some((id, body))
    }
}

impl fmt::Debug for MacKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MacKeys")
            .field("current", &self.current)
            .field("count", &self.keys.len())
            .finish_non_exhaustive()
    }
}

/// How MAC keys come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MacKeyPolicy {
    /// How long a key makes tokens.
    pub rotate_every: Duration,
    /// How long its successor is known before it takes over: longer than any server process takes
    /// to notice a new key.
    pub known_ahead: Duration,
    /// How long a key is accepted after it made its last token: the longest absolute life of any
    /// session, whatever its client's terms, since a session that is refreshed moves on to the newer
    /// key, and one that is not is over by then.
    pub accept_for: Duration,
}

impl Default for MacKeyPolicy {
    /// 90 days, known 5 minutes ahead, accepted for 90 days more.
    fn default() -> Self {
        Self {
            rotate_every: Duration::from_secs(90 * 86_400),
            known_ahead: Duration::from_secs(300),
            accept_for: Duration::from_secs(90 * 86_400),
        }
    }
}

/// One step of [`plan_mac_keys`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacKeyChange {
    /// Make the next key ([`MacKeyRecord::generate`]).
    Create {
        /// Its id.
        id: u32,
    },
    /// Let the next key take over: set `retired_at`.
    Retire {
        /// Its id.
        id: u32,
    },
    /// Delete the row: no token it made can be alive.
    Delete {
        /// Its id.
        id: u32,
    },
}

/// What is due with the MAC keys now, to be applied in one transaction.
pub fn plan_mac_keys(
    records: &[MacKeyRecord],
    policy: &MacKeyPolicy,
    now: UnixTime,
) -> Vec<MacKeyChange> {
    let mut changes = Vec::new();
    let current = current(records);
    let old = |record: &MacKeyRecord| now.since(record.created_at) >= policy.rotate_every;
    if current.is_none_or(old) {
        let successor = current.and_then(|current| successor(records, current));
        match (current, successor) {
            (Some(current), Some(successor)) => {
                if now.since(successor.created_at) >= policy.known_ahead {
                    changes.push(MacKeyChange::Retire { id: current.id });
                }
            }
            _ => changes.extend(next_id(records).map(|id| MacKeyChange::Create { id })),
        }
    }
    for record in records {
        if let Some(retired_at) = record.retired_at
            && now.since(retired_at) > policy.accept_for
        {
            changes.push(MacKeyChange::Delete { id: record.id });
        }
    }
    changes
}

/// The key that makes tokens.
fn current(records: &[MacKeyRecord]) -> Option<&MacKeyRecord> {
    let in_use = records.iter().filter(|record| record.retired_at.is_none());
    in_use.min_by_key(|record| record.id)
}

/// The key that will.
fn successor<'a>(records: &'a [MacKeyRecord], current: &MacKeyRecord) -> Option<&'a MacKeyRecord> {
    let in_use = records.iter().filter(|record| record.retired_at.is_none());
    let newer = in_use.filter(|record| record.id > current.id);
    newer.min_by_key(|record| record.id)
}

/// Ids are never given twice: a deleted key's id would revive its tokens.
fn next_id(records: &[MacKeyRecord]) -> Option<u32> {
    let last = records.iter().map(|record| record.id).max();
    last.map_or(Some(1), |id| id.checked_add(1))
}

impl MacKeyRecord {
    /// Makes a key and seals it.
    ///
    /// # Errors
    /// [`IssuerError::Crypto`] when the backend fails.
    pub fn generate(id: u32, master: &MasterKey, now: UnixTime) -> Result<Self, IssuerError> {
        let mut bytes = crypto::random::<32>()?;
        let sealed = master.seal(&bytes, &context(id));
        bytes.zeroize();
        Ok(Self {
            id,
            sealed: sealed?,
            created_at: now,
            retired_at: None,
        })
    }

    /// The same key under another master key.
    ///
    /// # Errors
    /// [`IssuerError::WrongMasterKey`] when it does not open under the old one.
    pub fn reseal(&self, old: &MasterKey, new: &MasterKey) -> Result<Self, IssuerError> {
        let bytes = old.open(&self.sealed, &context(self.id), || self.name())?;
        Ok(Self {
            sealed: new.seal(bytes.expose(), &context(self.id))?,
            ..self.clone()
        })
    }

    fn open(&self, master: &MasterKey) -> Result<MacKey, IssuerError> {
        let bytes = master.open(&self.sealed, &context(self.id), || self.name())?;
        let bytes = bytes
            .expose()
            .first_chunk::<32>()
            .ok_or_else(|| IssuerError::WrongMasterKey { what: self.name() })?;
        Ok(MacKey::new(bytes))
    }

    fn name(&self) -> String {
        format!("the MAC key {}", self.id)
    }
}

fn context(id: u32) -> Vec<u8> {
    format!("countersign mac key v1 {id}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_genuine_token_of_another_version_is_not_read() {
        const KIND: Kind = Kind {
            prefix: "test_",
            context: b"test",
        };
        let keys = MacKeys {
            current: 1,
            keys: BTreeMap::from([(1, MacKey::new(&[1; 32]))]),
        };
        let text = keys.write(&KIND, 1, &[5; 8]).unwrap();
        assert_eq!(keys.read::<8>(&KIND, &text), Some((1, [5; 8])));

        let mut bytes = base64url::decode(&text[5..]).unwrap();
        bytes[0] = VERSION + 1;
        let fields = bytes.len() - MAC;
        let mac = keys.keys[&1].mac(&[KIND.context, &bytes[..fields]]);
        bytes[fields..].copy_from_slice(&mac);
        let text = format!("{}{}", KIND.prefix, base64url::encode(&bytes));
        assert_eq!(keys.read::<8>(&KIND, &text), None);
    }
}
