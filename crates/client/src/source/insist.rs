//! The same request until there is an answer, the attempts are used up, or time is.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use crate::error::ClientError;

/// A flight asks at most this often.
const ATTEMPTS: u32 = 4;
/// The pause after the first failed attempt; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Asks again after trouble on the way. A refresh token may be presented again: the server answers one
/// that it has just replaced, within its grace, so a lost answer costs nothing.
pub(super) async fn insist<T, F, A>(
    origin: String,
    deadline: Instant,
    attempt: A,
) -> Result<T, ClientError>
where
    F: Future<Output = Result<T, ClientError>>,
    A: Fn() -> F,
{
    let mut last = ClientError::RenewalTimedOut { origin };
    let mut pause = FIRST_PAUSE;
    for _ in 0..ATTEMPTS {
        match timeout_at(deadline, attempt()).await {
            Ok(Err(error)) if error.is_temporary() => last = error,
            Ok(outcome) => return outcome,
            Err(_) => return Err(last),
        }
        let resume = Instant::now() + last.retry_after().unwrap_or(pause);
        if resume >= deadline {
            return Err(last);
        }
        sleep_until(resume).await;
        pause *= 2;
    }
    Err(last)
}
