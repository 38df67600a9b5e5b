//! Refreshes over HTTP on SQLite, beside node's `oidc-provider` on better-sqlite3.
//!
//! Both servers are up all the time, on the first core; the load is on the second and calls them
//! in turn, by one program, 32 connections each, over sessions that are used again and again.
#![expect(clippy::print_stderr, reason = "it says how far it is")]

mod oidc_provider;

use std::time::Duration;

use countersign_benches::machine::pin;
use countersign_benches::rounds::{HEAD, Rounds};
use countersign_benches::section::{Bar, Section, number};
use countersign_benches::server::Server;
use countersign_benches::stats::{median, median_ratio};
use countersign_benches::{Failure, quick};

const CONNECTIONS: usize = 32;

fn main() -> Result<(), Failure> {
    let (rounds, lasting) = if quick() {
        (2, Duration::from_millis(300))
    } else {
        (15, Duration::from_secs(4))
    };
    pin(&[0])?;
    let peer = oidc_provider::start(CONNECTIONS)?;
    let mut own = Server::new(&[])?;
    own.add_users("user", CONNECTIONS)?;
    own.start()?;
    pin(&[1])?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (ours, theirs) = runtime.block_on(measure(&own, &peer, rounds, lasting))?;
    own.stop()?;

    let mut section = Section::new("Refreshes on SQLite, beside oidc-provider");
    section
        .says(SAYS)
        .table(
            &HEAD,
            [
                ours.row("countersign serve"),
                theirs.row("node oidc-provider"),
            ],
        )
        .bar(Bar::at_least(
            "times the rate of oidc-provider",
            median_ratio(&ours.rate, &theirs.rate),
            10.0,
        ))
        .bar(Bar::at_most(
            "p99 in parts of oidc-provider's",
            median_ratio(&ours.p99, &theirs.p99),
            0.1,
        ))
        .bar(Bar::at_most(
            "us of the server's processor time per refresh",
            median(ours.cost.iter().copied()),
            130.0,
        ))
        .print();
    Ok(())
}

async fn measure(
    own: &Server,
    peer: &oidc_provider::Peer,
    rounds: usize,
    lasting: Duration,
) -> Result<(Rounds, Rounds), Failure> {
    let (mut ours, mut theirs) = (Rounds::default(), Rounds::default());
    let mut refreshers = own.sign_in("user", CONNECTIONS).await?;
    let mut peers = peer.refreshers();
    let here = (own.address()?, own.process()?);
    let there = (peer.address(), peer.process());
    // A round that does not count: caches fill, node compiles.
    let mut warm = Rounds::default();
    refreshers = warm.add(here, refreshers, lasting).await?;
    peers = warm.add(there, peers, lasting).await?;
    for round in 0..rounds {
        if round % 2 == 0 {
            refreshers = ours.add(here, refreshers, lasting).await?;
            peers = theirs.add(there, peers, lasting).await?;
        } else {
            peers = theirs.add(there, peers, lasting).await?;
            refreshers = ours.add(here, refreshers, lasting).await?;
        }
        eprintln!(
            "refresh: round {} of {rounds}: {} and {} a second",
            round + 1,
            number(ours.rate.last().copied().unwrap_or(0.0)),
            number(theirs.rate.last().copied().unwrap_or(0.0)),
        );
    }
    Ok((ours, theirs))
}

const SAYS: &str = "\
    Whole refreshes over HTTP: 32 connections, each with a session that it refreshes as soon as it is \
    answered; every one rotates the refresh token and is durable (`synchronous=FULL`) before the \
    answer, and signs an access token with ES256. Beside `countersign serve` stands node's \
    oidc-provider on better-sqlite3, WAL, FULL, with the adapter its documentation asks for; a refresh \
    is two commits there, the old token consumed and the new one stored. The servers have one core, \
    the load program the other. The two take turns, 15 rounds of 4 s each.";
