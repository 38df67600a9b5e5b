//! How a command that goes on is told to end: Ctrl-C, or SIGTERM from a supervisor. And that nothing
//! else ends it: a file that may grow no further (`ulimit -f`) fails a write, as a full disk does.

use std::io;

/// Listens from now on; the future is ready when the signal has come. Meanwhile neither signal ends
/// the process by itself, nor does the one for a file that has reached its limit.
#[cfg(unix)]
pub(super) fn signal() -> io::Result<impl Future<Output = io::Result<()>>> {
    use rustix::process::Signal;
    use tokio::signal::unix::{SignalKind, signal};

    // That somebody once listened is enough.
    drop(signal(SignalKind::from_raw(Signal::XFSZ.as_raw()))?);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => Ok(()),
            _ = terminate.recv() => Ok(()),
        }
    })
}

#[cfg(not(unix))]
pub(super) fn signal() -> io::Result<impl Future<Output = io::Result<()>>> {
    Ok(tokio::signal::ctrl_c())
}
