//! A service asks for tokens in its own name, beside node's `oidc-provider`.
//!
//! Both servers are up all the time, on the first core; the load is on the second and calls them in
//! turn, by one program, 32 connections each.
#![expect(clippy::print_stderr, reason = "it says how far it is")]

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign_benches::http::{self, Answer};
use countersign_benches::load::Caller;
use countersign_benches::machine::pin;
use countersign_benches::node::Program;
use countersign_benches::rounds::{HEAD, Rounds};
use countersign_benches::section::{Bar, Section, number};
use countersign_benches::server::Server;
use countersign_benches::stats::median_ratio;
use countersign_benches::{Failure, quick};

const CONNECTIONS: usize = 32;
const CLIENT: &str = "reports";
const SCOPE: [&str; 4] = ["--scope", "orders:read", "--scope", "orders:write"];

fn main() -> Result<(), Failure> {
    let (rounds, lasting) = if quick() {
        (2, Duration::from_millis(300))
    } else {
        (15, Duration::from_secs(3))
    };
    pin(&[0])?;
    let mut own = Server::new(&["--audience", "https://api.example.com"])?;
    own.add_users("user", 1)?;
    let secret = own.add_client(CLIENT, &SCOPE)?;
    own.start()?;
    let source = include_str!("provider.mjs");
    let arguments = std::slice::from_ref(&secret);
    let peer: Program = Program::start("client_credentials.mjs", source, arguments)?;
    pin(&[1])?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let here = (own.address()?, own.process()?);
    let there = (peer.address(), peer.process());
    let (ours, theirs) = runtime.block_on(measure(here, there, &secret, rounds, lasting))?;
    own.stop()?;

    Section::new("Tokens for services, beside oidc-provider")
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
            4.0,
        ))
        .print();
    Ok(())
}

async fn measure(
    here: (SocketAddr, u32),
    there: (SocketAddr, u32),
    secret: &str,
    rounds: usize,
    lasting: Duration,
) -> Result<(Rounds, Rounds), Failure> {
    let services = |path| vec![Service::new(path, secret); CONNECTIONS];
    let (mut own, mut peers) = (services("/oauth/token"), services("/token"));
    let (mut ours, mut theirs) = (Rounds::default(), Rounds::default());
    // A round that does not count: caches fill, node compiles.
    let mut warm = Rounds::default();
    own = warm.add(here, own, lasting).await?;
    peers = warm.add(there, peers, lasting).await?;
    for round in 0..rounds {
        if round % 2 == 0 {
            own = ours.add(here, own, lasting).await?;
            peers = theirs.add(there, peers, lasting).await?;
        } else {
            peers = theirs.add(there, peers, lasting).await?;
            own = ours.add(here, own, lasting).await?;
        }
        eprintln!(
            "client_credentials: round {} of {rounds}: {} and {} a second",
            round + 1,
            number(ours.rate.last().copied().unwrap_or(0.0)),
            number(theirs.rate.last().copied().unwrap_or(0.0)),
        );
    }
    Ok((ours, theirs))
}

/// A service that asks for a token, and then for another one.
#[derive(Clone)]
struct Service {
    request: Vec<u8>,
}

impl Service {
    fn new(path: &str, secret: &str) -> Self {
        let proof = STANDARD.encode(format!("{CLIENT}:{secret}"));
        let more = format!("authorization: Basic {proof}\r\n");
        let body = "grant_type=client_credentials&scope=orders%3Aread";
        Self {
            request: http::form(path, &more, body),
        }
    }
}

impl Caller for Service {
    fn request(&mut self) -> Vec<u8> {
        self.request.clone()
    }

    fn answered(&mut self, answer: Answer<'_>) -> Result<(), Failure> {
        let token = answer.text("access_token")?;
        // Three parts: a JWT, not a handle that somebody would have to ask about.
        if token.matches('.').count() != 2 || answer.text("scope")? != "orders:read" {
            return Err(format!("not the token that was asked for: {}", answer.body).into());
        }
        Ok(())
    }
}

const SAYS: &str = "\
    `POST /oauth/token` with `client_credentials`: 32 connections, each asking for the next token as \
    soon as it has one; the client proves itself by `client_secret_basic`, the token is a JWT signed \
    with ES256. Beside `countersign serve` on SQLite stands node's oidc-provider with its own adapter, \
    which keeps everything in memory; neither stores such a token. The servers have one core, the load \
    program the other. The two take turns, 15 rounds of 3 s each.";
