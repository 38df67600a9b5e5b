//! One client, one refresh after the other, beside a bare durable update of the same row.
//!
//! The bare update is what cannot be left out: rusqlite, WAL, `synchronous=FULL`, one prepared
//! `UPDATE` of a session's row in a transaction of its own, in this process and with nobody in
//! between. The refresh adds HTTP, the MAC, the queue before the writer and a signature.
//!
//! Between the two stands the least that anybody can be asked over a connection: a thread that
//! reads as many bytes as the request has, makes the same update and writes as many as the answer
//! has. It understands nothing and serves one connection. What it takes longer than the bare update
//! is two wake-ups, at either end, and no server can be asked in less. The same once more with a
//! signature after the update says how much of the rest is that.
#![expect(clippy::print_stderr, reason = "it says how far it is")]

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::Instant;

use countersign::{Algorithm, Signer, SigningKey};
use countersign_benches::http::{Answer, Connection};
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
    let [mut whole, mut with_signature, mut least, mut bare] = <[Vec<f64>; 4]>::default();
    runtime.block_on(async {
        let mut refresher = server
            .sign_in("user", 1)
            .await?
            .pop()
            .ok_or("a session was opened")?;
        let mut connection = Connection::open(server.address()?).await?;
        let row = Row::copied(server.folder(), "bare.db")?;
        let request = refresher.request();
        let answer = connection.send(&request).await?;
        let body = answer.body.len();
        refresher.answered(answer)?;
        let (asked, answered) = (request.len(), body);
        let other = Row::copied(server.folder(), "least.db")?;
        let mut to_least = Connection::open(answering(other, asked, answered, None)?).await?;
        let other = Row::copied(server.folder(), "signed.db")?;
        let signer = Signer::new(SigningKey::generate(Algorithm::ES256)?);
        let mut to_signed =
            Connection::open(answering(other, asked, answered, Some(signer))?).await?;
        for round in 0..rounds {
            let mut took = calls_of(&mut connection, &mut refresher, calls).await?;
            whole.push(took.percentile(50));
            let same = &mut Same(request.clone());
            least.push(calls_of(&mut to_least, same, calls).await?.percentile(50));
            let mut took = calls_of(&mut to_signed, same, calls).await?;
            with_signature.push(took.percentile(50));
            bare.push(row.updates(calls)?.percentile(50));
            if round % 20 == 0 {
                eprintln!("latency: round {} of {rounds}", round + 1);
            }
        }
        Ok::<_, Failure>(())
    })?;
    server.stop()?;

    let row = |name: &str, times: &[f64]| {
        [
            name.to_owned(),
            time(median(times.iter().copied())),
            format!("{:.2}", median_ratio(times, &bare)),
        ]
    };
    Section::new("One refresh after the other")
        .says(SAYS)
        .table(
            &["", "median", "times bare"],
            [
                row("bare durable update", &bare),
                row("the same, asked for over a connection", &least),
                row("the same, and a signature (ES256)", &with_signature),
                row("refresh over HTTP", &whole),
            ],
        )
        .bar(Bar::at_most(
            "times a bare durable update",
            median_ratio(&whole, &bare),
            1.5,
        ))
        .print();
    Ok(())
}

/// One after the other, so many times.
async fn calls_of(
    connection: &mut Connection,
    caller: &mut impl Caller,
    times: usize,
) -> Result<Times, Failure> {
    let mut taken = Times::default();
    for _ in 0..times {
        let request = caller.request();
        let asked = Instant::now();
        let answer = connection.send(&request).await?;
        taken.add(asked.elapsed());
        caller.answered(answer)?;
    }
    Ok(taken)
}

/// Asks the same every time.
struct Same(Vec<u8>);

impl Caller for Same {
    fn request(&mut self) -> Vec<u8> {
        self.0.clone()
    }

    fn answered(&mut self, _: Answer<'_>) -> Result<(), Failure> {
        Ok(())
    }
}

/// The least that can be asked: for every `asked` bytes one update, and a signature if there is a
/// signer, then an answer with a body of `answered` bytes.
fn answering(
    row: Row,
    asked: usize,
    answered: usize,
    signer: Option<Signer>,
) -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || -> Result<(), Failure> {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut request = vec![0; asked];
        let body = "x".repeat(answered);
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {answered}\r\n\r\n{body}");
        loop {
            stream.read_exact(&mut request)?;
            row.updates(1)?;
            if let Some(signer) = &signer {
                black_box(signer.sign_payload(&request)?);
            }
            stream.write_all(answer.as_bytes())?;
        }
    });
    Ok(address)
}

/// A copy of the server's database, whose one session is updated.
struct Row {
    database: Database,
}

impl Row {
    fn copied(folder: &Path, name: &str) -> Result<Self, Failure> {
        let copy = folder.join(name);
        Database::open(folder.join("countersign.db"))?
            .execute("VACUUM INTO ?1", [copy.to_string_lossy()])?;
        let database = Database::open(copy)?;
        database.pragma_update(None, "journal_mode", "wal")?;
        database.pragma_update(None, "synchronous", "full")?;
        Ok(Self { database })
    }

    fn updates(&self, times: usize) -> Result<Times, Failure> {
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
        Ok(taken)
    }
}

const SAYS: &str = "\
    One connection and one session, each refresh sent when the one before is answered, in turn with \
    bare updates of the same row in a copy of the same database: rusqlite, WAL, `synchronous=FULL`, \
    one prepared statement, in the load program itself. 201 rounds of 100 each. The refresh is all of \
    it: HTTP in and out, the check of the token, the durable swap, the signature (ES256, some 17 us). \
    Between the two, the least that can be asked over a connection: a blocking thread that reads as \
    many bytes, makes the same bare update and writes as many bytes, and understands none of them; and \
    the same thread with a signature over those bytes in between.";
