//! How long a revoked token still passes, at fifty guards, and what thousands of followers cost the
//! server.
#![expect(clippy::print_stderr, reason = "it says how far it is")]

mod followers;
mod guards;

use countersign::Unverified;
use countersign_benches::http::Connection;
use countersign_benches::section::{Bar, Section, number, time};
use countersign_benches::server::{Server, login};
use countersign_benches::stats::Times;
use countersign_benches::{Failure, quick};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Sessions of one user, to be ended one by one by the first of them.
pub(crate) struct Sessions {
    connection: Connection,
    keeper: String,
    others: Vec<Session>,
}

/// One that can be ended.
pub(crate) struct Session {
    pub(crate) token: String,
    sid: String,
}

impl Sessions {
    /// Signs user `name` in so many times, and once more.
    async fn open(server: &Server, name: &str, count: usize) -> Result<Self, Failure> {
        let mut connection = Connection::open(server.address()?).await?;
        let keeper = signed_in(&mut connection, name).await?.token;
        let mut others = Vec::with_capacity(count);
        for _ in 0..count {
            others.push(signed_in(&mut connection, name).await?);
        }
        Ok(Self {
            connection,
            keeper,
            others,
        })
    }

    /// `DELETE /sessions/{id}`; comes back with its answer.
    pub(crate) async fn end(&mut self, session: &Session) -> Result<(), Failure> {
        let request = format!(
            "DELETE /sessions/{} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {}\r\n\r\n",
            session.sid, self.keeper
        );
        let answer = self.connection.send(request.as_bytes()).await?;
        if answer.status == 204 {
            Ok(())
        } else {
            Err(format!("the session did not end: {}", answer.status).into())
        }
    }
}

async fn signed_in(connection: &mut Connection, name: &str) -> Result<Session, Failure> {
    let answer = connection.send(&login(name, "")).await?;
    let token = answer.text("access_token")?.to_owned();
    let sid = claim(&token, "sid")?;
    Ok(Session { token, sid })
}

/// What the token says, for a bench that has it from the issuer itself.
pub(crate) fn claim(token: &str, name: &str) -> Result<String, Failure> {
    let seen = Unverified::parse(token)?;
    let value = seen
        .claims_json()
        .get(name)
        .and_then(|value| value.as_str());
    Ok(value.ok_or("the token lacks a claim")?.to_owned())
}

fn main() -> Result<(), Failure> {
    let (ends, followed_ends, followers) = if quick() {
        (5, 2, 200)
    } else {
        (200, 20, 5_000)
    };
    allow_many_files(followers)?;
    // They all come from here.
    let room = (followers + 1_000).to_string();
    let mut server = Server::new(&[
        "--max-followers",
        &room,
        "--max-followers-per-network",
        &room,
        "--max-connections-per-network",
        "10000",
    ])?;
    server.add_users("user", 1)?;
    server.start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let (mut delays, held) = runtime.block_on(async {
        let mut sessions = Sessions::open(&server, "user-0", ends + followed_ends).await?;
        let delays = guards::measure(&mut sessions, ends).await?;
        let held = followers::measure(&server, &mut sessions, followers).await?;
        Ok::<_, Failure>((delays, held))
    })?;
    server.stop()?;

    let p99 = delays.percentile(99);
    let row = |what: &str, times: &mut Times| {
        [
            what.to_owned(),
            count(times.count()),
            time(times.percentile(50)),
            time(times.percentile(99)),
            time(times.percentile(100)),
        ]
    };
    let mut news = held.news;
    let mut section = Section::new("Revocation");
    let rows = [
        row("answered, to refused by each of 50 guards", &mut delays),
        row(
            &format!(
                "asked for, to heard by each of {} followers",
                count(followers)
            ),
            &mut news,
        ),
    ];
    section
        .says(SAYS)
        .table(&["from `DELETE /sessions/{id}`", "times", "p50", "p99", "longest"], rows)
        .says(format!(
            "{} followers at once: the server has {} MiB without them and {} MiB with them, {} KiB for each.",
            count(followers),
            number(held.before),
            number(held.with),
            number((held.with - held.before) * 1024.0 / float(followers)),
        ))
        .bar(Bar::at_most("p99 at 50 guards, ms", p99 / 1000.0, 1_000.0))
        .bar(Bar::at_most(
            "p50 at 50 guards, ms",
            delays.percentile(50) / 1000.0,
            100.0,
        ))
        .print();
    Ok(())
}

fn count(number_of: usize) -> String {
    number(float(number_of))
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand")]
fn float(number_of: usize) -> f64 {
    number_of as f64
}

/// The server, which inherits it, and this program each have a socket for every follower.
fn allow_many_files(followers: usize) -> Result<(), Failure> {
    let wanted = u64::try_from(followers)? + 1_000;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted) {
        if limit.maximum.is_some_and(|most| most < wanted) {
            return Err(format!("this bench needs {wanted} open files (`ulimit -Hn`)").into());
        }
        let current = Some(wanted);
        setrlimit(Resource::Nofile, Rlimit { current, ..limit })?;
    }
    eprintln!("revocation: {followers} followers at most");
    Ok(())
}

const SAYS: &str = "\
    `countersign serve` on SQLite, durable writes; every guard and every follower has a connection of its own \
    to `GET /revocations` (`text/event-stream`), and all of them share this machine with the server. A guard \
    is a `Guard::follow` whose cache holds the token, asked about every 0.1 ms; the clock starts when the \
    answer to the end of the session has arrived. Followers only read the stream; theirs starts \
    when the request is sent, because most have the news before its answer is there.";
