//! What the server does on its own: feed its followers, follow the database and the TLS files, keep
//! the keys, sweep.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::flow::Authority;
use crate::tls::Certificates;

/// How often the database is asked whether another process has written to it: often enough that a
/// revocation crosses to every server process within 250 ms.
const FOLLOW: Duration = Duration::from_millis(150);
/// How often it is looked for endings that nobody goes on with.
const ENDINGS: Duration = Duration::from_secs(2);
/// How often the key ring is looked after.
const KEYS: Duration = Duration::from_secs(10);
/// How often rows that are over are removed, a few at a time.
const SWEEP: Duration = Duration::from_secs(30);
/// How many rows of a kind one step of the sweep removes at most.
const SWEEP_ROWS: u32 = 500;

/// Runs until it is dropped.
pub(crate) async fn run(authority: Arc<Authority>, tls: Option<Arc<Certificates>>) {
    let follow_files = async {
        if let Some(tls) = &tls {
            tls.follow().await;
        }
    };
    tokio::join!(
        authority.feed_followers(),
        follow_and_keep(&authority),
        sweep(&authority),
        finish_endings(&authority),
        follow_files
    );
}

async fn follow_and_keep(authority: &Authority) {
    let mut tick = interval(FOLLOW);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut keys = Instant::now() + KEYS;
    let (mut seen, mut following, mut writing) = (None, true, true);
    loop {
        let now = tick.tick().await;
        let followed = follow(authority, &mut seen).await;
        match (&followed, following) {
            // Once, and not several times a second for as long as it lasts.
            (Err(error), true) => {
                tracing::warn!(%error, "cannot follow the database; it will be tried again");
            }
            (Ok(()), false) => tracing::info!("following the database again"),
            _ => {}
        }
        following = followed.is_ok();
        let written = authority.write_failures(false).await;
        if let (Err(error), true) = (&written, writing) {
            tracing::warn!(%error, "cannot write down which clients were refused; it waits");
        }
        writing = written.is_ok();
        if now >= keys {
            keys = now + KEYS;
            // Should news ever have been missed, this is when they are found.
            if let Err(error) = authority.read_revocations().await {
                tracing::warn!(%error, "cannot read the revocations; it will be tried again");
            }
            if let Err(error) = authority.learn_longest_life().await {
                tracing::warn!(%error, "cannot read how long tokens live; it will be tried again");
            }
            authority.forget_clients();
            if let Err(error) = authority.keep_keys().await {
                tracing::error!(%error, "cannot look after the keys; it will be tried again");
            }
            if let Err(error) = authority.pad_refusals().await {
                tracing::warn!(%error, "cannot look at the password hashes; it will be tried again");
            }
        }
    }
}

/// Apart from whoever follows: what others have taken back must not wait for a database that is
/// slow to delete.
async fn sweep(authority: &Authority) {
    let mut pause = SWEEP;
    loop {
        sleep(pause).await;
        // More right away if there is more, but never so much at once that a request waits.
        let more = authority.sweep(SWEEP_ROWS).await;
        pause = if matches!(more, Ok(true)) {
            FOLLOW
        } else {
            SWEEP
        };
        if let Err(error) = more {
            tracing::warn!(%error, "cannot sweep; it will be tried again");
        }
    }
}

/// At once after a start: the process before this one may have been killed half way.
async fn finish_endings(authority: &Authority) {
    let mut tick = interval(ENDINGS);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        tick.tick().await;
        let finished = authority.finish_endings().await;
        if let (Err(error), false) = (&finished, failing) {
            tracing::warn!(%error, "cannot go on with an ending; it will be tried again");
        }
        failing = finished.is_err();
    }
}

async fn follow(
    authority: &Authority,
    seen: &mut Option<u64>,
) -> Result<(), crate::flow::FlowError> {
    let version = authority.foreign_writes().await?;
    if *seen != Some(version) {
        authority.forget_clients();
        authority.learn_longest_life().await?;
        // The keys first: the news of a withdrawal must not be signed by the withdrawn key. But what
        // is wrong with them must not hold back what ended.
        let kept = authority.keep_keys().await;
        authority.read_revocations().await?;
        kept?;
        *seen = Some(version);
    }
    Ok(())
}
