//! No log holds a secret: the proof over a whole run of the tests.
//!
//! A test starts programs by [`Keep`], calls [`listen`] before it starts a server or a guard in its own
//! process, and notes each secret that it uses: [`note`]. Logs, as talkative as a user may ask for, and secrets
//! go to the folder that `cargo xtask test` names in [`FOLDER`]; its last step has [`search`] look for
//! the one in the other, and demands a log of every file of tests that could have left one. Without
//! that variable, as when one test is run by hand, nothing is kept.
//!
//! ```text
//! FOLDER/logs/<package>.<tests>.<what>-<process>-<number>.log
//! FOLDER/secrets/<process>        a line each: its kind, a tab, the secret
//! ```
//!
//! Secrets of one test are good for nothing after it, so that they may lie in a file under `target/`.
//! This crate depends on none of ours: it must not learn from them what a secret looks like.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot keep its log proves nothing and must fail"
)]

mod kind;
mod program;
mod search;

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once, OnceLock, PoisonError};

use tracing_subscriber::filter::LevelFilter;

pub use kind::Kind;
pub use program::{Keep, Started};
pub use search::{Leak, Report, search};

/// The variable that names the folder of this run.
pub const FOLDER: &str = "COUNTERSIGN_TEST_LOGS";

/// Whether anything is kept: then servers are to be as talkative as they can.
pub fn keeps() -> bool {
    folder().is_some()
}

/// A new file for what `what` says, if anything is kept.
///
/// # Panics
/// If it cannot be made.
pub fn log(what: &str) -> Option<File> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let logs = folder()?.join("logs");
    fs::create_dir_all(&logs).expect("a folder for logs");
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("{}.{what}-{}-{number}.log", tests(), std::process::id());
    Some(appended_to(&logs.join(name)))
}

/// From now on all that this very process logs is kept, at every level.
///
/// # Panics
/// If it cannot be.
pub fn listen() {
    listen_to(LevelFilter::TRACE);
}

/// The same of what `serve` shows unless it is asked for more: for tests that measure, or that do
/// things a million times.
///
/// # Panics
/// If it cannot be.
pub fn listen_as_served() {
    listen_to(LevelFilter::INFO);
}

fn listen_to(level: LevelFilter) {
    static LISTENS: Once = Once::new();
    LISTENS.call_once(|| {
        let Some(file) = log("itself") else { return };
        let log = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_writer(Mutex::new(file));
        log.try_init().expect("nothing else listens");
    });
}

/// Notes a secret of this run, if anything is kept: the lines of it, for a key in PEM has several.
///
/// # Panics
/// If it cannot be.
pub fn note(kind: Kind, secret: &str) {
    static NOTES: OnceLock<Mutex<(File, HashSet<String>)>> = OnceLock::new();
    let Some(folder) = folder() else { return };
    let notes = NOTES.get_or_init(|| {
        let secrets = folder.join("secrets");
        fs::create_dir_all(&secrets).expect("a folder for secrets");
        let file = appended_to(&secrets.join(std::process::id().to_string()));
        Mutex::new((file, HashSet::new()))
    });
    let (file, known) = &mut *notes.lock().unwrap_or_else(PoisonError::into_inner);
    for line in secret.lines().filter(|line| !line.is_empty()) {
        if known.insert(line.to_owned()) {
            file.write_all(format!("{kind}\t{line}\n").as_bytes())
                .expect("a secret is noted");
        }
    }
}

/// The package and the file of tests that this process runs, as cargo has them.
fn tests() -> String {
    let package = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
    let program = std::env::current_exe().expect("a test knows where it is");
    let name = program.file_stem().unwrap_or_default().to_string_lossy();
    // Behind the last dash is cargo's own number of this build.
    let name = name.rsplit_once('-').map_or(&*name, |(name, _)| name);
    format!("{package}.{name}")
}

fn appended_to(path: &Path) -> File {
    let mut options = OpenOptions::new();
    let file = options.append(true).create(true).open(path);
    file.expect("a file beside the others")
}

fn folder() -> Option<&'static PathBuf> {
    static SAID: OnceLock<Option<PathBuf>> = OnceLock::new();
    SAID.get_or_init(|| std::env::var_os(FOLDER).map(PathBuf::from))
        .as_ref()
}
