//! One client, one refresh after the other, beside a bare durable update of the same row.
//!
//! The bare update is what cannot be left out: rusqlite, WAL, `synchronous=FULL`, one prepared
//! `UPDATE` of a session's row in a transaction of its own, in this process and with nobody in
//! between. The refresh adds HTTP, the MAC, the queue before the writer and a signature.
#![expect(clippy::print_stderr, reason = "it says how far it is")]

use std::path::Path;
use std::time::Instant;

use countersign_benches::http::Connection;
use countersign_benches::load::Caller;
use countersign_benches::section::{Bar, Section, time};
use countersign_benches::server::Server;
use countersign_benches::stats::{Times, median, median_ratio};
use countersign_benches::{Failure, quick};
use rusqlite::{Connection as Database, params};

fn main() -> Result<(), Failure> {
    let (rounds, calls) = if quick() { (3, 50) } else { (201, 100) };
    let mut server = Server::new(&[])?;
    server.add_users("user", 1)?;
    server.start()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (mut whole, mut bare) = (Vec::new(), Vec::new());
    runtime.block_on(async {
        let mut refresher = server
            .sign_in("user", 1)
            .await?
            .pop()
            .ok_or("a session was opened")?;
        let mut connection = Connection::open(server.address()?).await?;
        let row = Row::copied(server.folder())?;
        for round in 0..rounds {
            let mut times = Times::default();
            for _ in 0..calls {
                let request = refresher.request();
                let asked = Instant::now();
                let answer = connection.send(&request).await?;
                times.add(asked.elapsed());
                refresher.answered(answer)?;
            }
            whole.push(times.percentile(50));
            bare.push(row.update(calls)?);
            if round % 20 == 0 {
                eprintln!("latency: round {} of {rounds}", round + 1);
            }
        }
        Ok::<_, Failure>(())
    })?;
    server.stop()?;

    let middle = |values: &[f64]| time(median(values.iter().copied()));
    let ratio = median_ratio(&whole, &bare);
    Section::new("One refresh after the other")
        .says(SAYS)
        .table(
            &["", "median", "times bare"],
            [
                ["bare durable update".into(), middle(&bare), "1".into()],
                [
                    "refresh over HTTP".into(),
                    middle(&whole),
                    format!("{ratio:.2}"),
                ],
            ],
        )
        .bar(Bar::at_most("times a bare durable update", ratio, 1.5))
        .print();
    Ok(())
}

/// A copy of the server's database, whose one session is updated.
struct Row {
    database: Database,
}

impl Row {
    fn copied(folder: &Path) -> Result<Self, Failure> {
        let copy = folder.join("bare.db");
        Database::open(folder.join("countersign.db"))?
            .execute("VACUUM INTO ?1", [copy.to_string_lossy()])?;
        let database = Database::open(copy)?;
        database.pragma_update(None, "journal_mode", "wal")?;
        database.pragma_update(None, "synchronous", "full")?;
        Ok(Self { database })
    }

    /// So many updates; the median of their times.
    fn update(&self, times: usize) -> Result<f64, Failure> {
        let mut statement = self.database.prepare_cached(
            "UPDATE sessions SET generation = generation + 1, last_used_at = ?1,
                 idle_expires_at = ?2, mark1_generation = generation, mark1_at = ?1",
        )?;
        let mut taken = Times::default();
        for _ in 0..times {
            let asked = Instant::now();
            statement.execute(params![1_795_247_959, 1_797_839_959])?;
            taken.add(asked.elapsed());
        }
        Ok(taken.percentile(50))
    }
}

const SAYS: &str = "\
    One connection and one session, each refresh sent when the one before is answered, in turn with \
    bare updates of the same row in a copy of the same database: rusqlite, WAL, `synchronous=FULL`, \
    one prepared statement, in the load program itself. 201 rounds of 100 each. The refresh is all of \
    it: HTTP in and out, the check of the token, the durable swap, the signature (ES256, some 17 us).";
