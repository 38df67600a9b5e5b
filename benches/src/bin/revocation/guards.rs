//! Fifty guards that follow the issuer, and a thread that keeps asking them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use countersign::UnixTime;
use countersign_benches::Failure;
use countersign_benches::stats::Times;
use countersign_guard::Guard;

use crate::{Sessions, claim};

const GUARDS: usize = 50;
/// Far longer than it may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long after the answer each guard still let the token in, for so many ended sessions.
pub(crate) async fn measure(sessions: &mut Sessions, ends: usize) -> Result<Times, Failure> {
    let issuer = claim(&sessions.keeper, "iss")?;
    let audience = claim(&sessions.keeper, "aud")?;
    let mut guards = Vec::with_capacity(GUARDS);
    for _ in 0..GUARDS {
        guards.push(Guard::follow(issuer.as_str(), audience.as_str()).await?);
    }
    let guards: Arc<[Guard]> = guards.into();
    let mut times = Times::default();
    for end in 0..ends {
        let session = sessions.others.pop().ok_or("no session is left")?;
        let now = UnixTime::now();
        if guards
            .iter()
            .any(|guard| guard.check_token(&session.token, now).is_err())
        {
            return Err("a guard refused a good token".into());
        }
        let (asked, token) = (Arc::clone(&guards), session.token.clone());
        let watching = Arc::new(AtomicBool::new(false));
        let begun = Arc::clone(&watching);
        let watch = std::thread::spawn(move || refusals(&asked, &token, &begun));
        while !watching.load(Ordering::Acquire) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        sessions.end(&session).await?;
        let answered = Instant::now();
        let watched = tokio::task::spawn_blocking(move || watch.join()).await?;
        for refused in watched.map_err(|_| "the watching thread panicked")?? {
            times.add(refused.saturating_duration_since(answered));
        }
        if end % 50 == 0 {
            eprintln!("revocation: {end} of {ends} sessions have ended");
        }
    }
    Ok(times)
}

/// When each of them refused the token for the first time.
fn refusals(guards: &[Guard], token: &str, begun: &AtomicBool) -> Result<Vec<Instant>, Failure> {
    let start = Instant::now();
    let mut passing: Vec<&Guard> = guards.iter().collect();
    let mut refused = Vec::with_capacity(guards.len());
    while !passing.is_empty() {
        passing.retain(|guard| {
            let passes = guard.check_token(token, UnixTime::now()).is_ok();
            if !passes {
                refused.push(Instant::now());
            }
            passes
        });
        begun.store(true, Ordering::Release);
        if start.elapsed() > PATIENCE {
            return Err(format!("{} guards never heard of it", passing.len()).into());
        }
        std::thread::sleep(Duration::from_micros(100));
    }
    Ok(refused)
}
