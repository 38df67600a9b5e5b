//! What ended before its time, for guards to hear of.
//!
//! An event lives until the last token it concerns can have expired, so the live set is as small as
//! the last few minutes, whatever the number of users. The set has no order and no duplicates:
//! merging it twice changes nothing, and only expiry removes from it. A [`Cursor`] counts what was
//! added, within one life of the process that counts.
//!
//! A follower is told of it in pieces of a bounded size, by count: one [`Piece`] begins where the
//! one before ended. Each says as of when everything was told with it, and the truth about a piece
//! that is not the last is: as of the moment before the first event it leaves out was added. So the
//! age of a follower's news is that of the oldest thing he has not heard, and whoever cuts the
//! pieces off makes the news look old, never young. Within an epoch that time does not fall, neither
//! from piece to piece nor with the clock: a clock that steps back is waited for, and after a longer
//! step a new epoch begins, for a follower refuses what is older than what he knows of the same one.

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

/// What a follower is told at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What he knew before: every event up to this count. Nothing, if the piece begins a snapshot.
    pub since: Option<u64>,
    /// How far he has read with it.
    pub upto: Cursor,
    /// The time of which he has then heard everything.
    pub as_of: UnixTime,
    /// What was added in between and still matters.
    pub events: Vec<Revocation>,
    /// Whether that is all there is.
    pub last: bool,
}

/// The revocations that still matter.
#[derive(Clone, Debug)]
pub struct LiveSet {
    epoch: String,
    counter: u64,
    /// The latest time that was handed in.
    clock: UnixTime,
    events: BTreeMap<(RevocationKind, String), Known>,
    /// The same by count, so that what is new to a follower is found without a walk over all. One
    /// that was prolonged stands at its first count and at its latest: it was news at the first, and
    /// a piece up to there must have it.
    order: BTreeMap<u64, Added>,
}

/// What the set keeps of one revocation.
#[derive(Clone, Copy, Debug)]
struct Known {
    at: UnixTime,
    until: UnixTime,
    /// The counts at which it was added, and prolonged last.
    first: u64,
    latest: u64,
}

/// What was added at one count, and when.
#[derive(Clone, Debug)]
struct Added {
    key: (RevocationKind, String),
    when: UnixTime,
}

/// A clock that steps back by no more than this is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

impl LiveSet {
    /// An empty set; `epoch` is random.
    pub fn new(epoch: impl Into<String>) -> Self {
        Self {
            epoch: epoch.into(),
            counter: 0,
            clock: UnixTime::from_secs(0),
            events: BTreeMap::new(),
            order: BTreeMap::new(),
        }
    }

    /// Adds what is not known yet, or lives longer than was known. Returns whether anything
    /// changed: only then is there something to send.
    ///
    /// `now` is when this process came to know of it. Whoever loads what was published before hands
    /// in the oldest first, each with the time it was published.
    pub fn insert(&mut self, revocation: Revocation, now: UnixTime) -> bool {
        let Revocation {
            kind,
            value,
            at,
            until,
        } = revocation;
        let key = (kind, value);
        let known = self.events.get(&key).copied();
        if known.is_some_and(|known| known.until >= until) {
            return false;
        }
        let when = self.tick(now);
        self.counter += 1;
        let latest = self.counter;
        let first = known.map_or(latest, |known| {
            if known.latest != known.first {
                self.order.remove(&known.latest);
            }
            known.first
        });
        let added = Added {
            key: key.clone(),
            when,
        };
        self.order.insert(latest, added);
        let known = Known {
            at,
            until,
            first,
            latest,
        };
        self.events.insert(key, known);
        true
    }

    /// Removes what no living token can be concerned by. Returns how many.
    pub fn sweep(&mut self, now: UnixTime) -> usize {
        let before = self.events.len();
        self.events.retain(|_, known| known.until >= now);
        let removed = before - self.events.len();
        if removed > 0 {
            let events = &self.events;
            self.order
                .retain(|_, added| events.contains_key(&added.key));
        }
        removed
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

    /// What a follower is told next who has read up to `known`: at most `most` events, the oldest
    /// first. Without a cursor, or with one of another epoch or from ahead, it is the beginning of a
    /// snapshot.
    pub fn piece(&mut self, known: Option<&Cursor>, most: usize, now: UnixTime) -> Piece {
        let since = known
            .filter(|known| known.epoch == self.epoch && known.counter <= self.counter)
            .map(|known| known.counter);
        let now = self.tick(now);
        let mut rest = self.order.range(since.unwrap_or(0).saturating_add(1)..);
        let mut events = Vec::new();
        let mut counter = since.unwrap_or(0);
        for (count, added) in rest.by_ref().take(most.max(1)) {
            counter = *count;
            events.extend(self.revocation(&added.key));
        }
        let left_out = rest.next();
        Piece {
            since,
            upto: Cursor {
                epoch: self.epoch.clone(),
                counter: left_out.map_or(self.counter, |_| counter),
            },
            as_of: left_out.map_or(now, |(_, added)| added.when),
            events,
            last: left_out.is_none(),
        }
    }

    /// Whether the clock has stepped back so far that followers would refuse what they are told, or
    /// take it for old, until it has caught up: it is time to begin a new epoch.
    pub fn is_ahead_of(&self, now: UnixTime) -> bool {
        self.clock > now.saturating_add(PATIENCE)
    }

    /// Begins a new epoch, which must be random: every follower takes the whole set again.
    pub fn begin_epoch(&mut self, epoch: impl Into<String>, now: UnixTime) {
        self.epoch = epoch.into();
        self.clock = now;
        for added in self.order.values_mut() {
            added.when = added.when.min(now);
        }
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

    /// The time, which never falls within an epoch.
    fn tick(&mut self, now: UnixTime) -> UnixTime {
        self.clock = self.clock.max(now);
        self.clock
    }
}
