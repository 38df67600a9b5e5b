//! Whoever is woken while they are looked at are looked at again at once, where they are.
//!
//! A connection wakes itself several times in a request: the reader of a body wakes whoever reads
//! for it, what was read wakes the reader, an answer that was sent wakes whoever keeps the time. The
//! runtime would put such a task at the end of its queue and wake another thread to take it from
//! there, which takes longer than all of what the task has left to do.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// How often in a row. After that it is the others' turn.
const ROUNDS: usize = 4;

/// The work is being looked at.
const LOOKING: u8 = 1;
/// It was woken since somebody looked.
const RUNG: u8 = 2;

/// Work that is looked at again at once.
pub(super) struct AtOnce<F> {
    work: Pin<Box<F>>,
    bell: Arc<Bell>,
    waker: Waker,
}

/// What the work is woken by.
#[derive(Default)]
struct Bell {
    state: AtomicU8,
    /// Whoever looks, when they do not.
    outside: AtomicWaker,
}

impl<F> AtOnce<F> {
    pub(super) fn new(work: F) -> Self {
        let bell = Arc::<Bell>::default();
        Self {
            work: Box::pin(work),
            waker: Waker::from(Arc::clone(&bell)),
            bell,
        }
    }
}

impl<F: Future> Future for AtOnce<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let state = &this.bell.state;
        this.bell.outside.register(cx.waker());
        for _ in 0..ROUNDS {
            // Exchanged, not written: whatever was done before the bell was rung is seen now.
            state.swap(LOOKING, Ordering::AcqRel);
            let done = this
                .work
                .as_mut()
                .poll(&mut Context::from_waker(&this.waker));
            if done.is_ready() {
                return done;
            }
            let quiet = state.compare_exchange(LOOKING, 0, Ordering::AcqRel, Ordering::Acquire);
            if quiet.is_ok() {
                return Poll::Pending;
            }
        }
        state.swap(0, Ordering::AcqRel);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let before = self.state.fetch_or(RUNG, Ordering::AcqRel);
        if before & LOOKING == 0 {
            self.outside.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    /// How often somebody was woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn whoever_wakes_itself_is_looked_at_again_at_once() {
        let mut looks = 0;
        let mut work = AtOnce::new(poll_fn(|cx| {
            looks += 1;
            if looks == 3 {
                return Poll::Ready(looks);
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(Pin::new(&mut work).poll(&mut cx), Poll::Ready(3));
    }

    #[test]
    fn nobody_is_looked_at_for_ever() {
        let woken = Arc::<Woken>::default();
        let waker = Waker::from(Arc::clone(&woken));
        let mut looks = 0;
        let mut work = AtOnce::new(poll_fn(|cx| {
            looks += 1;
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        let looked = Pin::new(&mut work).poll(&mut Context::from_waker(&waker));
        assert!(looked.is_pending());
        drop(work);
        assert_eq!(looks, ROUNDS);
        assert_eq!(
            woken.0.load(Ordering::Relaxed),
            1,
            "the others have their turn"
        );
    }

    #[test]
    fn whoever_is_woken_later_wakes_whoever_looks() {
        let woken = Arc::<Woken>::default();
        let waker = Waker::from(Arc::clone(&woken));
        let mut kept = Waker::noop().clone();
        let mut work = AtOnce::new(poll_fn(|cx| {
            kept.clone_from(cx.waker());
            Poll::<()>::Pending
        }));
        let looked = Pin::new(&mut work).poll(&mut Context::from_waker(&waker));
        assert!(looked.is_pending());
        assert_eq!(woken.0.load(Ordering::Relaxed), 0);
        drop(work);
        kept.wake_by_ref();
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    }
}
