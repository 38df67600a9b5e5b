//! A file that may grow no further (`ulimit -f`, `LimitFSIZE` in a systemd unit) fails a write, as a full
//! disk does.
//!
//! The system's way is to end the process in the middle of the write: without a word, with what it was
//! making left behind.

use std::io;

/// That it is so, from now on. Whatever the process starts is ended as ever.
#[cfg(unix)]
pub(crate) fn fails_a_write() -> io::Result<()> {
    use rustix::process::Signal;
    use tokio::signal::unix::{SignalKind, signal};

    let listening = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let _inside = listening.enter();
    // That somebody once listened is enough.
    signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
}

#[cfg(not(unix))]
pub(crate) fn fails_a_write() -> io::Result<()> {
    Ok(())
}
