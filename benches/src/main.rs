//! Measures verifying and signing beside the bare cryptography and two peers.
//!
//! All contenders take turns within each round, in one process, so that whatever disturbs the
//! machine disturbs them alike; ratios are taken within a round and the median of them is given.
//! `countersign-benches quick` runs few rounds, to see that it works.
#![expect(clippy::print_stdout, reason = "a program that prints a table")]

mod contenders;

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use contenders::Contender;
use countersign::Algorithm;

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
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "quick");
    let chosen = |algorithm: &Algorithm| {
        let named: Vec<_> = arguments.iter().filter(|name| *name != "quick").collect();
        named.is_empty() || named.iter().any(|name| *name == algorithm.name())
    };
    let (rounds, slice) = if quick {
        (5, Duration::from_millis(2))
    } else {
        (101, Duration::from_millis(5))
    };
    for algorithm in MEASURED.into_iter().filter(chosen) {
        println!("\n{algorithm}, verify");
        report(&measure(contenders::verifying(algorithm)?, rounds, slice));
        println!("\n{algorithm}, sign");
        report(&measure(contenders::signing(algorithm)?, rounds, slice));
    }
    Ok(())
}

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

fn report(all: &[Series]) {
    let Some(raw) = all.first() else { return };
    for series in all {
        let ratios = series
            .rounds
            .iter()
            .zip(&raw.rounds)
            .map(|(own, raw)| own / raw);
        println!(
            "  {:<34} {:>10.2} us   {:>6.3} x raw",
            series.name,
            median(series.rounds.iter().copied()) / 1000.0,
            median(ratios),
        );
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
