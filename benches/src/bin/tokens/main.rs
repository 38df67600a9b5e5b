//! Measures verifying and signing beside the bare cryptography and the peers that build anywhere.
//!
//! All contenders take turns within each round, in one process, so that whatever disturbs the
//! machine disturbs them alike; ratios are taken within a round and the median of them is given.
//! Algorithms may be named, to measure only those.

#![expect(clippy::print_stderr, reason = "it says how far it is")]

mod contenders;

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use contenders::Contender;
use countersign::Algorithm;
use countersign_benches::quick;
use countersign_benches::section::{Section, number};
use countersign_benches::stats::{median, median_ratio};

const MEASURED: [Algorithm; 8] = [
    Algorithm::HS256,
    Algorithm::RS256,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::ES256K,
    Algorithm::EdDSA,
];

fn main() -> Result<(), Box<dyn Error>> {
    let named: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let chosen = |algorithm: &Algorithm| {
        named.is_empty() || named.iter().any(|name| name == algorithm.name())
    };
    let (rounds, slice) = if quick() {
        (5, Duration::from_millis(2))
    } else {
        (101, Duration::from_millis(5))
    };
    let mut rows = Vec::new();
    for algorithm in MEASURED.into_iter().filter(chosen) {
        eprintln!("tokens: {algorithm}");
        let verifying = measure(contenders::verifying(algorithm)?, rounds, slice);
        let signing = measure(contenders::signing(algorithm)?, rounds, slice);
        rows.extend(report(&format!("{algorithm} verify"), &verifying));
        rows.extend(report(&format!("{algorithm} sign"), &signing));
    }
    Section::new("Signing and verifying a token")
        .says(SAYS)
        .table(&["", "by", "us", "times raw"], rows)
        .print();
    Ok(())
}

const SAYS: &str = "\
    One process; in each of 101 rounds every contender runs for about 5 ms, in turn. *Raw* is the \
    one call into aws-lc-rs, on the same bytes, with the key parsed before. The token is an access \
    token by RFC 9068: 11 claims in about 350 bytes of JSON, header `alg typ kid`. Keys are \
    prepared once by everyone. Verifying includes `exp`, `nbf`, `iss` and `aud` and ends in an \
    owned struct of seven strings and a list of three; ours has every strictness on (repeated names \
    at all levels, depth, strict base64url, `crit`, `typ`, ranges of dates). With *borrowed claims* \
    it fills a struct of `&str` from a buffer that is used again. jwt-simple is measured with its \
    pure-Rust backend, as its other one needs cmake; josekit needs the headers of OpenSSL and is not \
    measured.";

/// Nanoseconds per call of one contender, round by round.
struct Series {
    name: &'static str,
    rounds: Vec<f64>,
}

fn measure(mut contenders: Vec<Contender>, rounds: usize, slice: Duration) -> Vec<Series> {
    let batches: Vec<u32> = contenders
        .iter_mut()
        .map(|one| calibrate(one, slice))
        .collect();
    let mut all: Vec<Series> = contenders
        .iter()
        .map(|one| Series {
            name: one.name,
            rounds: Vec::with_capacity(rounds),
        })
        .collect();
    for round in 0..rounds {
        // Another one begins each time, so that none is always behind the same neighbour.
        for turn in 0..contenders.len() {
            let at = (round + turn) % contenders.len();
            all[at].rounds.push(run(&mut contenders[at], batches[at]));
        }
    }
    all
}

/// How many calls fill about `slice`.
fn calibrate(one: &mut Contender, slice: Duration) -> u32 {
    let mut calls = 1;
    loop {
        let spent = run(one, calls) * f64::from(calls);
        if spent >= slice.as_secs_f64() * 1e9 / 2.0 || calls > 1 << 20 {
            return calls;
        }
        calls *= 2;
    }
}

fn run(one: &mut Contender, calls: u32) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        black_box((one.call)());
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
}

fn report(work: &str, all: &[Series]) -> Vec<[String; 4]> {
    let Some(raw) = all.first() else {
        return Vec::new();
    };
    let row = |series: &Series| {
        [
            work.to_owned(),
            series.name.to_owned(),
            number(median(series.rounds.iter().copied()) / 1000.0),
            format!("{:.3}", median_ratio(&series.rounds, &raw.rounds)),
        ]
    };
    all.iter().map(row).collect()
}
