//! Where passwords are hashed: a few threads with a short queue, and nowhere else.
//!
//! Argon2id costs milliseconds and megabytes on purpose. Run where requests run, a flood of logins
//! would take every core and, with a thread each, every byte. Here a flood meets a full queue and
//! is told to come back, while refreshes and guarded routes go on. A lane works at low priority; it
//! keeps its memory from one hash to the next and gives it back when there is nothing to do. A job
//! belongs to its lane, not to the request: a client that hangs up does not free the lane early.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use countersign_issuer::{PasswordHash, PasswordHasher, PasswordParameters};
use tokio::sync::oneshot;

use crate::metrics::{Hashing, LanesStanding};

type Job = Box<dyn FnOnce(&mut PasswordHasher) + Send>;

/// How long a lane without work keeps its memory.
const KEPT: Duration = Duration::from_secs(10);

/// The hashing threads of one server; clones share them. The threads end when the last is gone.
#[derive(Clone, Debug)]
pub(crate) struct Lanes {
    door: Arc<Door>,
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
        counts: Arc<Hashing>,
    ) -> std::io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let kinds = Arc::new(ArcSwap::default());
        for number in 0..lanes.max(1) {
            let mut lane = Lane {
                queue: Arc::clone(&queue),
                kinds: Arc::clone(&kinds),
                hasher: PasswordHasher::new(cost),
                counts: Arc::clone(&counts),
            };
            thread::Builder::new()
                .name(format!("hash-lane-{number}"))
                .spawn(move || lane.work())?;
        }
        let door = Arc::new(Door {
            queue,
            lanes: lanes.max(1),
            waiting,
            counts,
        });
        Ok(Self { door, kinds })
    }

    /// From now on refusals cost what checks of the costliest of these hashes cost, one of each
    /// function.
    pub(crate) fn pad_for(&self, kinds: Vec<PasswordHash>) {
        self.kinds.store(Arc::new(kinds));
    }

    /// How the lanes stand.
    pub(crate) fn standing(&self) -> LanesStanding {
        let Door { lanes, waiting, .. } = *self.door;
        let line = self.door.queue.line();
        LanesStanding {
            lanes,
            busy: lanes.saturating_sub(line.free),
            waiting: line.jobs.len(),
            room: waiting,
        }
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
        self.door.queue(job)?;
        answered.await.map_err(|_| Busy)
    }
}

/// What callers hold: jobs go in as long as there is room.
struct Door {
    queue: Arc<Queue>,
    lanes: usize,
    waiting: usize,
    counts: Arc<Hashing>,
}

impl Door {
    fn queue(&self, job: Job) -> Result<(), Busy> {
        let mut line = self.queue.line();
        // Whoever goes to a lane that is free does not wait.
        if line.jobs.len() >= self.waiting + line.free {
            self.counts.refused.add();
            return Err(Busy);
        }
        line.jobs.push_back(job);
        drop(line);
        self.queue.changed.notify_one();
        Ok(())
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.queue.line().closed = true;
        self.queue.changed.notify_all();
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door")
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Queue {
    line: Mutex<Line>,
    changed: Condvar,
}

#[derive(Default)]
struct Line {
    jobs: VecDeque<Job>,
    /// How many lanes wait for a job.
    free: usize,
    closed: bool,
}

impl Queue {
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One thread's part.
struct Lane {
    queue: Arc<Queue>,
    kinds: Arc<ArcSwap<Vec<PasswordHash>>>,
    hasher: PasswordHasher,
    counts: Arc<Hashing>,
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
            let began = Instant::now();
            job(&mut self.hasher);
            self.counts.seconds.took(began.elapsed());
        }
    }

    /// The next job, or nothing when the last caller is gone.
    fn next(&mut self) -> Option<Job> {
        let mut line = self.queue.line();
        let mut rested = false;
        loop {
            if let Some(job) = line.jobs.pop_front() {
                return Some(job);
            }
            if line.closed {
                return None;
            }
            line.free += 1;
            let woken = if rested {
                let woken = self.queue.changed.wait(line);
                woken.unwrap_or_else(PoisonError::into_inner)
            } else {
                let woken = self.queue.changed.wait_timeout(line, KEPT);
                let (woken, waited) = woken.unwrap_or_else(PoisonError::into_inner);
                rested = waited.timed_out();
                woken
            };
            line = woken;
            line.free -= 1;
            if rested && line.jobs.is_empty() {
                // Wiping and giving back takes a moment: nobody waits for the lock meanwhile.
                drop(line);
                self.hasher.rest();
                line = self.queue.line();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    fn lanes(waiting: usize) -> Lanes {
        let counts = Arc::default();
        Lanes::start(1, waiting, PasswordParameters::default(), counts).expect("a thread")
    }

    /// A job that lasts until what comes back is dropped, once it has begun.
    fn occupy(lanes: &Lanes) -> Sender<()> {
        let (begun, begins) = channel::<()>();
        let (hold, until): (_, Receiver<()>) = channel();
        let job: Job = Box::new(move |_| {
            drop(begun);
            let _ = until.recv();
        });
        lanes.door.queue(job).expect("there is room");
        let _ = begins.recv();
        hold
    }

    #[test]
    fn past_the_queue_a_job_is_refused_and_later_there_is_room_again() {
        let lanes = lanes(1);
        let under_way = occupy(&lanes);
        let (done, is_done) = channel();
        let waits: Job = Box::new(move |_| done.send(()).expect("the test listens"));
        lanes.door.queue(waits).expect("one may wait");
        assert!(lanes.door.queue(Box::new(|_| ())).is_err());
        drop(under_way);
        is_done.recv().expect("the one that waited is served");
        drop(occupy(&lanes));
    }

    #[test]
    fn the_threads_end_with_the_last_who_could_call_them() {
        let lanes = lanes(1);
        drop(occupy(&lanes));
        let queue = Arc::downgrade(&lanes.door.queue);
        drop(lanes.clone());
        assert!(queue.upgrade().is_some());
        drop(lanes);
        while queue.upgrade().is_some() {
            thread::yield_now();
        }
    }
}
