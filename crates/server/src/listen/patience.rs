//! A connection that ends when nobody asks anything over it for too long.
//!
//! While a request is answered there is no deadline here: bodies and handlers have their own. In
//! between there is one, short from the first byte of a request's head until its last, longer while
//! nothing comes.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::limits::Limits;

/// The requests of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Asking(Arc<Count>);

/// One of them, until it has been answered to the end.
#[derive(Debug)]
pub(super) struct Asked(Arc<Count>);

#[derive(Debug, Default)]
struct Count {
    begun: AtomicUsize,
    ended: AtomicUsize,
    /// The connection, which looks at the time again when a request has ended.
    connection: AtomicWaker,
}

impl Asking {
    pub(super) fn begin(&self) -> Asked {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        Asked(Arc::clone(&self.0))
    }

    /// How many have been answered, unless one still is.
    fn idle_after(&self) -> Option<usize> {
        let ended = self.0.ended.load(Ordering::Acquire);
        (self.0.begun.load(Ordering::Relaxed) == ended).then_some(ended)
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Release);
        self.0.connection.wake();
    }
}

/// Whether requests follow one another, so that bytes in between begin the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// HTTP/1.1.
    OneByOne,
    /// HTTP/2: what comes in between may as well be a ping.
    Interleaved,
}

/// A stream with an eye on the time.
pub(super) struct Patient<I> {
    io: I,
    asking: Asking,
    framing: Framing,
    limits: Limits,
    deadline: Option<Pin<Box<Sleep>>>,
    /// The pause the deadline was set in: after so many requests.
    pause: usize,
    /// Whether the next request has begun to come.
    begun: bool,
}

impl<I> Patient<I> {
    pub(super) fn new(io: I, asking: Asking, framing: Framing, limits: Limits) -> Self {
        Self {
            io,
            asking,
            framing,
            deadline: Some(Box::pin(sleep_until(Instant::now() + limits.head))),
            limits,
            pause: 0,
            begun: true,
        }
    }

    /// Sets the deadline that holds now; whether it has passed.
    fn is_late(&mut self, some_came: bool, cx: &mut Context<'_>) -> bool {
        self.asking.0.connection.register(cx.waker());
        let Some(pause) = self.asking.idle_after() else {
            self.deadline = None;
            self.begun = false;
            return false;
        };
        if pause != self.pause {
            // Requests have come and gone without a look at the time.
            self.pause = pause;
            self.deadline = None;
            self.begun = false;
        }
        if some_came && !self.begun && self.framing == Framing::OneByOne {
            self.begun = true;
            self.within(self.limits.head);
        } else if self.deadline.is_none() {
            self.within(self.limits.idle);
        }
        let deadline = self.deadline.as_mut();
        deadline.is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready())
    }

    fn within(&mut self, time: Duration) {
        let until = Instant::now() + time;
        match &mut self.deadline {
            Some(deadline) => deadline.as_mut().reset(until),
            None => self.deadline = Some(Box::pin(sleep_until(until))),
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Patient<I> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = Pin::new(&mut this.io).poll_read(cx, buf);
        if this.is_late(buf.filled().len() > before, cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Patient<I> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
