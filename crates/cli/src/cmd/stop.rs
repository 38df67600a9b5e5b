//! How a command that goes on is told to end: Ctrl-C, or SIGTERM from a supervisor.

use std::io;

/// Listens from now on; the future is ready when the signal has come. Meanwhile neither signal ends
/// the process by itself.
#[cfg(unix)]
pub(super) fn signal() -> io::Result<impl Future<Output = io::Result<()>>> {
    use tokio::signal::unix::{SignalKind, signal};

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
