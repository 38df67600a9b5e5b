//! A port for a server that must come back on the same one.

use std::fs::File;
use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range from which systems take ports for outgoing connections, so that none of those
/// takes ours while the server is down.
const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

static TAKEN: AtomicU16 = AtomicU16::new(0);
/// The locks of the ports that are this process's own, until it ends.
static OWN: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A port of 127.0.0.1 on which nobody listens, and which no other test is given.
///
/// # Panics
/// If there is none.
pub fn free() -> u16 {
    // Tests may run in processes of their own: each begins to look elsewhere.
    let start = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap_or(0);
    for _ in 0..COUNT {
        let step = TAKEN.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = FIRST + (start + step * 7) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && is_ours(port) {
            return port;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}

/// Between looking for a port and listening on it another test may look, too: so each is locked.
fn is_ours(port: u16) -> bool {
    let folder = std::env::temp_dir().join("countersign-test-ports");
    std::fs::create_dir_all(&folder).expect("a folder for the locks of ports");
    let lock = File::create(folder.join(port.to_string())).expect("a lock file");
    let is_ours = lock.try_lock().is_ok();
    if is_ours {
        OWN.lock().expect("nobody panicked here").push(lock);
    }
    is_ours
}
