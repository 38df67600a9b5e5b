//! Load: callers that each have a connection, as fast as they are answered or at a given rate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::Failure;
use crate::http::{Answer, Connection};
use crate::stats::Times;

/// Someone who asks, and asks again with what came back.
pub trait Caller: Send + 'static {
    /// The next request.
    fn request(&mut self) -> Vec<u8>;

    /// What came of it.
    ///
    /// # Errors
    /// When the answer is not the one that the bench counts on: that ends the run.
    fn answered(&mut self, answer: Answer<'_>) -> Result<(), Failure>;
}

/// What was sent and answered within a run.
#[derive(Debug)]
pub struct Outcome {
    /// How long each took.
    pub times: Times,
    /// How long the run took.
    pub lasted: Duration,
}

impl Outcome {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
        let count = self.times.count() as f64;
        count / self.lasted.as_secs_f64()
    }
}

/// All `callers` at once, each asking again as soon as it is answered.
///
/// # Errors
/// The first of any caller.
pub async fn saturate<C: Caller>(
    to: SocketAddr,
    callers: Vec<C>,
    lasting: Duration,
) -> Result<(Outcome, Vec<C>), Failure> {
    let mut tasks = JoinSet::new();
    let mut connections = Vec::new();
    for _ in &callers {
        connections.push(Connection::open(to).await?);
    }
    let start = Instant::now();
    for (mut caller, mut connection) in callers.into_iter().zip(connections) {
        tasks.spawn(async move {
            let mut times = Times::default();
            while start.elapsed() < lasting {
                let request = caller.request();
                let asked = Instant::now();
                let answer = connection.send(&request).await?;
                times.add(asked.elapsed());
                caller.answered(answer)?;
            }
            Ok::<_, Failure>((caller, times))
        });
    }
    gather(start, tasks).await
}

/// `rate` requests a second in all, spread evenly over the callers, whatever the answers take. A
/// request that had to wait for the answer before it counts from when it was due.
///
/// # Errors
/// The first of any caller.
pub async fn offer<C: Caller>(
    to: SocketAddr,
    callers: Vec<C>,
    rate: f64,
    lasting: Duration,
) -> Result<(Outcome, Vec<C>), Failure> {
    let mut tasks = JoinSet::new();
    let mut connections = Vec::new();
    for _ in &callers {
        connections.push(Connection::open(to).await?);
    }
    let start = Instant::now();
    // Whoever is free takes the next one that is due, as a pool of connections would.
    let next = Arc::new(AtomicU32::new(0));
    for (mut caller, mut connection) in callers.into_iter().zip(connections) {
        let next = Arc::clone(&next);
        tasks.spawn(async move {
            let mut times = Times::default();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let due = Duration::from_secs_f64(f64::from(number) / rate);
                if due >= lasting {
                    return Ok::<_, Failure>((caller, times));
                }
                let late = start.elapsed().saturating_sub(due);
                let asked = if late.is_zero() {
                    tokio::time::sleep_until((start + due).into()).await;
                    // The timer of this program is coarse, which is not the server's doing.
                    Instant::now()
                } else {
                    start + due
                };
                let request = caller.request();
                let answer = connection.send(&request).await?;
                times.add(asked.elapsed());
                caller.answered(answer)?;
            }
        });
    }
    gather(start, tasks).await
}

async fn gather<C: Caller>(
    start: Instant,
    mut tasks: JoinSet<Result<(C, Times), Failure>>,
) -> Result<(Outcome, Vec<C>), Failure> {
    let (mut all, mut times) = (Vec::new(), Times::default());
    while let Some(ended) = tasks.join_next().await {
        let (caller, own) = ended??;
        all.push(caller);
        times.append(own);
    }
    let lasted = start.elapsed();
    Ok((Outcome { times, lasted }, all))
}
