//! What was taken back before it expired.
//!
//! The set is unordered and idempotent: whoever brings news merges them, in any order and as often
//! as they like, and only the passing of time removes anything. So no message, however late,
//! repeated or out of place, can bring a revoked token back.
//!
//! A lookup takes no lock: readers see a set that never changes, which a merge replaces as a whole
//! (`ended`). And most requests need no lookup: what was not mentioned in the set is not mentioned
//! there until something is added, which a number tells.

use std::fmt::{self, Debug, Formatter};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use countersign::UnixTime;
use countersign_wire::revocation::Kind;

use crate::ended::Layers;

/// The live set of revocations. Clones share one set.
#[derive(Clone)]
pub struct RevokedHandle {
    set: Arc<RevokedSet>,
    /// Whatever feeds the set ends with the last handle.
    _feed: Option<Arc<dyn Send + Sync>>,
}

impl RevokedHandle {
    /// An empty set that its owner keeps up to date; it is never stale.
    pub fn new() -> Self {
        Self {
            set: Arc::new(RevokedSet::new()),
            _feed: None,
        }
    }

    /// Takes things back: the kind, its value, and the time after which it can be forgotten because
    /// every token it concerns has expired. An event that is already known keeps the later of its
    /// two times.
    pub fn merge(&self, events: impl IntoIterator<Item = (Kind, String, UnixTime)>) {
        self.set.merge(events);
    }

    /// Which of a token's four marks was taken back, if any. A mark the token does not have is
    /// `None`.
    pub fn is_revoked(
        &self,
        sub: Option<&str>,
        sid: Option<&str>,
        jti: Option<&str>,
        kid: Option<&str>,
        now: UnixTime,
    ) -> Option<Kind> {
        let mark = |kind| match kind {
            Kind::Sub => sub,
            Kind::Sid => sid,
            Kind::Jti => jti,
            Kind::Kid => kid,
        };
        self.set.is_revoked(mark, now)
    }

    /// Forgets what no living token can be concerned by. Whoever merges calls it now and then.
    pub fn sweep(&self, now: UnixTime) {
        self.set.sweep(now);
    }

    /// How many things are in the set.
    pub fn len(&self) -> usize {
        self.set.layers.load().len()
    }

    /// Whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The time of the latest news an issuer signed; `None` if the set follows no issuer or has
    /// heard nothing yet.
    pub fn as_of(&self) -> Option<UnixTime> {
        self.set.as_of()
    }

    /// How old the news are; `None` if the set follows no issuer.
    ///
    /// It counts from the issuer's signed time, and from the moment the last new message arrived here,
    /// by a clock that nobody can set back, whichever is longer ago: neither an issuer whose clock is
    /// ahead, nor a local clock that is corrected, nor a proxy that repeats an old message can hide a
    /// silence. Before the first news it is [`Duration::MAX`].
    pub fn age(&self, now: UnixTime) -> Option<Duration> {
        self.set.age(now)
    }

    #[cfg(feature = "remote")]
    pub(crate) fn fed(set: Arc<RevokedSet>, feed: Arc<dyn Send + Sync>) -> Self {
        Self {
            set,
            _feed: Some(feed),
        }
    }

    pub(crate) fn set(&self) -> &RevokedSet {
        &self.set
    }
}

impl Default for RevokedHandle {
    fn default() -> Self {
        Self::new()
    }
}

impl Debug for RevokedHandle {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevokedHandle")
            .field("len", &self.len())
            .field("as_of", &self.as_of())
            .finish_non_exhaustive()
    }
}

/// What a handle's clones share.
pub(crate) struct RevokedSet {
    layers: ArcSwap<Layers>,
    /// How often something was added, and one.
    additions: AtomicU64,
    merging: Mutex<()>,
    /// Seconds; [`UNFOLLOWED`] or [`UNHEARD`] before there are any.
    as_of: AtomicU64,
    /// The time of which the news are, never later than when they arrived, by the local clock.
    fresh_at: AtomicU64,
    /// When they arrived, in milliseconds since `made`.
    arrived: AtomicU64,
    made: Instant,
    /// How they come, as a [`NewsBy`].
    by: AtomicU8,
}

/// How an issuer's revocations come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NewsBy {
    /// Nobody is asked: the guard's owner merges them, or the issuer publishes none.
    Owner,
    /// The issuer is asked, and nothing good came of it the last time.
    Nothing,
    /// The issuer answers with the whole set, again and again.
    Snapshots,
    /// The issuer streams them.
    Stream,
}

/// That a token's marks are in the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mention {
    /// The one of this kind counts now.
    Revoked(Kind),
    /// The time of those that are there is past.
    Past,
}

const KINDS: [Kind; 4] = [Kind::Sid, Kind::Sub, Kind::Jti, Kind::Kid];

const UNFOLLOWED: u64 = u64::MAX;
const UNHEARD: u64 = u64::MAX - 1;

impl RevokedSet {
    pub(crate) fn new() -> Self {
        Self {
            layers: ArcSwap::from_pointee(Layers::default()),
            additions: AtomicU64::new(1),
            merging: Mutex::new(()),
            as_of: AtomicU64::new(UNFOLLOWED),
            fresh_at: AtomicU64::new(0),
            arrived: AtomicU64::new(0),
            made: Instant::now(),
            by: AtomicU8::new(NewsBy::Owner as u8),
        }
    }

    /// From now on it is stale until an issuer is heard.
    #[cfg(feature = "remote")]
    pub(crate) fn follow(&self) {
        let _one_at_a_time = self.merging.lock().unwrap_or_else(PoisonError::into_inner);
        self.as_of.store(UNHEARD, Ordering::Release);
        self.comes_by(NewsBy::Nothing);
    }

    /// How the news come from now on.
    #[cfg(feature = "remote")]
    pub(crate) fn comes_by(&self, by: NewsBy) {
        self.by.store(by as u8, Ordering::Relaxed);
    }

    pub(crate) fn by(&self) -> NewsBy {
        let by = self.by.load(Ordering::Relaxed);
        [NewsBy::Nothing, NewsBy::Snapshots, NewsBy::Stream]
            .into_iter()
            .find(|known| *known as u8 == by)
            .unwrap_or(NewsBy::Owner)
    }

    /// An issuer's signed word of `as_of`, received now for the first time.
    ///
    /// Several servers of one issuer may be heard, whose clocks differ: the latest `as_of` is kept
    /// to be read, but what makes the news young is when a new word arrived.
    #[cfg(feature = "remote")]
    pub(crate) fn heard(&self, as_of: UnixTime, now: UnixTime) {
        let _one_at_a_time = self.merging.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh_at = as_of.min(now).as_secs();
        self.fresh_at.fetch_max(fresh_at, Ordering::Relaxed);
        self.arrived.store(self.uptime(), Ordering::Relaxed);
        if self.as_of().is_none_or(|before| as_of > before) {
            self.as_of.store(as_of.as_secs(), Ordering::Release);
        }
    }

    fn as_of(&self) -> Option<UnixTime> {
        match self.as_of.load(Ordering::Acquire) {
            UNFOLLOWED | UNHEARD => None,
            secs => Some(UnixTime::from_secs(secs)),
        }
    }

    pub(crate) fn age(&self, now: UnixTime) -> Option<Duration> {
        match self.as_of.load(Ordering::Acquire) {
            UNFOLLOWED => None,
            UNHEARD => Some(Duration::MAX),
            _ => {
                let fresh_at = self.fresh_at.load(Ordering::Relaxed);
                let by_the_clock = now.since(UnixTime::from_secs(fresh_at));
                let silence = self
                    .uptime()
                    .saturating_sub(self.arrived.load(Ordering::Relaxed));
                Some(by_the_clock.max(Duration::from_millis(silence)))
            }
        }
    }

    fn uptime(&self) -> u64 {
        u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn merge(&self, events: impl IntoIterator<Item = (Kind, String, UnixTime)>) {
        let _one_at_a_time = self.merging.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(merged) = self.layers.load().merged(events) {
            self.layers.store(Arc::new(merged));
            // Only now, so that whoever reads the new number sees the new set.
            self.additions.fetch_add(1, Ordering::Release);
        }
    }

    /// Rises when something was added; never 0. To be read before the set is asked.
    pub(crate) fn additions(&self) -> u64 {
        self.additions.load(Ordering::Acquire)
    }

    /// Which of the marks was taken back, if any.
    pub(crate) fn is_revoked<'t>(
        &self,
        mark: impl Fn(Kind) -> Option<&'t str>,
        now: UnixTime,
    ) -> Option<Kind> {
        match self.mention(mark, now)? {
            Mention::Revoked(kind) => Some(kind),
            Mention::Past => None,
        }
    }

    /// What the set says of the marks; `mark` is asked for those kinds only of which anything was
    /// taken back.
    pub(crate) fn mention<'t>(
        &self,
        mark: impl Fn(Kind) -> Option<&'t str>,
        now: UnixTime,
    ) -> Option<Mention> {
        let layers = self.layers.load();
        let mut mention = None;
        for kind in KINDS.into_iter().filter(|kind| layers.has_any(*kind)) {
            match mark(kind).and_then(|value| layers.until(kind, value)) {
                Some(until) if now < until => return Some(Mention::Revoked(kind)),
                Some(_) => mention = Some(Mention::Past),
                None => {}
            }
        }
        mention
    }

    pub(crate) fn sweep(&self, now: UnixTime) {
        let _one_at_a_time = self.merging.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(swept) = self.layers.load().swept(now) {
            self.layers.store(Arc::new(swept));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);
    const LATER: UnixTime = UnixTime::from_secs(1_700_000_600);

    fn sid(handle: &RevokedHandle, value: &str, now: UnixTime) -> bool {
        handle.is_revoked(None, Some(value), None, None, now) == Some(Kind::Sid)
    }

    #[test]
    fn each_kind_is_looked_up_among_its_own() {
        let handle = RevokedHandle::new();
        assert_eq!(
            handle.is_revoked(Some("a"), Some("b"), Some("c"), Some("d"), NOW),
            None
        );
        handle.merge([(Kind::Sub, "x".into(), LATER)]);
        assert_eq!(
            handle.is_revoked(Some("x"), None, None, None, NOW),
            Some(Kind::Sub)
        );
        assert_eq!(
            handle.is_revoked(None, Some("x"), Some("x"), Some("x"), NOW),
            None
        );
        handle.merge([
            (Kind::Jti, "j".into(), LATER),
            (Kind::Kid, "k".into(), LATER),
        ]);
        assert_eq!(
            handle.is_revoked(None, None, Some("j"), None, NOW),
            Some(Kind::Jti)
        );
        assert_eq!(
            handle.is_revoked(None, None, None, Some("k"), NOW),
            Some(Kind::Kid)
        );
    }

    #[test]
    fn merging_twice_or_with_a_shorter_time_changes_nothing() {
        let handle = RevokedHandle::new();
        handle.merge([(Kind::Sid, "s".into(), LATER)]);
        handle.merge([(Kind::Sid, "s".into(), LATER), (Kind::Sid, "s".into(), NOW)]);
        handle.merge([(Kind::Sid, "t".into(), LATER), (Kind::Sid, "t".into(), NOW)]);
        assert_eq!(handle.len(), 2);
        assert!(sid(&handle, "s", NOW) && sid(&handle, "t", NOW));
    }

    #[test]
    fn only_the_passing_of_time_removes() {
        let handle = RevokedHandle::new();
        handle.merge([(Kind::Sid, "short".into(), LATER)]);
        handle.merge([(
            Kind::Sid,
            "long".into(),
            LATER.saturating_add(Duration::from_secs(1)),
        )]);
        handle.sweep(NOW);
        assert_eq!(handle.len(), 2);
        handle.sweep(LATER);
        assert_eq!(handle.len(), 1);
        assert!(!sid(&handle, "short", LATER));
        assert!(sid(&handle, "long", LATER));
    }

    #[test]
    fn nothing_is_lost_when_layers_fold() {
        let handle = RevokedHandle::new();
        let names: Vec<String> = (0..3_000).map(|n| format!("s{n}")).collect();
        for name in &names {
            handle.merge([(Kind::Sid, name.clone(), LATER)]);
        }
        assert_eq!(handle.len(), names.len());
        assert!(names.iter().all(|name| sid(&handle, name, NOW)));
        let longer = LATER.saturating_add(Duration::from_secs(60));
        handle.merge([(Kind::Sid, "s0".into(), longer)]);
        assert!(
            sid(&handle, "s0", LATER),
            "the later time counts, whichever layer has it"
        );
        handle.sweep(LATER);
        assert_eq!(handle.len(), 1);
    }

    #[test]
    fn a_set_of_its_own_is_never_stale() {
        let handle = RevokedHandle::new();
        assert_eq!((handle.as_of(), handle.age(NOW)), (None, None));
    }

    #[cfg(feature = "remote")]
    #[test]
    fn the_age_counts_from_the_signed_time_and_from_its_last_advance() {
        let set = RevokedSet::new();
        set.follow();
        assert_eq!(set.age(NOW), Some(Duration::MAX), "nothing heard yet");

        let seconds = Duration::from_secs;
        set.heard(NOW, NOW);
        assert_eq!(set.age(NOW.saturating_add(seconds(5))), Some(seconds(5)));

        set.heard(NOW, NOW.saturating_add(seconds(5)));
        assert_eq!(
            set.age(NOW.saturating_add(seconds(5))),
            Some(seconds(5)),
            "a repetition is no news"
        );

        let ahead = NOW.saturating_add(seconds(3_600));
        set.heard(ahead, NOW.saturating_add(seconds(6)));
        assert_eq!(
            set.age(NOW.saturating_add(seconds(16))),
            Some(seconds(10)),
            "an issuer whose clock is ahead cannot hide its silence"
        );

        set.heard(
            NOW.saturating_add(seconds(20)),
            NOW.saturating_add(seconds(20)),
        );
        assert_eq!(set.as_of(), Some(ahead));
        assert_eq!(
            set.age(NOW.saturating_add(seconds(21))),
            Some(seconds(1)),
            "another server of the same issuer, whose clock is right, is heard as well"
        );
    }

    #[cfg(feature = "remote")]
    #[test]
    fn a_clock_that_is_set_back_does_not_make_news_young() {
        let set = RevokedSet::new();
        set.follow();
        set.heard(LATER, LATER);
        let silence = Duration::from_millis(20);
        std::thread::sleep(silence);
        assert!(set.age(NOW) >= Some(silence), "{:?}", set.age(NOW));
    }
}
