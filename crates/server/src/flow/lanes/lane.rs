//! A thread that hashes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use countersign_issuer::{PasswordHash, PasswordHasher, PasswordParameters};

use super::line::{Job, Queue, Taker};

/// How long a lane without work keeps its memory. One whose turn it is not gives it back at once.
const KEPT: Duration = Duration::from_secs(10);
/// How often a lane looks, while any has work, whether its turn has come.
const LOOK: Duration = Duration::from_millis(100);

/// What refusals are padded for; a lane looks whether it has changed before each job.
pub(super) type Kinds = Arc<ArcSwap<Vec<PasswordHash>>>;

pub(super) struct Lane {
    taker: Taker,
    queue: Arc<Queue>,
    hasher: Hasher,
}

impl Lane {
    pub(super) fn new(taker: Taker, queue: Arc<Queue>, hasher: Hasher) -> Self {
        Self {
            taker,
            queue,
            hasher,
        }
    }

    /// Does what there is to do, until the last caller is gone.
    pub(super) fn work(&mut self) {
        while let Some(job) = self.next() {
            self.hasher.run(&job);
            self.queue.line().end(self.taker.number);
        }
    }

    fn next(&mut self) -> Option<Job> {
        let queue = Arc::clone(&self.queue);
        let crew = self.taker.crew;
        let mut line = queue.line();
        while !line.closed {
            let now = Instant::now();
            if let Some(job) = line.take(&self.taker, now) {
                return Some(job);
            }
            let kept = self.hasher.unused_for(now);
            let too_long = |kept: Duration| kept >= KEPT || !line.turn(now).is_of(crew);
            if kept.is_some_and(too_long) {
                // Wiping and giving back takes a moment: nobody waits for the line meanwhile.
                drop(line);
                self.hasher.rest();
                line = queue.line();
                continue;
            }
            let is_work = line.waiting() + line.under_way() > 0;
            let until_rest = kept.map(|kept| KEPT.saturating_sub(kept));
            let longest = if is_work { Some(LOOK) } else { until_rest };
            line = queue.wait(crew, line, longest);
        }
        None
    }
}

/// What one lane hashes with, always padded for what is stored.
pub(super) struct Hasher {
    cost: PasswordParameters,
    kinds: Kinds,
    padded_for: Option<Arc<Vec<PasswordHash>>>,
    inner: PasswordHasher,
    /// When it was used last, if it still keeps its memory.
    used: Option<Instant>,
}

impl Hasher {
    pub(super) fn new(cost: PasswordParameters, kinds: &Kinds) -> Self {
        Self {
            cost,
            kinds: Arc::clone(kinds),
            padded_for: None,
            inner: PasswordHasher::new(cost),
            used: None,
        }
    }

    fn run(&mut self, job: &Job) {
        let kinds = self.kinds.load_full();
        let known = self.padded_for.as_ref();
        if !known.is_some_and(|known| Arc::ptr_eq(known, &kinds)) {
            self.inner.pad_for(kinds.iter());
            self.padded_for = Some(kinds);
        }
        let inner = &mut self.inner;
        let outcome = catch_unwind(AssertUnwindSafe(move || job(inner)));
        self.used = Some(Instant::now());
        if outcome.is_err() {
            // Its caller is told. What it leaves behind is not used again.
            tracing::error!("hashing a password panicked; the lane goes on");
            *self = Self::new(self.cost, &self.kinds);
        }
    }

    fn unused_for(&self, now: Instant) -> Option<Duration> {
        self.used.map(|used| now.saturating_duration_since(used))
    }

    fn rest(&mut self) {
        self.inner.rest();
        self.used = None;
    }
}
