//! Refreshes and `/me` while a flood of logins fills the hashing lanes.
//!
//! First both are called until they are saturated, without logins. Half of the rates that gives is
//! offered from then on, whatever the answers take, with the flood and without it in turn; a third
//! turn is the flood alone. Server, flood and offer share all cores.
#![expect(clippy::print_stderr, reason = "it says how far it is")]

use std::net::SocketAddr;
use std::time::Duration;

use countersign_benches::http::{self, Answer, Connection};
use countersign_benches::load::{Caller, Outcome, offer, saturate};
use countersign_benches::logins::{BELIEVED, SignIns};
use countersign_benches::machine::resident;
use countersign_benches::section::{Bar, Section, number, time};
use countersign_benches::server::{Refresher, Server, login};
use countersign_benches::stats::{median, median_ratio};
use countersign_benches::{Failure, quick};
use tokio::runtime::{Builder, Runtime};

const USERS: u32 = 200;
/// Each of refreshes and `/me`.
const CONNECTIONS: usize = 16;
/// As many as the lanes and their queue hold: nobody is sent away, everybody waits.
const FLOOD: usize = 64;
/// How long before a measurement the flood begins.
const AHEAD: Duration = Duration::from_millis(700);

/// Asks who it is.
#[derive(Clone)]
struct Me {
    request: Vec<u8>,
}

impl Caller for Me {
    fn request(&mut self) -> Vec<u8> {
        self.request.clone()
    }

    fn answered(&mut self, answer: Answer<'_>) -> Result<(), Failure> {
        answer.text("username").map(drop)
    }
}

/// Whoever refreshes and whoever asks.
struct Offered {
    refreshers: Vec<Refresher>,
    askers: Vec<Me>,
}

/// The p99 of both in one round, and the rates.
#[derive(Default)]
struct Rounds {
    refresh: Vec<f64>,
    me: Vec<f64>,
    refreshed: Vec<f64>,
    asked: Vec<f64>,
}

impl Rounds {
    fn add(&mut self, (mut refresh, mut me): (Outcome, Outcome)) {
        self.refresh.push(refresh.times.percentile(99));
        self.me.push(me.times.percentile(99));
        self.refreshed.push(refresh.rate());
        self.asked.push(me.rate());
    }
}

fn main() -> Result<(), Failure> {
    let (rounds, lasting) = if quick() {
        (2, Duration::from_millis(500))
    } else {
        (11, Duration::from_secs(4))
    };
    let mut server = Server::new(&BELIEVED)?;
    server.add_users("user", USERS as usize)?;
    server.start()?;
    let to = server.address()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut offered = runtime.block_on(offered(&server))?;

    let full = runtime.block_on(saturated(to, &mut offered, lasting))?;
    let half = (full.0.rate() / 2.0, full.1.rate() / 2.0);
    let (idle, _) = resident(server.process()?)?;
    let (mut calm, mut flooded) = (Rounds::default(), Rounds::default());
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        calm.add(runtime.block_on(at_rate(to, &mut offered, half, lasting))?);
        alone.push(
            flood(to, lasting)?
                .join()
                .map_err(|_| "the flood ended")??,
        );
        let flood = flood(to, lasting + AHEAD)?;
        std::thread::sleep(AHEAD);
        flooded.add(runtime.block_on(at_rate(to, &mut offered, half, lasting))?);
        beside.push(flood.join().map_err(|_| "the flood ended")??);
        eprintln!(
            "flood: round {} of {rounds}: p99 {} and {}, logins {} and {}",
            round + 1,
            time(calm.refresh.last().copied().unwrap_or(0.0)),
            time(flooded.refresh.last().copied().unwrap_or(0.0)),
            number(alone.last().copied().unwrap_or(0.0)),
            number(beside.last().copied().unwrap_or(0.0)),
        );
    }
    let (_, most) = resident(server.process()?)?;
    server.stop()?;
    print(&Results {
        half,
        calm,
        flooded,
        alone,
        beside,
        idle,
        most,
    });
    Ok(())
}

async fn offered(server: &Server) -> Result<Offered, Failure> {
    let refreshers = server.sign_in("user", CONNECTIONS).await?;
    let mut connection = Connection::open(server.address()?).await?;
    let answer = connection.send(&login("user-0", "")).await?;
    let token = answer.text("access_token")?;
    let request = http::get("/me", &format!("authorization: Bearer {token}\r\n"));
    let askers = vec![Me { request }; CONNECTIONS];
    Ok(Offered { refreshers, askers })
}

async fn saturated(
    to: SocketAddr,
    offered: &mut Offered,
    lasting: Duration,
) -> Result<(Outcome, Outcome), Failure> {
    let (refreshers, askers) = offered.take();
    let (refresh, me) = tokio::join!(
        saturate(to, refreshers, lasting),
        saturate(to, askers, lasting)
    );
    Ok((offered.back_refreshers(refresh?), offered.back_askers(me?)))
}

async fn at_rate(
    to: SocketAddr,
    offered: &mut Offered,
    (refresh, me): (f64, f64),
    lasting: Duration,
) -> Result<(Outcome, Outcome), Failure> {
    let (refreshers, askers) = offered.take();
    let (refresh, me) = tokio::join!(
        offer(to, refreshers, refresh, lasting),
        offer(to, askers, me, lasting)
    );
    Ok((offered.back_refreshers(refresh?), offered.back_askers(me?)))
}

impl Offered {
    fn take(&mut self) -> (Vec<Refresher>, Vec<Me>) {
        (
            std::mem::take(&mut self.refreshers),
            std::mem::take(&mut self.askers),
        )
    }

    fn back_refreshers(&mut self, (outcome, back): (Outcome, Vec<Refresher>)) -> Outcome {
        self.refreshers = back;
        outcome
    }

    fn back_askers(&mut self, (outcome, back): (Outcome, Vec<Me>)) -> Outcome {
        self.askers = back;
        outcome
    }
}

/// Logins a second, from a thread of its own.
fn flood(
    to: SocketAddr,
    lasting: Duration,
) -> Result<std::thread::JoinHandle<Result<f64, Failure>>, Failure> {
    let runtime: Runtime = Builder::new_current_thread().enable_all().build()?;
    Ok(std::thread::spawn(move || {
        let callers = SignIns::callers("user", USERS, FLOOD);
        let (outcome, _) = runtime.block_on(saturate(to, callers, lasting))?;
        Ok(outcome.rate())
    }))
}

struct Results {
    half: (f64, f64),
    calm: Rounds,
    flooded: Rounds,
    alone: Vec<f64>,
    beside: Vec<f64>,
    idle: f64,
    most: f64,
}

fn print(all: &Results) {
    let middle = |values: &[f64]| median(values.iter().copied());
    let (calm, flooded) = (&all.calm, &all.flooded);
    let row = |name: &str, calm: &[f64], flooded: &[f64]| {
        [
            name.to_owned(),
            time(middle(calm)),
            time(middle(flooded)),
            format!("{:.2}", median_ratio(flooded, calm)),
        ]
    };
    let served = |rates: &[f64], rate: f64| median(rates.iter().map(|served| served / rate));
    let least_served =
        served(&flooded.refreshed, all.half.0).min(served(&flooded.asked, all.half.1));
    Section::new("A flood of logins")
        .says(format!(
            "{FLOOD} connections sign in without a pause, which keeps every hashing lane and its queue \
             full. Beside them {} refreshes and {} calls of `/me` are offered a second, half of what \
             saturates the server with both and without logins; none was refused. 11 rounds: 4 s \
             without the flood, 4 s of the flood alone, 4 s with both. Server and load share the \
             cores. Logins were {} a second alone and {} beside the rest. The server took {} MiB \
             before the first flood and {} at most.",
            number(all.half.0),
            number(all.half.1),
            number(middle(&all.alone)),
            number(middle(&all.beside)),
            number(all.idle),
            number(all.most),
        ))
        .table(
            &["p99", "without the flood", "with it", "times"],
            [
                row("refresh", &calm.refresh, &flooded.refresh),
                row("`/me`", &calm.me, &flooded.me),
            ],
        )
        .bar(Bar::at_least("share of the offered requests that was served in time", least_served, 0.99))
        .bar(Bar::at_most(
            "times the p99 of a refresh",
            median_ratio(&flooded.refresh, &calm.refresh),
            3.0,
        ))
        .bar(Bar::at_most(
            "times the p99 of `/me`",
            median_ratio(&flooded.me, &calm.me),
            3.0,
        ))
        .bar(Bar::at_most("MiB of resident memory", all.most, 60.0))
        .bar(Bar::at_least(
            "share of the logins that is kept",
            median_ratio(&all.beside, &all.alone),
            1.0 / 3.0,
        ))
        .print();
}
