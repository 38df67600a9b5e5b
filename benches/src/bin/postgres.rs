//! Refreshes over HTTP on PostgreSQL, beside the bare driver running the same statement.
//!
//! The statement is the server's own: PostgreSQL is asked what it ran last for a refresh. The bare
//! driver runs it as the server does, prepared once per connection, over sessions of the same kind
//! in the same database, and does nothing else: no HTTP, no MAC, no signature.
#![expect(clippy::print_stderr, reason = "it says how far it is")]

use std::time::{Duration, Instant};

use countersign_benches::load::{Outcome, saturate};
use countersign_benches::machine::processor_time;
use countersign_benches::postgres::Cluster;
use countersign_benches::section::{Bar, Section, number, time};
use countersign_benches::server::Server;
use countersign_benches::stats::{Times, median, median_ratio};
use countersign_benches::{Failure, quick};
use tokio::task::JoinSet;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls, Statement};

const CONNECTIONS: usize = 32;

fn main() -> Result<(), Failure> {
    let (rounds, lasting) = if quick() {
        (2, Duration::from_millis(300))
    } else {
        (21, Duration::from_secs(4))
    };
    // The text of a statement must not be cut off where it is looked up.
    let mut cluster = Cluster::start(&["track_activity_query_size=16384"])?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(compare(&mut cluster, rounds, lasting))
}

async fn compare(cluster: &mut Cluster, rounds: usize, lasting: Duration) -> Result<(), Failure> {
    let admin = once_up(cluster).await?;
    let pool = format!("?pool_size={CONNECTIONS}");
    let mut server = Server::on_postgres(&cluster.url(&pool), &["--issuer", "http://127.0.0.1"])?;
    server.add_users("user", 2 * CONNECTIONS)?;
    server.start()?;
    let mut refreshers = server.sign_in("user", CONNECTIONS).await?;
    let warm = Duration::from_millis(500);
    (_, refreshers) = saturate(server.address()?, refreshers, warm).await?;
    let mut drivers = Driver::on_sessions_of_their_own(cluster, &admin).await?;

    let (mut whole, mut bare) = (Rounds::default(), Rounds::default());
    for round in 0..rounds {
        for turn in 0..2 {
            if (round + turn) % 2 == 0 {
                let before = processor_time(server.process()?)?;
                let outcome;
                (outcome, refreshers) = saturate(server.address()?, refreshers, lasting).await?;
                let spent = processor_time(server.process()?)? - before;
                whole.add(outcome, spent);
            } else {
                let outcome;
                (outcome, drivers) = run(drivers, lasting).await?;
                bare.add(outcome, 0.0);
            }
        }
        eprintln!("postgres: round {} of {rounds}", round + 1);
    }
    server.stop()?;

    let share = median_ratio(&whole.rate, &bare.rate);
    let cost = number(median(whole.cost.iter().copied()));
    Section::new("Refreshes on PostgreSQL")
        .says(SAYS)
        .says(format!(
            "The server's own processor time was {cost} us a refresh, beside that of PostgreSQL and \
             of the load program."
        ))
        .table(
            &["", "a second", "p50", "p99", "share"],
            [
                bare.row("bare driver", 1.0),
                whole.row("refresh over HTTP", share),
            ],
        )
        .bar(Bar::at_least("share of the bare driver's rate", share, 0.5))
        .print();
    Ok(())
}

/// A connection, when the server has come up.
async fn once_up(cluster: &mut Cluster) -> Result<Client, Failure> {
    let began = Instant::now();
    loop {
        cluster.alive()?;
        match connect(cluster).await {
            Ok(client) => return Ok(client),
            Err(error) if began.elapsed() > Duration::from_secs(30) => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn connect(cluster: &Cluster) -> Result<Client, Failure> {
    let (client, connection) = tokio_postgres::connect(&cluster.url(""), NoTls).await?;
    tokio::spawn(connection);
    client
        .batch_execute("SET search_path TO countersign")
        .await?;
    Ok(client)
}

/// One connection of the bare driver, and the session it moves on.
struct Driver {
    client: Client,
    statement: Statement,
    handle: Vec<u8>,
    generation: i64,
    mac_key: i64,
    client_id: String,
    audiences: Vec<String>,
}

impl Driver {
    async fn on_sessions_of_their_own(
        cluster: &Cluster,
        admin: &Client,
    ) -> Result<Vec<Self>, Failure> {
        let ran = "SELECT query FROM pg_stat_activity
             WHERE query LIKE 'WITH held AS%' AND pid <> pg_backend_pid() LIMIT 1";
        let sql: String = admin.query_one(ran, &[]).await?.get(0);
        // Copies of the server's sessions, under handles that no token names.
        admin
            .batch_execute(
                "CREATE TEMP TABLE copies AS SELECT * FROM sessions;
                 UPDATE copies SET handle = decode(md5('copy' || sid), 'hex'), sid = md5(sid);
                 INSERT INTO sessions SELECT * FROM copies",
            )
            .await?;
        let rows = admin
            .query(
                "SELECT handle, generation, mac_key_id, client_id,
                     ARRAY(SELECT jsonb_array_elements_text(audience::JSONB))
                 FROM copies",
                &[],
            )
            .await?;
        let mut drivers = Vec::new();
        for row in rows {
            let client = connect(cluster).await?;
            let statement = client.prepare(&sql).await?;
            drivers.push(Self {
                client,
                statement,
                handle: row.get(0),
                generation: whole(&row, 1)?,
                mac_key: whole(&row, 2)?,
                client_id: row.get(3),
                audiences: row.get(4),
            });
        }
        if drivers.len() != CONNECTIONS {
            return Err(format!("{} sessions instead of {CONNECTIONS}", drivers.len()).into());
        }
        Ok(drivers)
    }

    async fn rotate(&mut self) -> Result<(), Failure> {
        let (idle, apart) = (30_i64 * 86_400, 10_i64);
        let rows = self
            .client
            .query(
                &self.statement,
                &[
                    &self.handle,
                    &self.generation,
                    &self.mac_key,
                    &self.client_id,
                    &self.mac_key,
                    &idle,
                    &apart,
                    &self.audiences,
                ],
            )
            .await?;
        let row = rows.first().ok_or("the session is gone")?;
        // The columns of the swap come last; they are empty if it was refused.
        let swapped: Option<i64> = row.try_get(row.len() - 12)?;
        self.generation = swapped.ok_or("the bare driver was refused")?;
        Ok(())
    }
}

/// An integer of any size.
fn whole(row: &tokio_postgres::Row, at: usize) -> Result<i64, Failure> {
    let column = row.columns().get(at).ok_or("no such column")?;
    Ok(if *column.type_() == Type::INT4 {
        row.try_get::<_, i32>(at)?.into()
    } else {
        row.try_get(at)?
    })
}

async fn run(drivers: Vec<Driver>, lasting: Duration) -> Result<(Outcome, Vec<Driver>), Failure> {
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for mut driver in drivers {
        tasks.spawn(async move {
            let mut times = Times::default();
            while start.elapsed() < lasting {
                let asked = Instant::now();
                driver.rotate().await?;
                times.add(asked.elapsed());
            }
            Ok::<_, Failure>((driver, times))
        });
    }
    let (mut drivers, mut times) = (Vec::new(), Times::default());
    while let Some(ended) = tasks.join_next().await {
        let (driver, own) = ended??;
        drivers.push(driver);
        times.append(own);
    }
    let lasted = start.elapsed();
    Ok((Outcome { times, lasted }, drivers))
}

#[derive(Default)]
struct Rounds {
    rate: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    cost: Vec<f64>,
}

impl Rounds {
    fn add(&mut self, mut outcome: Outcome, spent: f64) {
        self.rate.push(outcome.rate());
        self.p50.push(outcome.times.percentile(50));
        self.p99.push(outcome.times.percentile(99));
        self.cost
            .push(spent / (outcome.rate() * outcome.lasted.as_secs_f64()));
    }

    fn row(&self, name: &str, share: f64) -> [String; 5] {
        let middle = |values: &[f64]| median(values.iter().copied());
        [
            name.to_owned(),
            number(middle(&self.rate)),
            time(middle(&self.p50)),
            time(middle(&self.p99)),
            format!("{share:.2}"),
        ]
    }
}

const SAYS: &str = "\
    32 connections to `countersign serve`, each with a session that it refreshes as soon as it is \
    answered, over a pool of 32 connections to PostgreSQL, which is durable as it comes (`fsync` and \
    `synchronous_commit` on). Beside it, in turn, the bare tokio-postgres driver with 32 connections \
    that runs the very same statement over copies of those sessions, and nothing else. Server, \
    PostgreSQL and the load program share two cores. 21 rounds of 4 s each.";
