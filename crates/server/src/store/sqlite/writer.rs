//! One writes at a time; everyone else queues. Whatever waits in the queue is committed as one
//! transaction, so the price of making a write durable is shared by all who came together, and
//! each caller is answered only after the commit that holds its write is on the disk.
//!
//! The queue has a thread of its own. Whoever is alone in asking anything does not queue: to wake
//! another thread, and to be woken by it, would take as long again as the write. In company that
//! would be wrong. Nobody would be answered by a thread that waits for the disk, and writes would be
//! committed one by one.
//!
//! What a job does, and what becomes of it when it fails, is in `job`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Instant;

use rusqlite::Connection;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::oneshot;

use super::checkpoint::Overdue;
use super::job::{self, Alone, Job};
use super::lookout::Lookout;
use crate::company::Company;
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
    desk: Arc<Desk>,
}

/// Where writing is done.
#[derive(Debug)]
struct Desk {
    /// Whoever holds it writes.
    connection: Mutex<Connection>,
    /// How many are in the queue.
    waiting: AtomicUsize,
    lookout: OnceLock<Lookout>,
    overdue: Overdue,
    company: Arc<Company>,
    counts: Arc<StoreCounts>,
    /// Whether something could not be written, and nobody has seen since that something can.
    in_doubt: AtomicBool,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        overdue: Overdue,
        company: Arc<Company>,
        counts: Arc<StoreCounts>,
    ) -> Result<Self, StoreError> {
        let (queue, jobs) = sync_channel(QUEUE);
        let desk = Arc::new(Desk {
            connection: Mutex::new(connection),
            waiting: AtomicUsize::new(0),
            lookout: OnceLock::new(),
            overdue,
            company,
            counts,
            in_doubt: AtomicBool::new(false),
        });
        let queued = Arc::clone(&desk);
        thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || queued.serve(&jobs))
            .map_err(StoreError::unavailable)?;
        Ok(Self { queue, desk })
    }

    /// Runs `work` alone or in the next group. Its answer arrives after it is durable.
    pub(super) async fn write<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let began = Instant::now();
        let written = match self.desk.write_alone(work, began) {
            Ok(written) => written,
            Err(work) => self.write_in_a_group(work).await,
        };
        if matches!(written, Err(StoreError::Unavailable(_))) {
            self.desk.in_doubt.store(true, Ordering::Relaxed);
        }
        let failure = written.as_ref().err().map(StoreError::counted);
        self.desk.counts.ended(Asked::Write, began, failure);
        written
    }

    async fn write_in_a_group<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.line_up(job::queued(work, answer))?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    fn line_up(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        self.desk.waiting.fetch_add(1, Ordering::Relaxed);
        self.queue.try_send(job).map_err(|refused| {
            self.desk.waiting.fetch_sub(1, Ordering::Relaxed);
            match refused {
                TrySendError::Full(_) => StoreError::Overloaded,
                TrySendError::Disconnected(_) => StoreError::Closed,
            }
        })
    }

    /// Whether something can be written, tried out if something could not.
    pub(super) async fn works(&self) -> Result<(), StoreError> {
        if self.desk.in_doubt.load(Ordering::Relaxed) {
            self.write(job::try_out)
                .await
                .map_err(|error| match error {
                    StoreError::Unavailable(why) => StoreError::Unwritable(why),
                    other => other,
                })?;
            self.desk.in_doubt.store(false, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Desk {
    /// Does this work and commits it alone, on the caller's thread, if nobody else asks, writes or
    /// waits; or gives it back.
    fn write_alone<T, W>(&self, work: W, now: Instant) -> Result<Result<T, StoreError>, W>
    where
        W: FnOnce(&Connection) -> Result<T, StoreError>,
    {
        let busy = self.waiting.load(Ordering::Relaxed) > 0 || self.overdue.is_due();
        if busy || !self.company.is_alone(now) {
            return Err(work);
        }
        let Some(lookout) = self.lookout() else {
            return Err(work);
        };
        let Ok(connection) = self.connection.try_lock() else {
            return Err(work);
        };
        let began = Instant::now();
        let written = lookout.over(|| match job::alone(&connection, work) {
            Alone::Ended(written) => Ok(written),
            // Another process writes, and may do so for a while.
            Alone::NotNow(work) => Err(work),
        })?;
        self.counts.commit.took(began.elapsed());
        self.counts.group.measure(1);
        Ok(written)
    }

    /// None where there is nobody to do this thread's other work while it waits for the disk.
    fn lookout(&self) -> Option<&Lookout> {
        let runtime = Handle::try_current().ok()?;
        let several = runtime.runtime_flavor() == RuntimeFlavor::MultiThread
            && runtime.metrics().num_workers() > 1;
        if !several {
            return None;
        }
        if self.lookout.get().is_none() {
            let lookout = Lookout::start(runtime).ok()?;
            // Somebody else may have been faster; theirs is as good.
            let _ = self.lookout.set(lookout);
        }
        self.lookout.get()
    }

    /// Commits what is in the queue, until nobody is left who could put something there.
    fn serve(&self, jobs: &Receiver<Box<dyn Job>>) {
        while let Ok(first) = jobs.recv() {
            // A fault in here fails one group. A server without a writer would be up and of no use.
            let done = catch_unwind(AssertUnwindSafe(|| self.write_group(first, jobs)));
            if done.is_err() {
                tracing::error!("a fault ended a group of writes");
            }
        }
    }

    fn write_group(&self, first: Box<dyn Job>, jobs: &Receiver<Box<dyn Job>>) {
        // What a fault may have left behind is undone when the next transaction begins.
        let connection = self.connection.lock();
        let connection = connection.unwrap_or_else(PoisonError::into_inner);
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(next) = jobs.try_recv()
        {
            group.push(next);
        }
        self.waiting.fetch_sub(group.len(), Ordering::Relaxed);
        let began = Instant::now();
        let committed = job::together(&connection, &mut group);
        self.counts.commit.took(began.elapsed());
        self.counts.group.measure(group.len() as u64);
        for job in group {
            job.answer(committed.as_ref().copied().map_err(StoreError::again));
        }
        self.overdue.finish(&connection);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{TryRecvError, channel};
    use std::time::Duration;

    use tokio::runtime::Builder;

    use super::*;

    const WRITER: &str = "store-writer";

    fn writer() -> Writer {
        writer_for(Arc::default())
    }

    fn writer_for(company: Arc<Company>) -> Writer {
        let connection = Connection::open_in_memory().expect("a database");
        connection
            .execute_batch(
                "CREATE TABLE rows (number INTEGER PRIMARY KEY);
                 CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER)",
            )
            .expect("tables");
        Writer::start(connection, Overdue::default(), company, Arc::default()).expect("a thread")
    }

    /// The name of the thread that did it.
    async fn add(writer: &Writer, number: i64) -> Result<String, StoreError> {
        let add = move |db: &Connection| {
            db.execute("INSERT INTO rows VALUES (?1)", [number])?;
            Ok(thread::current().name().unwrap_or_default().to_owned())
        };
        writer.write(add).await
    }

    async fn count(writer: &Writer) -> i64 {
        let count =
            |db: &Connection| Ok(db.query_row("SELECT count(*) FROM rows", [], |row| row.get(0))?);
        writer.write(count).await.expect("a count")
    }

    fn panics(db: &Connection) -> Result<(), StoreError> {
        db.execute("INSERT INTO rows VALUES (7)", [])?;
        panic!("a fault that this test wants");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn whoever_comes_alone_writes_and_whoever_comes_meanwhile_queues() {
        let writer = writer();
        assert_ne!(add(&writer, 1).await.expect("written"), WRITER);
        let ((begun, begins), (let_go, until)) = (channel::<()>(), channel::<()>());
        let first = {
            let writer = writer.clone();
            tokio::spawn(async move {
                let held = move |_: &Connection| {
                    drop(begun);
                    let _ = until.recv();
                    Ok(())
                };
                writer.write(held).await
            })
        };
        let _ = begins.recv();
        let meanwhile = [2, 3].map(|number| {
            let writer = writer.clone();
            tokio::spawn(async move { add(&writer, number).await })
        });
        while writer.desk.waiting.load(Ordering::Relaxed) < 2 {
            tokio::task::yield_now().await;
        }
        drop(let_go);
        first.await.expect("no panic").expect("written");
        for one in meanwhile {
            let by = one.await.expect("no panic").expect("written");
            assert_eq!(by, WRITER);
        }
        assert_eq!(count(&writer).await, 3);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn whoever_asks_alone_writes_and_whoever_asks_beside_others_queues() {
        let company = Arc::<Company>::default();
        let writer = writer_for(Arc::clone(&company));
        let (one, other) = (company.asker(), company.asker());
        // That they ask has been heard for as long as this test may take.
        let later = Instant::now() + Duration::from_secs(3600);
        one.asks(later);
        assert_ne!(add(&writer, 1).await.expect("written"), WRITER);
        other.asks(later);
        assert_eq!(add(&writer, 2).await.expect("written"), WRITER);
        assert_eq!(count(&writer).await, 2);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_lone_write_that_fails_is_undone() {
        let writer = writer();
        let fails = |db: &Connection| {
            db.execute("INSERT INTO rows VALUES (7)", [])?;
            Err::<(), _>(StoreError::Closed)
        };
        assert!(writer.write(fails).await.is_err());
        assert_eq!(count(&writer).await, 0);
        add(&writer, 1).await.expect("the next one is written");
    }

    #[tokio::test]
    async fn where_all_work_has_one_thread_it_never_waits_for_the_disk() {
        let writer = writer();
        assert_eq!(add(&writer, 1).await.expect("written"), WRITER);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_lone_write_that_panics_fails_and_is_undone() {
        let writer = writer();
        let failed = writer.write(panics).await;
        assert!(matches!(failed, Err(StoreError::Fault)), "{failed:?}");
        assert_ne!(add(&writer, 1).await.expect("written"), WRITER);
        assert_eq!(count(&writer).await, 1);
    }

    #[tokio::test]
    async fn a_queued_write_that_panics_fails_alone() {
        let writer = writer();
        let ((begun, begins), (let_go, until)) = (channel::<()>(), channel::<()>());
        let first = {
            let writer = writer.clone();
            tokio::spawn(async move {
                let held = move |_: &Connection| {
                    drop(begun);
                    let _ = until.recv();
                    Ok(())
                };
                writer.write(held).await
            })
        };
        while begins.try_recv() != Err(TryRecvError::Disconnected) {
            tokio::task::yield_now().await;
        }
        // The writing thread is in the first; the others are one group after it.
        let (failed, other, ()) = tokio::join!(writer.write(panics), add(&writer, 1), async {
            assert_eq!(writer.desk.waiting.load(Ordering::Relaxed), 2);
            drop(let_go);
        });
        first.await.expect("no panic").expect("written");
        assert!(matches!(failed, Err(StoreError::Fault)), "{failed:?}");
        other.expect("its neighbour is written");
        assert_eq!(count(&writer).await, 1);
    }

    #[tokio::test]
    async fn what_somebody_left_open_is_undone() {
        let writer = writer();
        {
            let connection = writer.desk.connection.lock().expect("nobody panicked");
            connection
                .execute_batch("BEGIN; INSERT INTO rows VALUES (7)")
                .expect("begun");
        }
        add(&writer, 1).await.expect("written");
        assert_eq!(count(&writer).await, 1);
    }

    #[tokio::test]
    async fn after_a_failure_it_is_in_doubt_until_something_with_room_of_its_own_is_written() {
        let writer = writer();
        let pages = |count: &'static str| {
            writer
                .write(move |db| Ok(db.execute_batch(&format!("PRAGMA max_page_count = {count}"))?))
        };
        writer.works().await.expect("nothing has failed");
        pages("1").await.expect("no more than it has");
        let large = |db: &Connection| {
            db.execute("INSERT INTO facts VALUES (hex(zeroblob(9000)), 1)", [])?;
            Ok(())
        };
        assert!(writer.write(large).await.is_err());
        add(&writer, 1)
            .await
            .expect("there is room for little things");
        for _ in 0..2 {
            let full = writer.works().await.expect_err("it is full");
            assert_eq!(
                full.to_string(),
                "the database cannot be written: database or disk is full"
            );
        }
        pages("1000").await.expect("room");
        writer.works().await.expect("there is room again");
        assert!(!writer.desk.in_doubt.load(Ordering::Relaxed));
    }

    #[test]
    fn a_commit_that_takes_long_keeps_nobody_from_being_heard() {
        // Two threads: one waits for the disk, and must not be the only one that listens.
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let writer = writer();
        let (let_go, until) = channel::<()>();
        let (address, task) = runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
            let listener = listener.expect("a socket");
            let address = listener.local_addr().expect("an address");
            let task = tokio::spawn(async move {
                let _ = listener.accept().await;
                // Both threads have had nothing to do for a while, or this one has just listened.
                let held = move |_: &Connection| {
                    let _ = until.recv();
                    Ok(())
                };
                let slow = tokio::spawn(async move { writer.write(held).await });
                let _ = listener.accept().await;
                drop(let_go);
                slow.await
            });
            (address, task)
        });
        let _first = std::net::TcpStream::connect(address).expect("a connection");
        thread::sleep(Duration::from_millis(20));
        let _second = std::net::TcpStream::connect(address).expect("a connection");
        let written =
            runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), task).await });
        let written = written.expect("heard while somebody writes");
        written
            .expect("no panic")
            .expect("no panic")
            .expect("written");
    }
}
