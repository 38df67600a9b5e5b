//! The project's own chores: `cargo xtask test`, `ci`, `bench` and `package`.
//!
//! The first two are lists of named steps, run in order until one fails. What fails says the one command
//! that repeats it. This program builds nothing by itself: it calls cargo and the tools a step
//! needs, so that each step can be typed by hand as well.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it talks to a person"
)]

use std::process::ExitCode;

mod bench;
mod cargo;
mod chromium;
mod command;
mod debian;
mod dependencies;
mod failure;
mod features;
mod foreign;
mod fuzz;
mod logs;
mod node;
mod options;
mod order;
mod package;
mod postgres;
mod proxies;
mod steps;
mod tally;
mod tests;
mod walls;
mod workspace;

use failure::Failure;
use steps::{Asked, Chore};
use workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask test [STEP…] [--skip-foreign]
       cargo xtask ci   [STEP…] [--skip-foreign]
       cargo xtask bench [NAME…] [--quick] [--no-build]
       cargo xtask order
       cargo xtask package

  test   everything a change must pass, from a bare clone: builds, then runs all tests,
         those against other implementations of JWT as well
  ci     what CI runs: format, lints, docs, dependencies, walls, features, then `test`
  bench  what it costs: runs the programs of benches/ and writes docs/benchmarks.md
  order  which functions a server runs, for the linker to put together; needs valgrind
  package  the Debian package, from a release build

  STEP            run only these steps, in the order of the list
  --skip-foreign  leave out the tests that need Python packages, and those that need PostgreSQL
                  where it is missing; both are said at the end
  NAME            run only these benches; the other sections of the page stay
  --quick         few rounds, to see that they work; nothing is written
  --no-build      run what `cargo build --release` left, on a machine that is quiet by now
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    if let Some((name, rest)) = arguments.split_first()
        && name == "bench"
    {
        let workspace = Workspace::load()?;
        return bench::run(&workspace, &bench::Asked::parse(&workspace, rest)?);
    }
    if arguments == ["order"] {
        return order::run(&Workspace::load()?);
    }
    if arguments == ["package"] {
        return package::release(&Workspace::load()?);
    }
    let (chore, rest) = match arguments.split_first() {
        Some((name, rest)) if name == "test" => (Chore::Test, rest),
        Some((name, rest)) if name == "ci" => (Chore::Ci, rest),
        Some((name, _)) if matches!(name.as_str(), "help" | "--help" | "-h") => {
            print!("{USAGE}\n{}", steps::described());
            return Ok(());
        }
        _ => return Err(Failure::new(USAGE)),
    };
    let asked = Asked::parse(chore, rest)?;
    steps::run(&Workspace::load()?, &asked)
}
