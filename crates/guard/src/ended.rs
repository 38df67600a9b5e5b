//! What ended and when that can be forgotten, in two layers that never change.
//!
//! A merge makes a new pair. It copies the upper layer only, which is kept small and folded into
//! the lower one when it has grown; what both hold are shared texts, so that a copy is no more than
//! a table.

use std::sync::Arc;

use countersign::UnixTime;
use countersign_wire::revocation::Kind;
use foldhash::{HashMap, HashMapExt};

/// The pair.
#[derive(Default)]
pub(crate) struct Layers {
    lower: Arc<Layer>,
    upper: Arc<Layer>,
}

impl Layers {
    /// Whether anything of this kind ended.
    pub(crate) fn has_any(&self, kind: Kind) -> bool {
        !self.upper.of(kind).0.is_empty() || !self.lower.of(kind).0.is_empty()
    }

    pub(crate) fn until(&self, kind: Kind, value: &str) -> Option<UnixTime> {
        // The later time is in the upper layer, because a merge that shortens a time changes
        // nothing.
        self.upper
            .until(kind, value)
            .or_else(|| self.lower.until(kind, value))
    }

    pub(crate) fn len(&self) -> usize {
        let twice = self
            .upper
            .iter()
            .filter(|(kind, value)| self.lower.until(*kind, value).is_some());
        self.lower.len() + self.upper.len() - twice.count()
    }

    /// With these events added; `None` if that changes nothing.
    pub(crate) fn merged(
        &self,
        events: impl IntoIterator<Item = (Kind, String, UnixTime)>,
    ) -> Option<Self> {
        let mut upper: Option<Layer> = None;
        for (kind, value, until) in events {
            let known = self.until(kind, &value);
            if known.is_none_or(|known| known < until) {
                upper
                    .get_or_insert_with(|| Layer::clone(&self.upper))
                    .insert(kind, value, until);
            }
        }
        let upper = upper?;
        if upper.len() <= UPPER_LAYER_AT_LEAST.max(self.lower.len().isqrt() * 4) {
            let (lower, upper) = (Arc::clone(&self.lower), Arc::new(upper));
            return Some(Self { lower, upper });
        }
        let mut lower = Layer::clone(&self.lower);
        lower.absorb(upper);
        Some(Self::of_one(lower))
    }

    /// Without what can be forgotten; `None` if that changes nothing.
    pub(crate) fn swept(&self, now: UnixTime) -> Option<Self> {
        if !self.lower.has_expired(now) && !self.upper.has_expired(now) {
            return None;
        }
        let mut lower = Layer::clone(&self.lower);
        lower.absorb(Layer::clone(&self.upper));
        lower.forget(now);
        Some(Self::of_one(lower))
    }

    fn of_one(lower: Layer) -> Self {
        Self {
            lower: Arc::new(lower),
            upper: Arc::default(),
        }
    }
}

/// For each kind, the values and the times after which they can be forgotten.
#[derive(Clone, Default)]
struct Layer {
    sid: Ended,
    sub: Ended,
    jti: Ended,
    kid: Ended,
}

impl Layer {
    fn of(&self, kind: Kind) -> &Ended {
        match kind {
            Kind::Sid => &self.sid,
            Kind::Sub => &self.sub,
            Kind::Jti => &self.jti,
            Kind::Kid => &self.kid,
        }
    }

    fn until(&self, kind: Kind, value: &str) -> Option<UnixTime> {
        let ended = self.of(kind);
        if ended.0.is_empty() {
            None
        } else {
            ended.0.get(value).copied()
        }
    }

    fn insert(&mut self, kind: Kind, value: String, until: UnixTime) {
        let ended = match kind {
            Kind::Sid => &mut self.sid,
            Kind::Sub => &mut self.sub,
            Kind::Jti => &mut self.jti,
            Kind::Kid => &mut self.kid,
        };
        let known = ended.0.entry(value.into()).or_insert(until);
        *known = (*known).max(until);
    }

    fn absorb(&mut self, newer: Self) {
        let Self { sid, sub, jti, kid } = newer;
        self.sid.0.extend(sid.0);
        self.sub.0.extend(sub.0);
        self.jti.0.extend(jti.0);
        self.kid.0.extend(kid.0);
    }

    fn iter(&self) -> impl Iterator<Item = (Kind, &str)> {
        [Kind::Sid, Kind::Sub, Kind::Jti, Kind::Kid]
            .into_iter()
            .flat_map(|kind| self.of(kind).0.keys().map(move |value| (kind, &**value)))
    }

    fn len(&self) -> usize {
        self.all().iter().map(|ended| ended.0.len()).sum()
    }

    fn has_expired(&self, now: UnixTime) -> bool {
        self.all()
            .iter()
            .any(|ended| ended.0.values().any(|until| *until <= now))
    }

    fn forget(&mut self, now: UnixTime) {
        for ended in [&mut self.sid, &mut self.sub, &mut self.jti, &mut self.kid] {
            ended.0.retain(|_, until| now < *until);
            ended.0.shrink_to_fit();
        }
    }

    fn all(&self) -> [&Ended; 4] {
        [&self.sid, &self.sub, &self.jti, &self.kid]
    }
}

/// Shared text, because folding and merging copy the map but not what it names.
#[derive(Clone)]
struct Ended(HashMap<Arc<str>, UnixTime>);

impl Default for Ended {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

/// Below this size a copy is not worth avoiding.
const UPPER_LAYER_AT_LEAST: usize = 256;
