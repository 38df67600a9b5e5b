//! The jobs that wait and those under way, and whose turn it is.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use countersign_issuer::PasswordHasher;

use super::Unhashed;
use super::calm::Calm;
use super::priority::{CoreTime, Watch};

/// What a lane does; it may be done twice.
pub(super) type Job = Arc<dyn Fn(&mut PasswordHasher) + Send + Sync>;

/// A job that has not waited so long for a core is not held up.
const PATIENCE: Duration = Duration::from_millis(250);
/// And it is not, unless it has waited so many times as long as it ran.
const TIMES: u32 = 8;
/// How long yielding lanes leave all work to the reserve after one of them was held up.
const RELIEVED: Duration = Duration::from_secs(10);

/// What a lane is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crew {
    /// It gives its core up to anybody.
    Yielding,
    /// It works while nothing else is asked of the server, and when yielding lanes get no core.
    Reserve,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Everybodys,
    OnlyOf(Crew),
}

impl Turn {
    pub(super) fn is_of(self, crew: Crew) -> bool {
        self == Self::Everybodys || self == Self::OnlyOf(crew)
    }
}

/// Who takes a job.
pub(super) struct Taker {
    pub(super) crew: Crew,
    pub(super) number: usize,
    /// If it may be held up.
    pub(super) watch: Option<Arc<Watch>>,
}

pub(super) struct Queue {
    line: Mutex<Line>,
    yielding: Condvar,
    reserve: Condvar,
}

pub(super) struct Line {
    jobs: VecDeque<Job>,
    under_way: Vec<UnderWay>,
    /// How many lanes wait for a job.
    yielding_free: usize,
    reserve_free: usize,
    calm: Calm,
    relieved_until: Option<Instant>,
    pub(super) closed: bool,
}

struct UnderWay {
    lane: usize,
    job: Job,
    began: Instant,
    watched: Option<(Arc<Watch>, CoreTime)>,
}

impl Queue {
    pub(super) fn new(calm: Calm) -> Self {
        Self {
            line: Mutex::new(Line::new(calm)),
            yielding: Condvar::new(),
            reserve: Condvar::new(),
        }
    }

    pub(super) fn line(&self) -> MutexGuard<'_, Line> {
        lock(&self.line)
    }

    /// Puts a job in the line, unless more than `waiting` would have to wait.
    pub(super) fn add(&self, job: Job, waiting: usize) -> Result<(), Unhashed> {
        let mut line = self.line();
        // Whoever goes to a lane that is free does not wait.
        if line.jobs.len() >= waiting + line.free(Instant::now()) {
            return Err(Unhashed::Busy);
        }
        line.jobs.push_back(job);
        drop(line);
        self.yielding.notify_one();
        // It looks after those that are held up, even when it is not its turn.
        self.reserve.notify_one();
        Ok(())
    }

    pub(super) fn close(&self) {
        self.line().closed = true;
        self.yielding.notify_all();
        self.reserve.notify_all();
    }

    /// A lane lets go of the line until something has changed, or for this long.
    pub(super) fn wait<'a>(
        &'a self,
        crew: Crew,
        mut line: MutexGuard<'a, Line>,
        longest: Option<Duration>,
    ) -> MutexGuard<'a, Line> {
        let changed = match crew {
            Crew::Yielding => &self.yielding,
            Crew::Reserve => &self.reserve,
        };
        *line.free_of(crew) += 1;
        line = if let Some(longest) = longest {
            let woken = changed.wait_timeout(line, longest);
            woken.unwrap_or_else(PoisonError::into_inner).0
        } else {
            let woken = changed.wait(line);
            woken.unwrap_or_else(PoisonError::into_inner)
        };
        *line.free_of(crew) -= 1;
        line
    }
}

impl Line {
    fn new(calm: Calm) -> Self {
        Self {
            jobs: VecDeque::new(),
            under_way: Vec::new(),
            yielding_free: 0,
            reserve_free: 0,
            calm,
            relieved_until: None,
            closed: false,
        }
    }

    /// Whose turn it is to take jobs.
    pub(super) fn turn(&mut self, now: Instant) -> Turn {
        self.relieved_until = self.relieved_until.filter(|until| now < *until);
        // Looked at in any case: it sees the time that has passed since.
        let calm = self.calm.look(now);
        if self.relieved_until.is_some() {
            Turn::OnlyOf(Crew::Reserve)
        } else if calm {
            Turn::Everybodys
        } else {
            Turn::OnlyOf(Crew::Yielding)
        }
    }

    /// A job for this lane, if there is one and it is its turn: one that is held up elsewhere, or
    /// else the first that waits. It is under way from now on.
    pub(super) fn take(&mut self, taker: &Taker, now: Instant) -> Option<Job> {
        let held_up = match taker.crew {
            Crew::Yielding => None,
            Crew::Reserve => self.held_up(now),
        };
        let turn = self.turn(now);
        let job = match held_up {
            Some(job) => job,
            None if turn.is_of(taker.crew) => self.jobs.pop_front()?,
            None => return None,
        };
        let watch = taker.watch.as_ref();
        self.under_way.push(UnderWay {
            lane: taker.number,
            job: Arc::clone(&job),
            began: now,
            watched: watch.and_then(|watch| Some((Arc::clone(watch), watch()?))),
        });
        Some(job)
    }

    /// This lane has nothing under way any more.
    pub(super) fn end(&mut self, lane: usize) {
        self.under_way.retain(|job| job.lane != lane);
    }

    /// How many jobs wait.
    pub(super) fn waiting(&self) -> usize {
        self.jobs.len()
    }

    /// How many jobs lanes work on.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// A job that a lane gets no core for, each only once; from now on the reserve does the work.
    fn held_up(&mut self, now: Instant) -> Option<Job> {
        let held_up = |job: &&mut UnderWay| job.is_held_up(now);
        let found = self.under_way.iter_mut().find(held_up)?;
        found.watched = None;
        self.relieved_until = Some(now + RELIEVED);
        tracing::warn!("a hashing lane gets no core: another one takes over for a while");
        Some(Arc::clone(&found.job))
    }

    fn free(&mut self, now: Instant) -> usize {
        match self.turn(now) {
            Turn::Everybodys => self.yielding_free + self.reserve_free,
            Turn::OnlyOf(crew) => *self.free_of(crew),
        }
    }

    fn free_of(&mut self, crew: Crew) -> &mut usize {
        match crew {
            Crew::Yielding => &mut self.yielding_free,
            Crew::Reserve => &mut self.reserve_free,
        }
    }
}

impl UnderWay {
    fn is_held_up(&self, now: Instant) -> bool {
        let Some((watch, at_first)) = &self.watched else {
            return false;
        };
        now.saturating_duration_since(self.began) >= PATIENCE
            && watch().is_some_and(|now| {
                let waited = now.waited.saturating_sub(at_first.waited);
                let ran = now.ran.saturating_sub(at_first.ran);
                waited >= PATIENCE && waited > ran.saturating_mul(TIMES)
            })
    }
}

/// What a thread left that panicked is as good as ever: nothing here is changed in two steps.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::calm::OtherWork;
    use super::*;

    const RESERVE: Taker = Taker {
        crew: Crew::Reserve,
        number: 1,
        watch: None,
    };

    /// A line with one job, and when it all began.
    fn line(others: &Arc<OtherWork>) -> (Line, Instant) {
        let start = Instant::now();
        let mut line = Line::new(Calm::watch(others, start));
        line.jobs.push_back(Arc::new(|_| ()));
        (line, start)
    }

    /// A lane that says of itself how long it has run and waited.
    fn yielding() -> (Taker, Arc<Mutex<CoreTime>>) {
        let time = Arc::new(Mutex::new(CoreTime::default()));
        let said = Arc::clone(&time);
        let watch: Watch = Box::new(move || Some(*lock(&said)));
        let taker = Taker {
            crew: Crew::Yielding,
            number: 0,
            watch: Some(Arc::new(watch)),
        };
        (taker, time)
    }

    #[test]
    fn the_reserve_has_its_turn_while_nothing_else_is_asked() {
        let others = Arc::default();
        let (mut line, start) = line(&others);
        assert_eq!(line.turn(start), Turn::Everybodys);
        (0..100).for_each(|_| others.came());
        assert_eq!(line.turn(start), Turn::OnlyOf(Crew::Yielding));
        assert!(line.take(&RESERVE, start).is_none());
        assert!(line.take(&yielding().0, start).is_some());
    }

    #[test]
    fn what_a_lane_gets_no_core_for_is_done_again_once_and_the_lane_is_relieved_for_a_while() {
        let others = Arc::default();
        let (mut line, start) = line(&others);
        let (taker, time) = yielding();
        line.take(&taker, start).expect("a job");
        *lock(&time) = CoreTime {
            ran: PATIENCE / TIMES / 2,
            waited: PATIENCE,
        };
        let late = start + PATIENCE;
        assert!(line.take(&RESERVE, late).is_some());
        assert!(line.take(&RESERVE, late + PATIENCE).is_none(), "once");
        assert_eq!(line.turn(late), Turn::OnlyOf(Crew::Reserve));
        assert_eq!(line.turn(late + RELIEVED), Turn::Everybodys);
    }

    #[test]
    fn a_job_that_takes_long_because_it_is_long_is_not_held_up() {
        let others = Arc::default();
        let (mut line, start) = line(&others);
        let (taker, time) = yielding();
        line.take(&taker, start).expect("a job");
        *lock(&time) = CoreTime {
            ran: PATIENCE,
            waited: 2 * PATIENCE,
        };
        assert!(line.take(&RESERVE, start + 60 * PATIENCE).is_none());
        assert_eq!(line.turn(start), Turn::Everybodys);
    }
}
