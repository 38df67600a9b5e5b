//! Connections, and the two ways to use one: a single statement, or a transaction of a few.
//!
//! Nobody waits for long. A connection must come up, answer and be free within a few seconds, or the
//! caller is told that the database does not answer; whatever kept silent is thrown away, so the next
//! caller starts on a fresh connection. Nothing is remembered of a failure: the database is back when
//! it answers.
//!
//! What another transaction got in the way of (a serialization failure, a deadlock) has changed
//! nothing and is tried again, a bounded number of times.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use deadpool_postgres::{
    Client, ClientWrapper, Connect, Manager, ManagerConfig, Object, PoolError, RecyclingMethod,
    Runtime, TimeoutType, Transaction,
};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, NoTls, Row, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::Address;
use super::failure::{Failure, Next, text_of};
use crate::metrics::{Asked, StoreCounts};
use crate::store::StoreError;

/// How long a verb may wait for a free connection. Past it the store says that it is overloaded.
const WAIT: Duration = Duration::from_secs(2);
/// How long a connection may take to come up, over all its hosts.
const CREATE: Duration = Duration::from_secs(4);
/// How long a statement or a transaction may take, seen from here.
const ANSWER: Duration = Duration::from_secs(5);
/// How often a statement is tried that others get in the way of.
const ATTEMPTS: u32 = 6;

/// What every connection is told first. The database gives up on a statement before we do, so that
/// nothing runs on for a caller who has been told that it failed. A transaction ends with the
/// connection that forgot it. An answer leaves only after its write is durable, whatever the default
/// of this database is.
const PREPARE: &str = "SET search_path TO countersign;
    SET statement_timeout TO '4s';
    SET idle_in_transaction_session_timeout TO '10s';
    SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit', true) = 'off'";

/// What is handed to a statement.
pub(super) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A few connections that all tasks share.
pub(super) struct Pool {
    connections: deadpool_postgres::Pool,
    counts: StoreCounts,
}

impl Pool {
    /// Connections to this address, made when they are needed.
    pub(super) fn new(address: Address) -> Result<Self, StoreError> {
        // Whether a connection was lost is known without asking; anything else shows when it is used.
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let dial = Dial { tls: address.tls };
        let manager = Manager::from_connect(address.config, dial, recycling);
        let connections = deadpool_postgres::Pool::builder(manager)
            .max_size(address.connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(CREATE))
            .recycle_timeout(Some(WAIT))
            .build()
            .map_err(StoreError::unavailable)?;
        Ok(Self {
            connections,
            counts: StoreCounts::default(),
        })
    }

    /// What was measured of all that was asked.
    pub(super) const fn counts(&self) -> &StoreCounts {
        &self.counts
    }

    /// Runs one statement, prepared once per connection: one round trip.
    pub(super) async fn query(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        let began = Instant::now();
        let rows = self.ask(sql, parameters).await;
        let failure = rows.as_ref().err().map(StoreError::counted);
        self.counts.ended(asked_for(sql), began, failure);
        rows
    }

    async fn ask(&self, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, StoreError> {
        let mut attempts = Attempts::default();
        loop {
            let connection = self.connection().await?;
            let asked = timeout(ANSWER, async {
                let statement = connection.prepare_cached(sql).await?;
                connection.query(&statement, parameters).await
            });
            let outcome = match asked.await {
                Ok(outcome) => outcome.map_err(Failure::from),
                Err(_) => Err(Failure::silent()),
            };
            if let Some(rows) = attempts.settle(connection, outcome).await? {
                return Ok(rows);
            }
        }
    }

    /// Runs one statement that answers one row.
    pub(super) async fn query_one(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<Row, StoreError> {
        let rows = self.query(sql, parameters).await?;
        rows.into_iter().next().ok_or(StoreError::Corrupt {
            place: "an answer",
            detail: "it has no row".to_owned(),
        })
    }

    /// Runs one statement that answers at most one row.
    pub(super) async fn query_opt(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, parameters).await?.into_iter().next())
    }

    /// Runs a transaction, from its beginning again when others got in its way.
    pub(super) async fn transact<W: Work>(&self, work: &W) -> Result<W::Answer, StoreError> {
        let began = Instant::now();
        let answer = self.settled(work).await;
        let failure = answer.as_ref().err().map(StoreError::counted);
        self.counts.ended(Asked::Write, began, failure);
        answer
    }

    async fn settled<W: Work>(&self, work: &W) -> Result<W::Answer, StoreError> {
        let mut attempts = Attempts::default();
        loop {
            let mut connection = self.connection().await?;
            let outcome = match timeout(ANSWER, attempt(&mut connection, work)).await {
                Ok(outcome) => outcome.map_err(Failure::from),
                Err(_) => Err(Failure::silent()),
            };
            if let Some(answer) = attempts.settle(connection, outcome).await? {
                return Ok(answer);
            }
        }
    }

    /// A connection of one's own for a while, without limits on what it is used for.
    pub(super) async fn connection(&self) -> Result<Client, StoreError> {
        self.connections.get().await.map_err(|error| match error {
            PoolError::Timeout(TimeoutType::Wait) => StoreError::Overloaded,
            PoolError::Timeout(_) => {
                StoreError::unavailable(format_args!("no connection within {} s", CREATE.as_secs()))
            }
            PoolError::Backend(error) => StoreError::unavailable(text_of(&error)),
            PoolError::Closed => StoreError::Closed,
            PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
                StoreError::unavailable("the connection pool is set up wrong")
            }
        })
    }

    pub(super) fn close(&self) {
        self.connections.close();
    }
}

/// What a statement is for: our own, so that its words can be relied on.
fn asked_for(sql: &str) -> Asked {
    let changes = ["INSERT ", "UPDATE ", "DELETE "];
    if sql.trim_start().starts_with("SELECT") || !changes.iter().any(|word| sql.contains(word)) {
        Asked::Read
    } else {
        Asked::Write
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("status", &self.connections.status())
            .finish_non_exhaustive()
    }
}

/// Something that takes several statements and must happen together.
pub(super) trait Work: Sync {
    /// What comes of it.
    type Answer: Send;

    /// Does it. It may be begun several times, each time anew.
    fn run(
        &self,
        db: &Transaction<'_>,
    ) -> impl Future<Output = Result<(Finish, Self::Answer), tokio_postgres::Error>> + Send;
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    Commit,
    RollBack,
}

async fn attempt<W: Work>(
    connection: &mut ClientWrapper,
    work: &W,
) -> Result<W::Answer, tokio_postgres::Error> {
    let transaction = connection.transaction().await?;
    let (finish, answer) = work.run(&transaction).await?;
    match finish {
        Finish::Commit => transaction.commit().await?,
        Finish::RollBack => transaction.rollback().await?,
    }
    Ok(answer)
}

#[derive(Default)]
struct Attempts {
    made: u32,
}

impl Attempts {
    /// The answer, or an error, or nothing: try again. A connection that is no good any more is
    /// thrown away here, any other goes back to the pool.
    async fn settle<T>(
        &mut self,
        connection: Client,
        outcome: Result<T, Failure>,
    ) -> Result<Option<T>, StoreError> {
        let failure = match outcome {
            Ok(answer) => return Ok(Some(answer)),
            Err(failure) => failure,
        };
        if failure.connection_lost {
            drop(Object::take(connection));
        }
        self.made += 1;
        match failure.next {
            Next::GiveUp => Err(failure.error),
            Next::TryAgain if self.made == ATTEMPTS => Err(StoreError::Overloaded),
            Next::TryAgain => {
                // Whoever got in the way is soon done; each time it is given twice as long.
                sleep(Duration::from_millis(1 << self.made)).await;
                Ok(None)
            }
        }
    }
}

/// Makes connections, with TLS or without, and prepares them.
struct Dial {
    tls: Option<MakeRustlsConnect>,
}

type Dialled = Result<(tokio_postgres::Client, JoinHandle<()>), tokio_postgres::Error>;

impl Connect for Dial {
    fn connect(&self, config: &Config) -> Pin<Box<dyn Future<Output = Dialled> + Send + '_>> {
        let config = config.clone();
        match self.tls.clone() {
            Some(tls) => Box::pin(dial(config, tls)),
            None => Box::pin(dial(config, NoTls)),
        }
    }
}

async fn dial<T>(config: Config, tls: T) -> Dialled
where
    T: MakeTlsConnect<Socket> + Send,
    T::Stream: Send + 'static,
    T::TlsConnect: Send,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    let (client, connection) = config.connect(tls).await?;
    let driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(error = text_of(&error), "lost a connection to the database");
        }
    });
    client.batch_execute(PREPARE).await?;
    Ok((client, driver))
}
