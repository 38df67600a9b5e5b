//! What ended before its time, for guards to hear of.
//!
//! An event lives until the last token it concerns can have expired, so the live set is as small as
//! the last few minutes, whatever the number of users. The set has no order and no duplicates:
//! merging it twice changes nothing, and only expiry removes from it. A [`Cursor`] counts what was
//! added, within one life of the process that counts.

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use core::{fmt, time::Duration};

use countersign::UnixTime;

/// What a revocation names: a claim of the tokens it concerns, or the key that signed them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RevocationKind {
    /// A session: every token with this `sid`.
    Session,
    /// A user: every token with this `sub`.
    Subject,
    /// One token, by its `jti`.
    Token,
    /// A signing key, by its `kid`.
    Key,
}

impl RevocationKind {
    /// The name of the claim or header parameter: `sid`, `sub`, `jti`, `kid`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "sid",
            Self::Subject => "sub",
            Self::Token => "jti",
            Self::Key => "kid",
        }
    }

    /// The kind a stored or received name stands for.
    pub fn from_stored(text: &str) -> Option<Self> {
        match text {
            "sid" => Some(Self::Session),
            "sub" => Some(Self::Subject),
            "jti" => Some(Self::Token),
            "kid" => Some(Self::Key),
            _ => None,
        }
    }
}

impl fmt::Display for RevocationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revocation {
    /// What `value` names.
    pub kind: RevocationKind,
    /// The id.
    pub value: String,
    /// When it ended.
    pub at: UnixTime,
    /// No token it concerns is alive after this.
    pub until: UnixTime,
}

/// How long revocations must live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationPolicy {
    /// The longest life of any access token that may still be alive. After the setting was lowered,
    /// the old life, until the last of the longer ones has expired.
    pub longest_life: Duration,
    /// The most leeway a guard gives to `exp`.
    pub leeway: Duration,
    /// On top, for clocks that differ.
    pub margin: Duration,
    /// How long a guard may hold a withdrawn key.
    pub key_life: Duration,
}

impl Default for RevocationPolicy {
    /// Tokens of 600 s, leeway 60 s, margin 60 s; keys 48 h.
    fn default() -> Self {
        Self {
            longest_life: Duration::from_secs(600),
            leeway: Duration::from_secs(60),
            margin: Duration::from_secs(60),
            key_life: Duration::from_secs(48 * 3_600),
        }
    }
}

impl RevocationPolicy {
    /// How long an access token can be taken for alive at most, by whoever is most patient with it.
    pub const fn access_tokens(&self) -> Duration {
        self.longest_life
            .saturating_add(self.leeway)
            .saturating_add(self.margin)
    }

    /// When the last access token issued until `now` can no longer be taken for alive.
    pub fn last_token_gone(&self, now: UnixTime) -> UnixTime {
        now.saturating_add(self.access_tokens())
    }
}

impl Revocation {
    /// A session ended.
    pub fn session(sid: impl Into<String>, policy: &RevocationPolicy, now: UnixTime) -> Self {
        Self {
            kind: RevocationKind::Session,
            value: sid.into(),
            at: now,
            until: policy.last_token_gone(now),
        }
    }

    /// A user was disabled or deleted.
    pub fn subject(user_id: impl Into<String>, policy: &RevocationPolicy, now: UnixTime) -> Self {
        Self {
            kind: RevocationKind::Subject,
            value: user_id.into(),
            at: now,
            until: policy.last_token_gone(now),
        }
    }

    /// One token was withdrawn, whose `exp` is known.
    pub fn token(
        jwt_id: impl Into<String>,
        expires_at: UnixTime,
        policy: &RevocationPolicy,
        now: UnixTime,
    ) -> Self {
        Self {
            kind: RevocationKind::Token,
            value: jwt_id.into(),
            at: now,
            until: expires_at
                .saturating_add(policy.leeway)
                .saturating_add(policy.margin),
        }
    }

    /// A signing key was withdrawn.
    pub fn key(kid: impl Into<String>, policy: &RevocationPolicy, now: UnixTime) -> Self {
        Self {
            kind: RevocationKind::Key,
            value: kid.into(),
            at: now,
            until: now.saturating_add(policy.key_life),
        }
    }
}

/// How far a follower has read: which life of the process, and how many additions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Drawn at random when the process starts.
    pub epoch: String,
    /// Additions since then.
    pub counter: u64,
}

/// The revocations that still matter.
#[derive(Clone, Debug)]
pub struct LiveSet {
    epoch: String,
    counter: u64,
    events: BTreeMap<(RevocationKind, String), Known>,
    /// The same by count, so that what is new to a follower is found without a walk over all.
    order: BTreeMap<u64, (RevocationKind, String)>,
}

/// What the set keeps of one revocation.
#[derive(Clone, Copy, Debug)]
struct Known {
    at: UnixTime,
    until: UnixTime,
    /// The count at which it was added.
    count: u64,
}

impl LiveSet {
    /// An empty set; `epoch` is random.
    pub fn new(epoch: impl Into<String>) -> Self {
        Self {
            epoch: epoch.into(),
            counter: 0,
            events: BTreeMap::new(),
            order: BTreeMap::new(),
        }
    }

    /// Adds what is not known yet, or lives longer than was known. Returns whether anything
    /// changed: only then is there something to send.
    pub fn insert(&mut self, revocation: Revocation) -> bool {
        let Revocation {
            kind,
            value,
            at,
            until,
        } = revocation;
        let key = (kind, value);
        if let Some(known) = self.events.get(&key) {
            if known.until >= until {
                return false;
            }
            self.order.remove(&known.count);
        }
        self.counter += 1;
        let count = self.counter;
        self.order.insert(count, key.clone());
        self.events.insert(key, Known { at, until, count });
        true
    }

    /// Removes what no living token can be concerned by. Returns how many.
    pub fn sweep(&mut self, now: UnixTime) -> usize {
        let before = self.events.len();
        self.events.retain(|_, known| known.until >= now);
        let events = &self.events;
        self.order.retain(|_, key| events.contains_key(key));
        before - self.events.len()
    }

    /// Whether a token with these ids is revoked.
    pub fn contains(&self, kind: RevocationKind, value: &str) -> bool {
        self.events.contains_key(&(kind, String::from(value)))
    }

    /// Where the set stands.
    pub fn cursor(&self) -> Cursor {
        Cursor {
            epoch: self.epoch.clone(),
            counter: self.counter,
        }
    }

    /// What was added after the cursor, oldest first. `None` when the cursor is of another epoch or
    /// ahead: the follower must take the whole set.
    pub fn since(&self, cursor: &Cursor) -> Option<Vec<Revocation>> {
        if cursor.epoch != self.epoch || cursor.counter > self.counter {
            return None;
        }
        let newer = self.order.range(cursor.counter.saturating_add(1)..);
        Some(newer.filter_map(|(_, key)| self.revocation(key)).collect())
    }

    /// The whole set, in no order that means anything.
    pub fn all(&self) -> Vec<Revocation> {
        self.events
            .keys()
            .filter_map(|key| self.revocation(key))
            .collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    fn revocation(&self, key: &(RevocationKind, String)) -> Option<Revocation> {
        let known = self.events.get(key)?;
        Some(Revocation {
            kind: key.0,
            value: key.1.clone(),
            at: known.at,
            until: known.until,
        })
    }
}
