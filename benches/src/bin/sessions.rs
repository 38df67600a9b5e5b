//! What a refresh costs with a million live sessions, beside one with a thousand.
//!
//! Two servers on SQLite, each with a database of its own. One session is opened by signing in; the
//! others are copies of its row under handles and `sid`s of their own, written by SQL while the
//! server is down, and their tokens are made here with the installation's own MAC key. Refreshes go
//! through all sessions of a database in random order, so that no page is hotter than another.
#![expect(clippy::print_stderr, reason = "it says how far it is")]

use std::time::Duration;

use countersign_benches::http::{self, Answer};
use countersign_benches::load::{Caller, saturate};
use countersign_benches::machine::{pin, processor_time, resident};
use countersign_benches::section::{Bar, Section, number, time};
use countersign_benches::server::Server;
use countersign_benches::stats::{median, median_ratio};
use countersign_benches::{Failure, quick};
use countersign_issuer::MasterKey;
use countersign_issuer::mac::MacKeys;
use countersign_issuer::record::{Handle, Session};
use countersign_server::store::sqlite::SqliteStore;
use countersign_server::store::{Keys, Sessions, Store};
use rusqlite::Connection;

const CONNECTIONS: usize = 32;
const FEW: u32 = 1_000;

/// A database full of sessions, its server, and who refreshes them.
struct Contender {
    server: Server,
    sessions: u32,
    callers: Vec<Everyone>,
    rate: Vec<f64>,
    p99: Vec<f64>,
    cost: Vec<f64>,
}

fn main() -> Result<(), Failure> {
    let (rounds, lasting, many) = if quick() {
        (2, Duration::from_millis(300), 20_000)
    } else {
        (21, Duration::from_secs(4), 1_000_000)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    pin(&[0])?;
    let mut few = runtime.block_on(Contender::with(FEW))?;
    let mut many = runtime.block_on(Contender::with(many))?;
    pin(&[1])?;
    for round in 0..=rounds {
        let (first, second) = if round % 2 == 0 {
            (&mut few, &mut many)
        } else {
            (&mut many, &mut few)
        };
        runtime.block_on(first.measure(lasting))?;
        runtime.block_on(second.measure(lasting))?;
        if round == 0 {
            // Caches filled.
            for one in [&mut few, &mut many] {
                one.forget();
            }
        }
        eprintln!("sessions: round {round} of {rounds}");
    }
    let rows = [few.row()?, many.row()?];
    few.server.stop()?;
    many.server.stop()?;
    let slower = median_ratio(&few.rate, &many.rate);
    Section::new("A million live sessions")
        .says(SAYS)
        .table(
            &[
                "live sessions",
                "refreshes a second",
                "p99",
                "server's processor time each",
                "resident memory",
            ],
            rows,
        )
        .bar(Bar::at_most(
            "times the processor time of a refresh",
            median_ratio(&many.cost, &few.cost),
            1.3,
        ))
        .bar(Bar::at_most("times slower at 32 connections", slower, 1.3))
        .print();
    Ok(())
}

impl Contender {
    async fn with(sessions: u32) -> Result<Self, Failure> {
        eprintln!("sessions: making {sessions}");
        let mut server = Server::new(&[])?;
        server.add_users("user", 1)?;
        server.start()?;
        server.sign_in("user", 1).await?;
        server.stop()?;
        let callers = filled(&server, sessions).await?;
        server.start()?;
        Ok(Self {
            server,
            sessions,
            callers,
            rate: Vec::new(),
            p99: Vec::new(),
            cost: Vec::new(),
        })
    }

    async fn measure(&mut self, lasting: Duration) -> Result<(), Failure> {
        let (to, process) = (self.server.address()?, self.server.process()?);
        let before = processor_time(process)?;
        let callers = std::mem::take(&mut self.callers);
        let (mut outcome, callers) = saturate(to, callers, lasting).await?;
        let spent = processor_time(process)? - before;
        self.callers = callers;
        self.rate.push(outcome.rate());
        self.p99.push(outcome.times.percentile(99));
        self.cost
            .push(spent / f64::from(u32::try_from(outcome.times.count())?));
        Ok(())
    }

    fn forget(&mut self) {
        self.rate.clear();
        self.p99.clear();
        self.cost.clear();
    }

    fn row(&self) -> Result<[String; 5], Failure> {
        let middle = |values: &[f64]| median(values.iter().copied());
        let (now, _) = resident(self.server.process()?)?;
        Ok([
            number(self.sessions.into()),
            number(middle(&self.rate)),
            time(middle(&self.p99)),
            time(middle(&self.cost)),
            format!("{} MiB", number(now)),
        ])
    }
}

/// Fills the database and hands out the tokens of all its sessions, the rows' order forgotten.
async fn filled(server: &Server, sessions: u32) -> Result<Vec<Everyone>, Failure> {
    let path = server.folder().join("countersign.db");
    let handles = copied(&Connection::open(&path)?, sessions)?;
    let store = SqliteStore::open(&path)?;
    let key = std::fs::read_to_string(countersign_server::master_key_file(&path))?;
    let (_, records) = store.keys().await?;
    let macs = MacKeys::open_all(&records, &MasterKey::from_text(&key)?)?;
    let first = handles.first().ok_or("a session was opened")?;
    let template = store.session(*first).await?.ok_or("the session is there")?;
    store.close().await;
    let mut callers = vec![Everyone::default(); CONNECTIONS];
    for (number, handle) in handles.into_iter().enumerate() {
        let session = Session {
            handle,
            ..template.clone()
        };
        let token = macs.refresh_token(&session)?;
        // Handles are random: their order is none, except to the tree they are in.
        let caller = callers.get_mut(number % CONNECTIONS);
        caller
            .ok_or("a caller")?
            .tokens
            .push(token.expose().to_owned());
    }
    Ok(callers)
}

/// Copies the one session until there are so many; all their handles, in the order of their `sid`s,
/// which are as random.
fn copied(database: &Connection, sessions: u32) -> Result<Vec<Handle>, Failure> {
    database.pragma_update(None, "synchronous", "off")?;
    database.pragma_update(None, "cache_size", -1_000_000)?;
    database.execute_batch(&format!(
        "BEGIN;
         CREATE TEMP TABLE made AS
             WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {})
             SELECT randomblob(16) AS handle, lower(hex(randomblob(16))) AS sid FROM counted;
         CREATE TEMP TABLE one AS SELECT * FROM sessions;
         INSERT INTO sessions SELECT made.handle, made.sid, {REST} FROM made, one ORDER BY 1;
         COMMIT;
         PRAGMA wal_checkpoint(TRUNCATE)",
        sessions - 1
    ))?;
    let mut statement = database.prepare("SELECT handle FROM sessions ORDER BY sid")?;
    let handles = statement.query_map([], |row| row.get::<_, [u8; 16]>(0).map(Handle::new))?;
    Ok(handles.collect::<Result<_, _>>()?)
}

/// The columns that copies have in common.
const REST: &str = "user_id, client_id, scope, audience, generation, mac_key_id, mark1_generation, \
    mark1_at, mark2_generation, mark2_at, mark3_generation, mark3_at, mark4_generation, mark4_at, \
    created_at, auth_time, last_used_at, idle_expires_at, expires_at, ended_at, end_reason";

/// Refreshes one session after the other, and begins again with the first.
#[derive(Clone, Default)]
struct Everyone {
    tokens: Vec<String>,
    at: usize,
}

impl Caller for Everyone {
    fn request(&mut self) -> Vec<u8> {
        let token = self.tokens.get(self.at).map_or("", String::as_str);
        http::post(
            "/refresh",
            "",
            &format!("{{\"refresh_token\":\"{token}\"}}"),
        )
    }

    fn answered(&mut self, answer: Answer<'_>) -> Result<(), Failure> {
        let next = answer.text("refresh_token")?;
        if let Some(token) = self.tokens.get_mut(self.at) {
            next.clone_into(token);
        }
        self.at = (self.at + 1) % self.tokens.len().max(1);
        Ok(())
    }
}

const SAYS: &str = "\
    Two servers on SQLite (`synchronous=FULL`), one with 1,000 live sessions and one with 1,000,000, in \
    turn: 32 connections that refresh all sessions of their server in random order. The sessions are \
    copies of one that was opened by signing in, written by SQL with handles of their own, and their \
    tokens are made with the installation's MAC key. The servers have one core, the load program the \
    other. 21 rounds of 4 s each.";
