//! `countersign password calibrate`: what Argon2id costs on this machine, and what to choose.
//!
//! For each amount of memory as many passes as fit the target, and never less than the floor. All
//! of them are measured in turns, so that what else the machine does meets them alike, and the
//! median counts. Of those within the target the one with the most memory is proposed: memory is
//! what costs a guesser with special hardware the most.

use std::time::{Duration, Instant};

use clap::{Args, value_parser};
use countersign::crypto;
use countersign_issuer::{
    NewPassword, Password, PasswordHasher, PasswordParameters, PasswordPolicy,
};
use serde::Serialize;

use crate::cmd::progress::Progress;
use crate::failure::Failure;
use crate::output::{self, BOLD, DIM};

/// Amounts of memory to try, in KiB; the first five are those of the OWASP Password Storage Cheat
/// Sheet.
const MEMORIES: [u32; 9] = [
    7_168, 9_216, 12_288, 19_456, 47_104, 65_536, 98_304, 131_072, 262_144,
];
/// Turns to find out how many passes fit, and turns that count.
const ROUGH: usize = 3;
const COUNTED: usize = 7;
/// One pass leaves more room for trading memory against time than several do.
const PREFERRED_PASSES: u32 = 2;

#[derive(Debug, Args)]
pub(crate) struct CalibrateArgs {
    /// How many milliseconds one hash may take
    #[arg(long, default_value_t = 100, value_name = "MS", value_parser = value_parser!(u64).range(1..=5_000))]
    target_ms: u64,
    /// How many KiB of memory one hash may take at most; the server takes that once a hashing lane
    #[arg(long, default_value_t = 65_536, value_name = "KIB")]
    most_memory_kib: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &CalibrateArgs) -> Result<(), Failure> {
    let target = Duration::from_millis(args.target_ms);
    let mut contest = Contest::new(args.most_memory_kib)?;
    contest.run(ROUGH)?;
    contest.fit(target)?;
    contest.run(COUNTED)?;
    let measured = contest.measured();
    let (proposal, within_target) = choose(&measured, args.target_ms)
        .ok_or_else(|| Failure::failed("nothing could be measured"))?;
    if args.json {
        return output::json(&Report {
            target_ms: args.target_ms,
            within_target,
            proposal,
            measured: &measured,
        });
    }
    say(args.target_ms, within_target, proposal, &measured)
}

/// One choice of parameters and what it costs here.
#[derive(Clone, Copy, Debug, Serialize)]
struct Measured {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    median_ms: f64,
    sign_ins_per_second_and_lane: f64,
}

#[derive(Serialize)]
struct Report<'a> {
    target_ms: u64,
    within_target: bool,
    proposal: Measured,
    measured: &'a [Measured],
}

fn say(
    target_ms: u64,
    within_target: bool,
    proposal: Measured,
    measured: &[Measured],
) -> Result<(), Failure> {
    output::line(&format!(
        "{DIM}memory KiB  passes  lanes   one hash  sign-ins a second and lane{DIM:#}"
    ))?;
    for row in measured {
        output::line(&format!(
            "{:10}  {:6}  {:5}  {:6.1} ms  {:26.1}",
            row.memory_kib, row.passes, row.lanes, row.median_ms, row.sign_ins_per_second_and_lane
        ))?;
    }
    if !within_target {
        output::warning(&format!(
            "no hash takes {target_ms} ms or less here without going below the floor: this is the \
             cheapest that is allowed"
        ))?;
    }
    output::line(&format!(
        "{BOLD}--password-memory-kib {} --password-passes {} --password-lanes {}{BOLD:#}",
        proposal.memory_kib, proposal.passes, proposal.lanes
    ))
}

/// The most memory within the target, with more than one pass if that can be had; else the
/// cheapest, and that it is not within the target.
fn choose(measured: &[Measured], target_ms: u64) -> Option<(Measured, bool)> {
    let within = |row: &&Measured| {
        Duration::from_secs_f64(row.median_ms / 1e3) <= Duration::from_millis(target_ms)
    };
    let most = |least_passes: u32| {
        measured
            .iter()
            .filter(within)
            .filter(|row| row.passes >= least_passes)
            .max_by_key(|row| row.memory_kib)
    };
    if let Some(row) = most(PREFERRED_PASSES).or_else(|| most(1)) {
        return Some((*row, true));
    }
    let cheapest = |a: &&Measured, b: &&Measured| a.median_ms.total_cmp(&b.median_ms);
    measured.iter().min_by(cheapest).map(|row| (*row, false))
}

/// The candidates, and the times they have taken so far.
struct Contest {
    candidates: Vec<Candidate>,
    password: NewPassword,
}

struct Candidate {
    hasher: PasswordHasher,
    times: Vec<Duration>,
}

impl Contest {
    fn new(most_memory_kib: u32) -> Result<Self, Failure> {
        let memories = MEMORIES.into_iter().filter(|kib| *kib <= most_memory_kib);
        let candidates = memories
            .map(|memory_kib| Candidate::new(memory_kib, least_passes(memory_kib)))
            .collect::<Result<Vec<_>, _>>()?;
        if candidates.is_empty() {
            return Err(Failure::usage(format!(
                "a password hash takes at least {} KiB",
                PasswordParameters::LEAST_MEMORY_KIB
            )));
        }
        let password = Password::new("a password of ordinary length").map_err(Failure::failed)?;
        let password = NewPassword::choose(password, "nobody", PasswordPolicy::default());
        Ok(Self {
            candidates,
            password: password.map_err(Failure::failed)?,
        })
    }

    /// Measures all of them in turns.
    fn run(&mut self, turns: usize) -> Result<(), Failure> {
        let progress = Progress::of(Some(turns as u64));
        for turn in 0..turns {
            progress.at(turn as u64, "measuring".into());
            for candidate in &mut self.candidates {
                candidate.take_turn(&self.password)?;
            }
        }
        Ok(())
    }

    /// Gives each as many passes as fit the target, and forgets the times.
    fn fit(&mut self, target: Duration) -> Result<(), Failure> {
        for candidate in &mut self.candidates {
            let now = candidate.hasher.parameters();
            let pass = candidate.median() / now.passes();
            // A little less, for the turns that count are not quite like the rough ones.
            let fitting = target.as_nanos() * 97 / 100 / pass.as_nanos().max(1);
            let most = PasswordParameters::MOST_PASSES.min(
                u32::try_from(PasswordParameters::MOST_WORK).unwrap_or(u32::MAX) / now.memory_kib(),
            );
            let passes = u32::try_from(fitting).unwrap_or(u32::MAX).min(most);
            let passes = passes.max(least_passes(now.memory_kib()));
            *candidate = Candidate::new(now.memory_kib(), passes)?;
        }
        Ok(())
    }

    fn measured(&self) -> Vec<Measured> {
        self.candidates.iter().map(Candidate::measured).collect()
    }
}

impl Candidate {
    fn new(memory_kib: u32, passes: u32) -> Result<Self, Failure> {
        let parameters = PasswordParameters::new(memory_kib, passes, 1).map_err(Failure::failed)?;
        Ok(Self {
            hasher: PasswordHasher::new(parameters),
            times: Vec::new(),
        })
    }

    /// The first turn also fetches the memory, which a server's lanes keep; the median does not
    /// mind.
    fn take_turn(&mut self, password: &NewPassword) -> Result<(), Failure> {
        let salt = crypto::random::<16>().map_err(Failure::failed)?;
        let began = Instant::now();
        self.hasher.hash(password, salt).map_err(Failure::failed)?;
        self.times.push(began.elapsed());
        Ok(())
    }

    fn median(&self) -> Duration {
        let mut times = self.times.clone();
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    }

    fn measured(&self) -> Measured {
        let parameters = self.hasher.parameters();
        let seconds = self.median().as_secs_f64();
        Measured {
            memory_kib: parameters.memory_kib(),
            passes: parameters.passes(),
            lanes: parameters.lanes(),
            median_ms: seconds * 1e3,
            sign_ins_per_second_and_lane: 1.0 / seconds,
        }
    }
}

/// The fewest passes over so much memory that are not below the floor.
fn least_passes(memory_kib: u32) -> u32 {
    let passes = PasswordParameters::LEAST_WORK.div_ceil(u64::from(memory_kib.max(1)));
    u32::try_from(passes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(memory_kib: u32, passes: u32, median_ms: f64) -> Measured {
        Measured {
            memory_kib,
            passes,
            lanes: 1,
            median_ms,
            sign_ins_per_second_and_lane: 1e3 / median_ms,
        }
    }

    #[test]
    fn the_most_memory_within_the_target_is_chosen_and_rather_with_two_passes() {
        let rows = [
            row(19_456, 5, 49.0),
            row(47_104, 2, 48.0),
            row(65_536, 1, 35.0),
            row(98_304, 1, 51.0),
        ];
        let chosen = |target| choose(&rows, target).expect("rows");
        assert_eq!((chosen(50).0.memory_kib, chosen(50).1), (47_104, true));
        assert_eq!((chosen(40).0.memory_kib, chosen(40).1), (65_536, true));
        assert_eq!((chosen(10).0.memory_kib, chosen(10).1), (65_536, false));
    }

    #[test]
    fn no_candidate_is_below_the_floor() {
        for memory_kib in MEMORIES {
            let passes = least_passes(memory_kib);
            assert!(PasswordParameters::new(memory_kib, passes, 1).is_ok());
            let below = PasswordParameters::new(memory_kib, passes - 1, 1);
            assert!(below.is_err(), "{memory_kib} KiB");
        }
    }
}
