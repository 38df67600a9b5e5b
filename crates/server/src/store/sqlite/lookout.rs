//! Sees to it that nobody waits for a slow disk but those who write.
//!
//! Whoever commits on a thread of the runtime keeps it, for some 100 us on a good disk. That thread
//! may be the one that listens to all connections, and to have another take that over every time
//! would cost as much as the commit. So it is done only for a commit that takes long: a thread looks
//! every few milliseconds, for as long as there are such commits, and sleeps when there are none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::store::StoreError;

/// What takes longer, takes long.
const LONG: Duration = Duration::from_millis(2);
/// So many looks without a new commit, and the next one has to wake whoever looks.
const QUIET: u32 = 100;

/// Commits on threads of the runtime; one at a time.
#[derive(Debug)]
pub(super) struct Lookout {
    seen: Arc<Seen>,
    thread: Thread,
}

#[derive(Debug, Default)]
struct Seen {
    /// Rises when a commit begins and when it ends: odd while there is one.
    turns: AtomicU64,
    asleep: AtomicBool,
    over: AtomicBool,
}

impl Lookout {
    /// For commits on the threads of `runtime`.
    pub(super) fn start(runtime: Handle) -> Result<Self, StoreError> {
        let seen = Arc::<Seen>::default();
        let looking = Arc::clone(&seen);
        let thread = thread::Builder::new()
            .name("store-lookout".into())
            .spawn(move || looking.look(&runtime))
            .map_err(StoreError::unavailable)?;
        let thread = thread.thread().clone();
        Ok(Self { seen, thread })
    }

    /// Does the work of one commit.
    pub(super) fn over<T>(&self, commit: impl FnOnce() -> T) -> T {
        self.seen.turns.fetch_add(1, Ordering::SeqCst);
        if self.seen.asleep.swap(false, Ordering::SeqCst) {
            self.thread.unpark();
        }
        let done = commit();
        self.seen.turns.fetch_add(1, Ordering::SeqCst);
        done
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        self.seen.over.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

impl Seen {
    fn look(&self, runtime: &Handle) {
        let (mut last, mut quiet) = (0, 0);
        while !self.over.load(Ordering::SeqCst) {
            let turns = self.turns.load(Ordering::SeqCst);
            if turns != last {
                (last, quiet) = (turns, 0);
            } else if turns % 2 == 1 {
                // It was under way at the last look. Any task wakes a thread that sleeps, and one
                // that is awake listens.
                runtime.spawn(async {});
            } else if quiet < QUIET {
                quiet += 1;
            } else {
                self.asleep.store(true, Ordering::SeqCst);
                // Whoever began in between has not seen that.
                if self.turns.load(Ordering::SeqCst) == last {
                    thread::park();
                }
                self.asleep.store(false, Ordering::SeqCst);
                quiet = 0;
                continue;
            }
            thread::park_timeout(LONG);
        }
    }
}
