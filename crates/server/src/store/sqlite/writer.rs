//! One thread writes; everyone else queues. Whatever waits in the queue is committed as one
//! transaction, so the price of making a write durable is shared by all who came together, and
//! each caller is answered only after the commit that holds its write is on the disk.
//!
//! A job runs inside a savepoint of its own: one that fails is undone alone and never takes its
//! neighbours in the group with it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Instant;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::checkpoint::Overdue;
use crate::metrics::{Asked, StoreCounts};
use crate::store::StoreError;

/// How many writes one commit carries at most. A larger group would only make its first caller wait.
const GROUP: usize = 256;
/// How many writes may wait. Past it the store answers that it is overloaded instead of growing.
const QUEUE: usize = 4096;

/// The door to the writing thread; clones share it. The thread ends when the last clone is gone.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: SyncSender<Box<dyn Job>>,
    counts: Arc<StoreCounts>,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        overdue: Overdue,
        counts: Arc<StoreCounts>,
    ) -> Result<Self, StoreError> {
        let (queue, jobs) = sync_channel(QUEUE);
        let measured = Arc::clone(&counts);
        thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || run(&connection, &overdue, &jobs, &measured))
            .map_err(StoreError::unavailable)?;
        Ok(Self { queue, counts })
    }

    /// Runs `work` in the next group. Its answer arrives after the group is durable.
    pub(super) async fn write<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let began = Instant::now();
        let written = self.write_in_a_group(work).await;
        let failure = written.as_ref().err().map(StoreError::counted);
        self.counts.ended(Asked::Write, began, failure);
        written
    }

    async fn write_in_a_group<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(Write {
            work: Some(work),
            outcome: None,
            answer,
        });
        self.queue.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => StoreError::Overloaded,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}

fn run(
    connection: &Connection,
    overdue: &Overdue,
    jobs: &Receiver<Box<dyn Job>>,
    counts: &StoreCounts,
) {
    let mut group: Vec<Box<dyn Job>> = Vec::with_capacity(GROUP);
    while let Ok(first) = jobs.recv() {
        group.push(first);
        while group.len() < GROUP
            && let Ok(next) = jobs.try_recv()
        {
            group.push(next);
        }
        let began = Instant::now();
        let committed = commit(connection, &mut group);
        counts.commit.took(began.elapsed());
        counts.group.measure(group.len() as u64);
        for job in group.drain(..) {
            job.answer(committed.as_ref().copied().map_err(StoreError::again));
        }
        overdue.finish(connection);
    }
}

fn commit(connection: &Connection, group: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    statement(connection, "BEGIN IMMEDIATE")?;
    for job in group.iter_mut() {
        if let Err(error) = savepoint(connection, job.as_mut()) {
            // Nothing of a group without its savepoints may be kept. If the rollback fails as
            // well, the next `BEGIN` reports it.
            let _ = statement(connection, "ROLLBACK");
            return Err(error);
        }
    }
    statement(connection, "COMMIT").inspect_err(|_| {
        let _ = statement(connection, "ROLLBACK");
    })
}

fn savepoint(connection: &Connection, job: &mut dyn Job) -> Result<(), StoreError> {
    statement(connection, "SAVEPOINT job")?;
    if !job.run(connection) {
        statement(connection, "ROLLBACK TO job")?;
    }
    statement(connection, "RELEASE job")
}

fn statement(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

/// A queued write, whatever it answers with.
trait Job: Send {
    /// Does the work; false if it failed and must be undone.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Tells the caller, who may be gone by now.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Write<T, W> {
    work: Option<W>,
    outcome: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W> Job for Write<T, W>
where
    T: Send,
    W: FnOnce(&Connection) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        let outcome = self.work.take().map(|work| work(connection));
        let kept = matches!(outcome, Some(Ok(_)));
        self.outcome = outcome;
        kept
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let outcome = match (self.outcome, committed) {
            // A job that failed by itself says why, whatever became of the others.
            (Some(Err(error)), _) | (_, Err(error)) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(StoreError::Closed),
        };
        // The caller may have hung up; its write stands all the same.
        let _ = self.answer.send(outcome);
    }
}
