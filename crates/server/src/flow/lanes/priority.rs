//! What the system is told of hashing threads: requests come first.
//!
//! A thread at low priority still makes others wait: one that wakes on its core gets it at the next
//! tick of the system's clock, milliseconds later, and a refresh is woken several times. A thread
//! at Linux's idle policy is interrupted at once. But it gets next to nothing of a core that
//! somebody else keeps busy, and cannot come back from that policy without privileges; so it is
//! watched, and nobody takes it who could not be.

use std::time::Duration;

#[cfg(target_os = "linux")]
pub(super) use self::linux::{give_way, lower};
#[cfg(not(target_os = "linux"))]
pub(super) use self::other::{give_way, lower};

/// How long a thread has had a core, and how long it has waited for one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CoreTime {
    pub(super) ran: Duration,
    pub(super) waited: Duration,
}

/// Says it of a thread, to any other.
pub(super) type Watch = Box<dyn Fn() -> Option<CoreTime> + Send + Sync>;

#[cfg(target_os = "linux")]
mod linux {
    use std::path::Path;
    use std::time::Duration;
    use std::{fs, io};

    use preempt_rt::sched::{Pid, Scheduler, SchedulerParams, set_scheduler};

    use super::{CoreTime, Watch};

    /// From now on the calling thread works when nobody else wants its core.
    pub(in super::super) fn give_way() -> io::Result<Watch> {
        let watch = watch()?;
        let none = SchedulerParams { priority: 0 };
        set_scheduler(Pid::current_thread(), Scheduler::SCHED_IDLE, none)
            .map_err(io::Error::other)?;
        Ok(watch)
    }

    /// The calling thread gets a smaller share of a busy core than others.
    pub(in super::super) fn lower() {
        // Where it may not the threads are still bounded.
        let _ = rustix::process::nice(10);
    }

    fn watch() -> io::Result<Watch> {
        let own = fs::read_link("/proc/thread-self")?;
        let path = Path::new("/proc").join(own).join("schedstat");
        let look = move || read(&fs::read_to_string(&path).ok()?);
        look().ok_or(io::ErrorKind::Unsupported)?;
        Ok(Box::new(look))
    }

    /// Reads `/proc/PID/task/TID/schedstat`: nanoseconds on a core, nanoseconds ready for one, and
    /// how often it got one (never, it says, where the system does not count).
    fn read(text: &str) -> Option<CoreTime> {
        let mut numbers = text.split_whitespace().map(|word| word.parse().ok());
        let mut next = || numbers.next().flatten();
        let (ran, waited, turns) = (next()?, next()?, next()?);
        (turns > 0).then_some(CoreTime {
            ran: Duration::from_nanos(ran),
            waited: Duration::from_nanos(waited),
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_thread_that_works_is_seen_to_work() {
            let watch = watch().expect("this system counts");
            let before = watch().expect("numbers");
            while watch().expect("numbers").ran <= before.ran {
                std::thread::yield_now();
            }
        }

        #[test]
        fn a_system_that_does_not_count_is_no_watch() {
            assert_eq!(read("0 0 0\n"), None);
            assert_eq!(read("12 x 1\n"), None);
            assert_eq!(read(""), None);
            let waited = Duration::from_nanos(34);
            let ran = Duration::from_nanos(12);
            assert_eq!(read("12 34 5\n"), Some(CoreTime { ran, waited }));
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::io;

    use super::Watch;

    pub(in super::super) fn give_way() -> io::Result<Watch> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Elsewhere a priority is the whole program's.
    pub(in super::super) fn lower() {}
}
