//! How many files and connections the system lets a server have open.
//!
//! A shell's limit is often 1,024, for the sake of old programs that cannot count further; the one it may be
//! raised to is far higher. A server raises it by itself, and says so at its start if that is not
//! enough: out of files, connections are left waiting, and the cause is in nobody's log but its own.

use crate::failure::Failure;
use crate::output;

/// What a server has open beside its connections: database, listener, what its threads wait for.
const OWN: u64 = 64;

/// Raises the limit as far as it goes, and warns if so many connections are still too many for it. `else_do`
/// is what can be done but for the system's limit.
pub(super) fn raise_for(connections: usize, else_do: &str) -> Result<(), Failure> {
    let Some(allowed) = raised() else {
        return Ok(());
    };
    let room = allowed.saturating_sub(OWN);
    if u64::try_from(connections).is_ok_and(|asked| asked <= room) {
        return Ok(());
    }
    output::warning(&format!(
        "the system allows this process {allowed} open files, enough for about {room} connections, and \
         there may be {connections}: raise it (LimitNOFILE in a systemd unit, ulimit -Hn in a shell)\
         {else_do}"
    ))
}

/// The limit that holds now; nothing if there is none.
#[cfg(unix)]
fn raised() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let soft = current?;
    if maximum == current {
        return current;
    }
    let whole = Rlimit {
        current: maximum,
        maximum,
    };
    let hard = maximum.map_or_else(|| "any number".to_owned(), |hard| hard.to_string());
    match setrlimit(Resource::Nofile, whole) {
        Ok(()) => tracing::debug!("open files: {hard} from now on, {soft} before"),
        Err(error) => {
            tracing::debug!(%error, "open files: still {soft}, though {hard} are allowed");
        }
    }
    getrlimit(Resource::Nofile).current
}

#[cfg(not(unix))]
fn raised() -> Option<u64> {
    None
}
