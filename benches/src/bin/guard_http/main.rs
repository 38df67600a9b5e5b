//! Requests a second on one core through a guard, as a share of the same route without one, beside
//! the guards of others. Algorithms may be named, to measure only those.
#![expect(clippy::print_stderr, reason = "it says how far it is")]

mod bare;
mod contender;
mod load;
mod serve;

use std::collections::BTreeMap;

use contender::Contender;
use countersign::{Algorithm, Signer, SigningKey, UnixTime};
use countersign_benches::machine::pin;
use countersign_benches::section::{Bar, Section, number};
use countersign_benches::stats::{median, median_ratio};
use countersign_benches::token::{self, AUDIENCE, ISSUER, claims};
use countersign_benches::{Failure, quick};
use load::{Load, Tokens};
use serve::{KEY_ID, Task};

const ALGORITHMS: [Algorithm; 3] = [Algorithm::HS256, Algorithm::ES256, Algorithm::RS256];

/// What is measured: the server, the tokens it is sent, and the row of the table.
const RUNS: [Run; 14] = [
    Run::new("bare", Tokens::One, "no guard"),
    Run::new("guard", Tokens::One, "countersign-guard, one token"),
    Run::new("bare", Tokens::InTurn, "no guard, 1,000 tokens"),
    Run::new(
        "guard",
        Tokens::InTurn,
        "countersign-guard, 1,000 tokens in turn",
    ),
    Run::new(
        "bare",
        Tokens::Mixed,
        "no guard, 9 known tokens and a new one",
    ),
    Run::new(
        "guard-mixed",
        Tokens::Mixed,
        "countersign-guard, 9 known tokens and a new one",
    ),
    Run::new("guard-off", Tokens::One, "countersign-guard, cache off"),
    Run::new(
        "guard-new",
        Tokens::InTurn,
        "countersign-guard, every token new to it",
    ),
    Run::new(
        "signature",
        Tokens::One,
        "by hand: the signature, and nothing else",
    ),
    Run::new(
        "signature-and-claims",
        Tokens::One,
        "by hand: the signature, and the claims by serde_json, unchecked",
    ),
    Run::new(
        "jsonwebtoken",
        Tokens::One,
        "jsonwebtoken, a hand-written extractor",
    ),
    Run::new("jwt-authorizer", Tokens::One, "jwt-authorizer"),
    Run::new("axum-jwt-auth", Tokens::One, "axum-jwt-auth"),
    Run::new(
        "fastify",
        Tokens::One,
        "fastify with @fastify/jwt and its cache",
    ),
];
const HIT: usize = 1;
const HIT_IN_TURN: usize = 3;
const CACHE_OFF: usize = 6;
const MISS: usize = 7;
const BY_HAND: usize = 10;

struct Run {
    server: &'static str,
    tokens: Tokens,
    says: &'static str,
}

impl Run {
    const fn new(server: &'static str, tokens: Tokens, says: &'static str) -> Self {
        Self {
            server,
            tokens,
            says,
        }
    }

    /// The run without a guard under the same load.
    fn floor(&self) -> usize {
        match self.tokens {
            Tokens::One => 0,
            Tokens::InTurn => 2,
            Tokens::Mixed => 4,
        }
    }
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "serve") {
        return serve::serve();
    }
    if !arguments.iter().any(|argument| argument == "--no-build") {
        contender::prepare()?;
    }
    let named = |algorithm: &Algorithm| arguments.iter().any(|name| name == algorithm.name());
    let all = !ALGORITHMS.iter().any(named);
    let chosen = ALGORITHMS.into_iter().filter(|one| all || named(one));
    let rates = chosen
        .map(|algorithm| Ok((algorithm, measured(algorithm)?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    print(&rates);
    Ok(())
}

/// Requests a second of every run, round by round.
type Rates = Vec<Vec<f64>>;

fn measured(algorithm: Algorithm) -> Result<Rates, Failure> {
    let rounds = if quick() { 1 } else { 5 };
    let (task, load) = material(algorithm)?;
    pin(&[0])?;
    let mut servers = BTreeMap::new();
    for run in &RUNS {
        let task = Task {
            contender: run.server.into(),
            ..task.clone()
        };
        if !servers.contains_key(run.server) {
            servers.insert(run.server, Contender::start(&task)?);
        }
    }
    pin(&[1])?;
    let mut rates = vec![Vec::new(); RUNS.len()];
    // A round that does not count: caches fill, node compiles.
    for round in 0..=rounds {
        for turn in 0..RUNS.len() {
            let at = (round + turn) % RUNS.len();
            let server = servers.get(RUNS[at].server).ok_or("it was started")?;
            let rate = load.run(&server.address, RUNS[at].tokens)?;
            if round > 0 {
                rates[at].push(rate);
            }
        }
        eprintln!("guard_http: {algorithm}, round {round} of {rounds}");
    }
    Ok(rates)
}

/// A key, and the tokens signed with it.
fn material(algorithm: Algorithm) -> Result<(Task, Load), Failure> {
    // A shared secret that is text, because one of them takes no other.
    let secret = "a-shared-secret-of-48-characters-for-this-bench-";
    let signing = match algorithm {
        Algorithm::HS256 => SigningKey::from_secret(algorithm, secret.as_bytes())?,
        _ => SigningKey::generate(algorithm)?,
    };
    let key = match algorithm {
        Algorithm::HS256 => secret.to_owned(),
        _ => signing.verifying_key().to_pem()?,
    };
    let signer = Signer::new(signing.with_key_id(KEY_ID)).typ("at+jwt");
    let now = UnixTime::now();
    let sign = |whose: &str, count: u32| -> Result<Vec<String>, Failure> {
        let tokens = (0..count).map(|n| {
            signer.sign(&token::Owned {
                jti: format!("{whose}-53cd-4e61-9b1a-{n:012}"),
                sid: format!("{n:016}"),
                ..claims(now)
            })
        });
        Ok(tokens.collect::<Result<_, _>>()?)
    };
    let load = Load::new(&sign("e2b9a7f0", 1_000)?, &sign("57a46e12", 4_096)?)?;
    let task = Task {
        contender: String::new(),
        algorithm: algorithm.to_string(),
        key,
        issuer: ISSUER.into(),
        audience: AUDIENCE.into(),
    };
    Ok((task, load))
}

fn print(rates: &[(Algorithm, Rates)]) {
    let share = |rates: &Rates, run: usize| median_ratio(&rates[run], &rates[RUNS[run].floor()]);
    let rows = RUNS.iter().enumerate().map(|(at, run)| {
        let mut row = vec![run.says.to_owned()];
        for (_, rates) in rates {
            row.push(number(median(rates[at].iter().copied())));
            row.push(format!("{:.1} %", share(rates, at) * 100.0));
        }
        row
    });
    let names = rates.iter().map(|(algorithm, _)| algorithm.name());
    let head: Vec<&str> = ["requests a second"]
        .into_iter()
        .chain(names.flat_map(|name| [name, ""]))
        .collect();
    let mut section = Section::new("A guarded route under load");
    section.says(SAYS).table(&head, rows);
    for (algorithm, rates) in rates {
        for (run, which) in [(HIT, "one token"), (HIT_IN_TURN, "1,000 tokens in turn")] {
            let says = format!("share of the bare route, {algorithm}, {which}");
            section.bar(Bar::at_least(says, share(rates, run), 0.9));
        }
        if *algorithm == Algorithm::HS256 {
            let says = "share of the bare route, HS256, cache off";
            section.bar(Bar::at_least(says, share(rates, CACHE_OFF), 0.78));
        }
    }
    for (algorithm, rates) in rates {
        let says = format!("a miss, {algorithm}, in times the hand-written extractor");
        // Each against its own floor, because the load program sends them differently.
        section.bar(Bar::at_least(
            says,
            share(rates, MISS) / share(rates, BY_HAND),
            1.0,
        ));
    }
    section.print();
}

const SAYS: &str = "\
    One axum route that answers 29 bytes, with `Caller` as an extractor, against the same route without it; \
    `wrk` sends, 32 connections, one thread. Every server has one thread and the first core, the load the \
    second. A round is one second for each, in turn; medians of 5 rounds, shares taken within a round and \
    against the bare route under the same load. The tokens have eleven claims in about 350 bytes. \"Every token \
    new\": 1,000 tokens in turn at a cache of 256 places, so that each is verified, remembered and forgotten. \
    \"9 known tokens and a new one\": the 1,000 in turn, and after each nine of them one of 4,096 others, at a cache of \
    2,048 places, so that these are always new. \
    \"By hand\" are two extractors of a few lines, with aws-lc-rs, base64url and serde_json, that look at no header, date, \
    issuer or audience. \
    The peers check `exp`, `nbf`, `iss` and `aud` and read the claims into the same struct; jsonwebtoken 11.1 \
    on aws-lc-rs; jwt-authorizer 0.15, which stands on axum 0.7 and jsonwebtoken 9 (ring); axum-jwt-auth 0.7 \
    on jsonwebtoken 10 (pure Rust); fastify 5 with `cache: true`.";
