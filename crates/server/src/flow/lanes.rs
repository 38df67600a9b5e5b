//! Where passwords are hashed: a few threads with a short queue, and nowhere else.
//!
//! Argon2id costs milliseconds and megabytes on purpose. Run where requests run, a flood of logins
//! would take every core and, with a thread each, every byte. Here a flood meets a full queue and
//! is told to come back, while refreshes and guarded routes go on. A lane works at low priority
//! and keeps its memory from one hash to the next. A job belongs to its lane, not to the request:
//! a client that hangs up does not free the lane early.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use arc_swap::ArcSwap;
use countersign_issuer::{PasswordHash, PasswordHasher, PasswordParameters};
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce(&mut PasswordHasher) + Send>;

/// The hashing threads of one server; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Lanes {
    queue: SyncSender<Job>,
    kinds: Arc<ArcSwap<Vec<PasswordHash>>>,
}

/// Every lane works and the queue is full.
#[derive(Debug)]
pub(crate) struct Busy;

impl Lanes {
    /// Starts `lanes` threads in front of which `waiting` jobs may queue.
    pub(crate) fn start(
        lanes: usize,
        waiting: usize,
        cost: PasswordParameters,
    ) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel::<Job>(waiting);
        let jobs = Arc::new(Mutex::new(jobs));
        let kinds = Arc::new(ArcSwap::default());
        for number in 0..lanes.max(1) {
            let mut lane = Lane {
                jobs: Arc::clone(&jobs),
                kinds: Arc::clone(&kinds),
                hasher: PasswordHasher::new(cost),
            };
            thread::Builder::new()
                .name(format!("hash-lane-{number}"))
                .spawn(move || lane.work())?;
        }
        Ok(Self { queue, kinds })
    }

    /// From now on refusals cost what checks of the costliest of these hashes cost, one of each
    /// function.
    pub(crate) fn pad_for(&self, kinds: Vec<PasswordHash>) {
        self.kinds.store(Arc::new(kinds));
    }

    /// Runs `job` in a lane and waits for its answer.
    pub(crate) async fn run<T, J>(&self, job: J) -> Result<T, Busy>
    where
        T: Send + 'static,
        J: FnOnce(&mut PasswordHasher) -> T + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |hasher| {
            // The caller may have hung up; the work is done all the same.
            let _ = answer.send(job(hasher));
        });
        self.queue.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => Busy,
        })?;
        answered.await.map_err(|_| Busy)
    }
}

/// One thread's part.
struct Lane {
    jobs: Arc<Mutex<Receiver<Job>>>,
    kinds: Arc<ArcSwap<Vec<PasswordHash>>>,
    hasher: PasswordHasher,
}

impl Lane {
    fn work(&mut self) {
        // Requests come first; where the platform has no such priority the lanes are still bounded.
        let _ = rustix::process::nice(10);
        let mut padded_for = None;
        while let Some(job) = self.next() {
            let kinds = self.kinds.load_full();
            if !padded_for
                .as_ref()
                .is_some_and(|known| Arc::ptr_eq(known, &kinds))
            {
                self.hasher.pad_for(kinds.iter());
                padded_for = Some(kinds);
            }
            job(&mut self.hasher);
        }
    }

    fn next(&self) -> Option<Job> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.recv().ok()
    }
}
