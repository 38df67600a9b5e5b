//! Work that is done to its end, even if nobody waits for it any more: whoever hangs up in the
//! middle must not leave half a story behind, a session ended in the database of which no guard was
//! told.
//!
//! As long as somebody waits it is done where they wait. A task of its own from the beginning would
//! be woken, and wake in turn, on threads that may have to be woken for it.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, TryFutureExt};
use tokio::runtime::Handle;

/// Work, wherever it is done.
pub(super) struct SeenThrough<T: 'static>(Option<BoxFuture<'static, Result<T, Panicked>>>);

/// The program has a fault, which ends the request and not the connection.
#[derive(Debug)]
pub(super) struct Panicked;

impl<T: Send + 'static> SeenThrough<T> {
    pub(super) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        // Nothing of the work is looked at again after a panic.
        let work = AssertUnwindSafe(work).catch_unwind();
        Self(Some(work.map_err(|_| Panicked).boxed()))
    }
}

impl<T> Future for SeenThrough<T> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(work) = &mut self.0 else {
            return Poll::Pending;
        };
        let done = work.as_mut().poll(cx);
        if done.is_ready() {
            self.0 = None;
        }
        done
    }
}

impl<T> Drop for SeenThrough<T> {
    fn drop(&mut self) {
        if let Some(work) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(work.map(drop));
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn work_is_done_to_its_end_though_nobody_waits_for_it() {
        let (go, may_go) = oneshot::channel::<()>();
        let (done, is_done) = oneshot::channel();
        let mut work = SeenThrough::new(async move {
            let _ = may_go.await;
            done.send("to its end")
        });
        assert!((&mut work).now_or_never().is_none(), "it is under way");
        drop(work);
        go.send(()).expect("it is still under way");
        assert_eq!(is_done.await, Ok("to its end"));
    }

    #[tokio::test]
    async fn a_fault_is_an_answer() {
        let work = async { panic!("a fault that this test wants") };
        assert!(SeenThrough::<()>::new(work).await.is_err());
    }
}
