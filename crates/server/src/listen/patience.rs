//! A connection that ends when nobody asks anything over it for too long, or does not take the
//! answers.
//!
//! While a request is answered there is no deadline for the next one: bodies and handlers have their
//! own. In between there is one, short from the first byte of a request's head until its last, longer
//! while nothing comes. And whenever something waits to be sent, the other end has to take some of it
//! before long.
//!
//! The connection has one alarm. It is set anew only when it would go off too late, and what is due
//! is looked at when it does, so that a request costs a look at the clock and no more.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::limits::Limits;

/// The requests of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Asking(Arc<Count>);

/// One of them, until it has been answered to the end.
#[derive(Debug)]
pub(super) struct Asked {
    count: Arc<Count>,
    /// Whether a piece of the answer has been handed over, and no other asked for yet.
    owed: bool,
}

#[derive(Debug, Default)]
struct Count {
    begun: AtomicUsize,
    ended: AtomicUsize,
    /// Answers of which a piece waits to be sent.
    owed: AtomicUsize,
    /// Pieces that were sent.
    taken: AtomicUsize,
    /// The connection, which looks at the time again when a request has ended.
    connection: AtomicWaker,
}

impl Asking {
    pub(super) fn begin(&self) -> Asked {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        Asked {
            count: Arc::clone(&self.0),
            owed: false,
        }
    }

    /// Whether none is being answered.
    pub(super) fn is_idle(&self) -> bool {
        self.idle_after().is_some()
    }

    /// How many have been answered, unless one still is.
    fn idle_after(&self) -> Option<usize> {
        let ended = self.0.ended.load(Ordering::Acquire);
        (self.0.begun.load(Ordering::Relaxed) == ended).then_some(ended)
    }
}

impl Asked {
    /// Whoever sends the answer asks for its next piece, so the one before is on its way. `handed`
    /// says whether there is one.
    pub(super) fn sent(&mut self, handed: bool) {
        match (self.owed, handed) {
            (false, true) => drop(self.count.owed.fetch_add(1, Ordering::Relaxed)),
            (true, false) => drop(self.count.owed.fetch_sub(1, Ordering::Relaxed)),
            (true, true) | (false, false) => {}
        }
        if self.owed {
            self.count.taken.fetch_add(1, Ordering::Relaxed);
        }
        self.owed = handed;
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.sent(false);
        self.count.ended.fetch_add(1, Ordering::Release);
        self.count.connection.wake();
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
    alarm: Pin<Box<Sleep>>,
    /// When the next request, or the rest of its head, must have come.
    due: Option<Instant>,
    /// The pause that was set in: after so many requests.
    pause: usize,
    /// Whether the next request has begun to come.
    begun: bool,
    /// Whether the last write had to wait.
    blocked: bool,
    /// How often something was written.
    written: usize,
    stuck: Option<Stuck>,
}

/// Nothing is taken.
#[derive(Clone, Copy)]
struct Stuck {
    /// What had been taken until then.
    after: usize,
    until: Instant,
}

impl<I> Patient<I> {
    pub(super) fn new(io: I, asking: Asking, framing: Framing, limits: Limits) -> Self {
        let due = Instant::now() + limits.head;
        Self {
            io,
            asking,
            framing,
            limits,
            alarm: Box::pin(sleep_until(due)),
            due: Some(due),
            pause: 0,
            begun: true,
            blocked: false,
            written: 0,
            stuck: None,
        }
    }

    /// Whether a deadline has passed; otherwise the connection is looked at again before one does.
    fn is_late(&mut self, some_came: bool, cx: &mut Context<'_>) -> bool {
        self.asking.0.connection.register(cx.waker());
        let now = Instant::now();
        self.expect_request(some_came, now);
        self.expect_taken(now);
        let stuck = self.stuck.map(|stuck| stuck.until);
        // Where nothing is due now, answers may begin to wait without this connection hearing of it.
        let next = self.due.into_iter().chain(stuck).min();
        let next = next.unwrap_or(now + self.limits.stalled);
        if next <= now {
            return true;
        }
        let alarm = self.alarm.deadline();
        if alarm > next || alarm <= now {
            self.alarm.as_mut().reset(next);
        }
        if self.alarm.as_mut().poll(cx).is_ready() {
            // Just now: look again.
            cx.waker().wake_by_ref();
        }
        false
    }

    fn expect_request(&mut self, some_came: bool, now: Instant) {
        let pause = self.asking.idle_after().filter(|_| !self.blocked);
        let Some(pause) = pause else {
            self.due = None;
            self.begun = false;
            return;
        };
        if pause != self.pause {
            // Requests have come and gone without a look at the time.
            self.pause = pause;
            self.due = None;
            self.begun = false;
        }
        if some_came && !self.begun && self.framing == Framing::OneByOne {
            self.begun = true;
            self.due = Some(now + self.limits.head);
        } else if self.due.is_none() {
            self.due = Some(now + self.limits.idle);
        }
    }

    fn expect_taken(&mut self, now: Instant) {
        if !self.blocked && self.asking.0.owed.load(Ordering::Relaxed) == 0 {
            self.stuck = None;
            return;
        }
        let taken = self.asking.0.taken.load(Ordering::Relaxed);
        let after = match self.framing {
            // What is written there may be pings, while the answers wait to be let through.
            Framing::Interleaved if !self.blocked => taken,
            _ => taken.wrapping_add(self.written),
        };
        if self.stuck.is_none_or(|stuck| stuck.after != after) {
            let until = now + self.limits.stalled;
            self.stuck = Some(Stuck { after, until });
        }
    }

    /// What came of writing: an error instead of waiting any longer.
    fn wrote<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        self.blocked = written.is_pending();
        if self.blocked && self.is_late(false, cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        self.written = self.written.wrapping_add(usize::from(!self.blocked));
        written
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
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write(cx, buf);
        this.wrote(written, cx)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.io).poll_flush(cx);
        this.wrote(flushed, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.io).poll_shutdown(cx);
        this.wrote(shut, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write_vectored(cx, bufs);
        this.wrote(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
