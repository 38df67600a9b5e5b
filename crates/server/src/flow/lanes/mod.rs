//! Where passwords are hashed: a few threads with a short queue, and nowhere else.
//!
//! Argon2id costs milliseconds and megabytes on purpose. Run where requests run, a flood of logins
//! would take every core and, with a thread each, every byte. Here a flood meets a full queue and
//! is told to come back, while refreshes and guarded routes go on.
//!
//! ```text
//!   run ──> line ──> yielding lanes   a core that anybody else wants is given up at once
//!                └─> reserve          while nothing else is asked of the server,
//!                                     and when yielding lanes get no core at all
//! ```
//!
//! A lane keeps its memory from one hash to the next and gives it back when there is nothing to do.
//! A job belongs to its lane, not to the request: a client that hangs up does not free the lane
//! early. Why there are two kinds: `docs/decisions/0016-hashing-lanes.md`.

mod calm;
mod lane;
mod line;
mod priority;

use std::sync::{Arc, Mutex};
use std::time::Instant;
use std::{fmt, io, thread};

use countersign_issuer::{PasswordHash, PasswordHasher, PasswordParameters};
use tokio::sync::oneshot;

use self::calm::Calm;
pub(crate) use self::calm::OtherWork;
use self::lane::{Hasher, Kinds, Lane};
use self::line::{Crew, Job, Queue, Taker, lock};
use self::priority::{Watch, give_way, lower};
use crate::metrics::{Hashing, LanesStanding};

/// The hashing threads of one server; clones share them. The threads end when the last is gone.
#[derive(Clone, Debug)]
pub(crate) struct Lanes {
    door: Arc<Door>,
    kinds: Kinds,
    others: Arc<OtherWork>,
}

/// Why a password was not hashed.
#[derive(Debug)]
pub(crate) enum Unhashed {
    /// Every lane works and the queue is full.
    Busy,
    /// The hash function panicked.
    Failed,
}

impl Lanes {
    /// Starts `lanes` threads in front of which `waiting` jobs may queue.
    pub(crate) fn start(
        lanes: usize,
        waiting: usize,
        cost: PasswordParameters,
        counts: Arc<Hashing>,
    ) -> io::Result<Self> {
        Self::start_with(give_way, lanes, waiting, cost, counts)
    }

    fn start_with(
        give_way: fn() -> io::Result<Watch>,
        lanes: usize,
        waiting: usize,
        cost: PasswordParameters,
        counts: Arc<Hashing>,
    ) -> io::Result<Self> {
        let (others, kinds, lanes) = (Arc::default(), Kinds::default(), lanes.max(1));
        let queue = Arc::new(Queue::new(Calm::watch(&others, Instant::now())));
        for number in 0..lanes {
            let crew = if number < lanes.div_ceil(2) {
                Crew::Yielding
            } else {
                Crew::Reserve
            };
            let (queue, hasher) = (Arc::clone(&queue), Hasher::new(cost, &kinds));
            thread::Builder::new()
                .name(format!("hash-lane-{number}"))
                .spawn(move || {
                    let watch = match crew {
                        // Nobody could take over from the only one.
                        Crew::Yielding if lanes > 1 => yielding(number, give_way),
                        Crew::Yielding | Crew::Reserve => None,
                    };
                    // The reserve works while nobody else wants this server's cores, and when other
                    // programs do: it gets what any of them gets, or sign-ins would wait for all.
                    if crew == Crew::Yielding && watch.is_none() {
                        lower();
                    }
                    let taker = Taker {
                        crew,
                        number,
                        watch,
                    };
                    Lane::new(taker, queue, hasher).work();
                })?;
        }
        let door = Arc::new(Door {
            queue,
            lanes,
            waiting,
            counts,
        });
        Ok(Self {
            door,
            kinds,
            others,
        })
    }

    /// Is to be told of whatever is asked of the server and is no sign-in.
    pub(crate) fn others(&self) -> Arc<OtherWork> {
        Arc::clone(&self.others)
    }

    /// From now on refusals cost what checks of the costliest of these hashes cost, one of each
    /// function.
    pub(crate) fn pad_for(&self, kinds: Vec<PasswordHash>) {
        self.kinds.store(Arc::new(kinds));
    }

    /// How the lanes stand.
    pub(crate) fn standing(&self) -> LanesStanding {
        let line = self.door.queue.line();
        LanesStanding {
            lanes: self.door.lanes,
            busy: line.under_way(),
            waiting: line.waiting(),
            room: self.door.waiting,
        }
    }

    /// Runs `job` in a lane and waits for its answer. A job that its lane gets no core for may be
    /// begun again in another: the first answer counts.
    pub(crate) async fn run<T, J>(&self, job: J) -> Result<T, Unhashed>
    where
        T: Send + 'static,
        J: Fn(&mut PasswordHasher) -> T + Send + Sync + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let (answer, counts) = (Mutex::new(Some(answer)), Arc::clone(&self.door.counts));
        self.door.queue(Arc::new(move |hasher| {
            let began = Instant::now();
            let outcome = job(hasher);
            if let Some(answer) = lock(&answer).take() {
                counts.seconds.took(began.elapsed());
                // The caller may have hung up; the work is done all the same.
                let _ = answer.send(outcome);
            }
        }))?;
        answered.await.map_err(|_| Unhashed::Failed)
    }
}

/// Makes the calling thread give way. Where it cannot, it works all the same.
fn yielding(number: usize, give_way: fn() -> io::Result<Watch>) -> Option<Arc<Watch>> {
    give_way()
        .inspect_err(|error| {
            if number == 0 {
                tracing::info!(%error, "hashing threads cannot give way at once on this system: they have a low priority");
            }
        })
        .ok()
        .map(Arc::new)
}

/// What callers hold: jobs go in as long as there is room.
struct Door {
    queue: Arc<Queue>,
    lanes: usize,
    waiting: usize,
    counts: Arc<Hashing>,
}

impl Door {
    fn queue(&self, job: Job) -> Result<(), Unhashed> {
        let added = self.queue.add(job, self.waiting);
        added.inspect_err(|_| self.counts.refused.add())
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door")
            .field("lanes", &self.lanes)
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::priority::CoreTime;
    use super::*;

    fn lanes(lanes: usize, waiting: usize) -> Lanes {
        let cost = PasswordParameters::default();
        Lanes::start(lanes, waiting, cost, Arc::default()).expect("threads")
    }

    /// A job that, the first time it runs, lasts until what comes back first is dropped; what comes
    /// back second tells each time it begins.
    fn lasting() -> (Job, Sender<()>, Receiver<()>) {
        let (hold, until) = channel::<()>();
        let (begun, begins) = channel();
        let until = Mutex::new(Some(until));
        let job: Job = Arc::new(move |_| {
            let until = lock(&until).take();
            let _ = begun.send(());
            if let Some(until) = until {
                let _ = until.recv();
            }
        });
        (job, hold, begins)
    }

    /// A lane has something to do until what comes back is dropped.
    fn occupy(lanes: &Lanes) -> Sender<()> {
        let (job, hold, begins) = lasting();
        lanes.door.queue(job).expect("there is room");
        begins.recv().expect("it begins");
        hold
    }

    #[test]
    fn past_the_queue_a_job_is_refused_and_later_there_is_room_again() {
        let lanes = lanes(1, 1);
        let under_way = occupy(&lanes);
        let (done, is_done) = channel();
        let waits: Job = Arc::new(move |_| done.send(()).expect("the test listens"));
        lanes.door.queue(waits).expect("one may wait");
        assert!(lanes.door.queue(Arc::new(|_| ())).is_err());
        drop(under_way);
        is_done.recv().expect("the one that waited is served");
        drop(occupy(&lanes));
    }

    #[test]
    fn the_threads_end_with_the_last_who_could_call_them() {
        let lanes = lanes(2, 1);
        drop(occupy(&lanes));
        let queue = Arc::downgrade(&lanes.door.queue);
        drop(lanes.clone());
        assert!(queue.upgrade().is_some());
        drop(lanes);
        while queue.upgrade().is_some() {
            thread::yield_now();
        }
    }

    #[test]
    fn there_are_never_more_jobs_under_way_than_lanes() {
        let lanes = lanes(3, 1);
        let all = [occupy(&lanes), occupy(&lanes), occupy(&lanes)];
        let (job, hold, begins) = lasting();
        lanes.door.queue(job).expect("one may wait");
        assert!(lanes.door.queue(Arc::new(|_| ())).is_err());
        assert!(begins.try_recv().is_err());
        assert_eq!(lanes.standing().busy, 3);
        drop(hold);
        drop(all);
        begins.recv().expect("it was its turn");
    }

    #[test]
    fn once_others_have_gone_the_reserve_takes_what_waits() {
        let lanes = lanes(2, 1);
        (0..100).for_each(|_| lanes.others().came());
        let first = occupy(&lanes);
        let (job, hold, begins) = lasting();
        lanes.door.queue(job).expect("one may wait");
        begins
            .recv()
            .expect("nobody tells the reserve that it is calm");
        drop((first, hold));
    }

    #[test]
    fn a_job_whose_lane_gets_no_core_is_begun_again_in_another_one() {
        let never_gets_one = || {
            let began = Instant::now();
            let watch: Watch = Box::new(move || {
                let (ran, waited) = (Duration::ZERO, began.elapsed());
                Some(CoreTime { ran, waited })
            });
            Ok(watch)
        };
        let cost = PasswordParameters::default();
        let lanes = Lanes::start_with(never_gets_one, 2, 1, cost, Arc::default());
        let lanes = lanes.expect("threads");
        // The reserve has no turn of its own.
        (0..100).for_each(|_| lanes.others().came());
        let (job, hold, begins) = lasting();
        lanes.door.queue(job).expect("there is room");
        begins.recv().expect("it begins");
        begins.recv().expect("it begins again");
        // The lane is still held up, and sign-ins go on.
        drop(occupy(&lanes));
        drop(hold);
        assert!(begins.try_recv().is_err());
    }

    #[test]
    fn where_no_thread_can_give_way_the_lanes_work_all_the_same() {
        let refused = || Err(io::ErrorKind::PermissionDenied.into());
        let cost = PasswordParameters::default();
        let lanes = Lanes::start_with(refused, 2, 1, cost, Arc::default()).expect("threads");
        drop((occupy(&lanes), occupy(&lanes)));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_reserve_gets_as_much_of_a_core_as_any_other_program() {
        fn nice() -> i64 {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").expect("this thread");
            let (_, fields) = stat.rsplit_once(')').expect("a name");
            let nice = fields.split_whitespace().nth(16).expect("its priority");
            nice.parse().expect("a number")
        }
        let refused = || Err(io::ErrorKind::PermissionDenied.into());
        let cost = PasswordParameters::default();
        let lanes = Lanes::start_with(refused, 2, 2, cost, Arc::default()).expect("threads");
        let (told, tells) = channel();
        let both = Arc::new(std::sync::Barrier::new(2));
        for _ in 0..2 {
            let (told, both) = (told.clone(), Arc::clone(&both));
            let job: Job = Arc::new(move |_| {
                both.wait();
                let _ = told.send(nice());
            });
            lanes.door.queue(job).expect("there is room");
        }
        let mut lanes_nice = [(); 2].map(|()| tells.recv().expect("both work"));
        lanes_nice.sort_unstable();
        assert_eq!(lanes_nice, [nice(), (nice() + 10).min(19)]);
    }

    #[tokio::test]
    async fn a_lane_outlives_a_job_that_panics() {
        let lanes = lanes(1, 1);
        let outcome = lanes.run(|_| panic!("the hash function has a bug")).await;
        let outcome: Result<(), Unhashed> = outcome;
        assert!(matches!(outcome, Err(Unhashed::Failed)));
        assert_eq!(lanes.run(|_| 7).await.expect("the lane goes on"), 7);
    }

    #[tokio::test]
    async fn hanging_up_does_not_free_a_lane() {
        let lanes = lanes(1, 1);
        let (job, hold, begins) = lasting();
        let mut asked = Box::pin(lanes.run(move |hasher| job(hasher)));
        assert!((&mut asked).now_or_never().is_none());
        tokio::task::spawn_blocking(move || begins.recv())
            .await
            .expect("waited")
            .expect("it begins");
        drop(asked);
        assert_eq!(lanes.standing().busy, 1);
        lanes.door.queue(Arc::new(|_| ())).expect("one may wait");
        assert!(lanes.door.queue(Arc::new(|_| ())).is_err());
        drop(hold);
    }
}
