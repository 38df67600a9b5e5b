//! How many questions each kind of rule let pass, and how many not.

use std::sync::atomic::{AtomicU64, Ordering};

use super::rule::Access;

/// What was decided about questions, by what their rule asks for. Every number only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForwardCounts {
    /// Rules that ask for nothing.
    pub public: Decided,
    /// Rules for which a token may be missing, but not bad.
    pub optional: Decided,
    /// Rules that ask for a token.
    pub token: Decided,
    /// Rules by which nobody may.
    pub closed: Decided,
    /// Questions for which no rule could be found: the proxy does not say which request it asks
    /// about, or the request can be read in more than one way.
    pub unread: Decided,
}

/// How many passed, and how many did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decided {
    /// They may pass.
    pub passed: u64,
    /// They may not.
    pub refused: u64,
}

#[derive(Default)]
pub(super) struct ForwardCounters {
    public: Counter,
    optional: Counter,
    token: Counter,
    closed: Counter,
    unread: Counter,
}

#[derive(Default)]
pub(super) struct Counter {
    passed: AtomicU64,
    refused: AtomicU64,
}

impl ForwardCounters {
    /// The counter for what a rule asks; for a question without one, if it could not be found.
    pub(super) const fn of<C>(&self, access: Option<&Access<C>>) -> &Counter {
        match access {
            Some(Access::Public) => &self.public,
            Some(Access::Optional) => &self.optional,
            Some(Access::Caller(_)) => &self.token,
            Some(Access::Closed) => &self.closed,
            None => &self.unread,
        }
    }

    pub(super) fn read(&self) -> ForwardCounts {
        ForwardCounts {
            public: self.public.read(),
            optional: self.optional.read(),
            token: self.token.read(),
            closed: self.closed.read(),
            unread: self.unread.read(),
        }
    }
}

impl Counter {
    pub(super) fn add(&self, passed: bool) {
        let count = if passed { &self.passed } else { &self.refused };
        count.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> Decided {
        Decided {
            passed: self.passed.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}
