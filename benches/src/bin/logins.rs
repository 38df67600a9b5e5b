//! Logins over HTTP, beside the bare Argon2id on every core.
#![expect(clippy::print_stderr, reason = "it says how far it is")]

use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use countersign_benches::load::saturate;
use countersign_benches::logins::{BELIEVED, SignIns};
use countersign_benches::machine::resident;
use countersign_benches::section::{Bar, Section, number, time};
use countersign_benches::server::{PASSWORD, Server};
use countersign_benches::stats::{median, median_ratio};
use countersign_benches::{Failure, quick};

const USERS: u32 = 200;
const CONNECTIONS: usize = 16;

fn main() -> Result<(), Failure> {
    let (rounds, lasting) = if quick() {
        (2, Duration::from_millis(500))
    } else {
        (15, Duration::from_secs(4))
    };
    let mut server = Server::new(&BELIEVED)?;
    server.add_users("user", USERS as usize)?;
    server.start()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let cores = std::thread::available_parallelism()?.get();
    let (mut bare, mut logins, mut p50) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        for turn in 0..2 {
            if (round + turn) % 2 == 0 {
                bare.push(hashes(cores, lasting)?);
            } else {
                let callers = SignIns::callers("user", USERS, CONNECTIONS);
                let work = saturate(server.address()?, callers, lasting);
                let (mut outcome, _) = runtime.block_on(work)?;
                logins.push(outcome.rate());
                p50.push(outcome.times.percentile(50));
            }
        }
        eprintln!("logins: round {} of {rounds}", round + 1);
    }
    let (_, most) = resident(server.process()?)?;
    server.stop()?;

    let share = median_ratio(&logins, &bare);
    let middle = |values: &[f64]| median(values.iter().copied());
    Section::new("Logins alone")
        .says(format!(
            "{CONNECTIONS} connections that sign in one user after the other, in turn with the bare \
             work: Argon2id (m=19456 KiB, t=2, p=1) by the `argon2` crate on {cores} threads, with \
             their memory kept. {rounds} rounds of 4 s each. The server took {} MiB at most.",
            number(most)
        ))
        .table(
            &["", "a second", "p50", "share"],
            [
                ["bare Argon2id".to_owned(), number(middle(&bare)), String::new(), "1".to_owned()],
                [
                    "logins over HTTP".to_owned(),
                    number(middle(&logins)),
                    time(middle(&p50)),
                    format!("{share:.2}"),
                ],
            ],
        )
        .bar(Bar::at_least("share of the bare Argon2id rate", share, 0.9))
        .print();
    Ok(())
}

/// Hashes a second on so many threads.
fn hashes(threads: usize, lasting: Duration) -> Result<f64, Failure> {
    let start = Instant::now();
    let work = move || -> Result<u32, argon2::Error> {
        let parameters = Params::new(19_456, 2, 1, Some(32))?;
        let mut memory = vec![Block::default(); parameters.block_count()];
        let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
        let (mut made, mut hash) = (0, [0; 32]);
        while start.elapsed() < lasting {
            let password = PASSWORD.as_bytes();
            hasher.hash_password_into_with_memory(password, &[7; 16], &mut hash, &mut memory)?;
            made += 1;
        }
        Ok(made)
    };
    let all: Vec<_> = (0..threads).map(|_| std::thread::spawn(work)).collect();
    let mut made = 0;
    for one in all {
        made += one.join().map_err(|_| "a thread ended early")??;
    }
    Ok(f64::from(made) / start.elapsed().as_secs_f64())
}
