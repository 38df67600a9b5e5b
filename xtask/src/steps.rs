//! The steps of each chore, and how a list of them is run.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::cargo::cargo;
use crate::failure::Failure;
use crate::options::Options;
use crate::tally::Tally;
use crate::workspace::Workspace;
use crate::{
    chromium, dependencies, features, foreign, fuzz, logs, package, postgres, proxies, tests, walls,
};

/// Something that must hold.
struct Step {
    name: &'static str,
    says: &'static str,
    run: fn(&Workspace, Options, &mut Tally) -> Result<(), Failure>,
}

const CHECKS: &[Step] = &[
    Step {
        name: "format",
        says: "rustfmt has nothing to change",
        run: format,
    },
    Step {
        name: "lint",
        says: "clippy has nothing to say, all targets and features",
        run: lint,
    },
    Step {
        name: "docs",
        says: "every page builds, every link leads somewhere",
        run: docs,
    },
    Step {
        name: "dependencies",
        says: "cargo-deny: licences, sources, bans, duplicates, advisories",
        run: dependencies::check,
    },
    Step {
        name: "walls",
        says: "crates depend on each other as drawn",
        run: walls::check,
    },
    Step {
        name: "features",
        says: "each feature compiles alone",
        run: features::check,
    },
    Step {
        name: "fuzz",
        says: "every fuzz target runs for a moment",
        run: fuzz::smoke,
    },
];

const TESTS: &[Step] = &[
    Step {
        name: "foreign",
        says: "get the other implementations",
        run: foreign::prepare,
    },
    Step {
        name: "postgres",
        says: "have PostgreSQL at hand",
        run: postgres::prepare,
    },
    Step {
        name: "chromium",
        says: "have a browser at hand",
        run: chromium::prepare,
    },
    Step {
        name: "proxies",
        says: "have nginx and Caddy at hand",
        run: proxies::prepare,
    },
    Step {
        name: "build",
        says: "build all that is tested, the command as it is shipped",
        run: tests::build,
    },
    Step {
        name: "package",
        says: "the Debian package is whole",
        run: package::check,
    },
    Step {
        name: "examples",
        says: "run the examples in the documentation",
        run: tests::examples,
    },
    Step {
        name: "optimised",
        says: "run the tests of what decides, as it is shipped",
        run: tests::optimised,
    },
    Step {
        name: "tests",
        says: "run every other test",
        run: tests::run,
    },
    Step {
        name: "logs",
        says: "no log of those tests holds a secret",
        run: logs::check,
    },
];

/// A list of steps with a name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chore {
    Test,
    Ci,
}

impl Chore {
    fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Ci => "ci",
        }
    }

    fn steps(self) -> impl Iterator<Item = &'static Step> {
        let checks = if self == Self::Ci { CHECKS } else { &[] };
        checks.iter().chain(TESTS)
    }
}

/// What was typed.
pub(crate) struct Asked {
    chore: Chore,
    /// Empty: all of them.
    chosen: Vec<String>,
    options: Options,
}

impl Asked {
    pub(crate) fn parse(chore: Chore, arguments: &[String]) -> Result<Self, Failure> {
        let mut asked = Self {
            chore,
            chosen: Vec::new(),
            options: Options::default(),
        };
        for argument in arguments {
            if argument == "--skip-foreign" {
                asked.options.skip_foreign = true;
            } else if chore.steps().any(|step| step.name == argument) {
                asked.chosen.push(argument.clone());
            } else {
                let name = chore.name();
                return Err(Failure::new(format!(
                    "`{argument}` is neither an option nor a step of `cargo xtask {name}`\n\n{}",
                    described()
                )));
            }
        }
        Ok(asked)
    }

    fn chose(&self, step: &Step) -> bool {
        self.chosen.is_empty() || self.chosen.iter().any(|name| name == step.name)
    }
}

/// Runs the steps in order; the first that fails ends the run.
pub(crate) fn run(workspace: &Workspace, asked: &Asked) -> Result<(), Failure> {
    let options = asked.options;
    let mut tally = Tally::default();
    let mut times = Vec::new();
    for step in asked.chore.steps().filter(|step| asked.chose(step)) {
        println!("\n== {}: {}", step.name, step.says);
        let start = Instant::now();
        (step.run)(workspace, options, &mut tally).map_err(|why| {
            let again = if options.skip_foreign { " --skip-foreign" } else { "" };
            Failure::new(format!(
                "\n{why}\n\nThe step `{name}` failed. To repeat it alone:\n    cargo xtask {chore} {name}{again}",
                name = step.name,
                chore = asked.chore.name(),
            ))
        })?;
        times.push((step.name, start.elapsed()));
    }
    print!("\n{}", table(&times));
    if options.skip_foreign {
        foreign::say_skipped();
        proxies::say_skipped();
        postgres::say_skipped();
    }
    if !tally.is_empty() {
        println!("\n{tally}");
    }
    Ok(())
}

/// Every step with what it says, for the help.
pub(crate) fn described() -> String {
    let mut text = format!(
        "Steps of `ci`; the last {} are those of `test`:\n",
        TESTS.len()
    );
    for step in Chore::Ci.steps() {
        let _ = writeln!(text, "  {:<14}{}", step.name, step.says);
    }
    text
}

fn table(times: &[(&str, Duration)]) -> String {
    let mut text = String::new();
    for (name, time) in times {
        let _ = writeln!(text, "  {name:<14}{:>8.1} s", time.as_secs_f64());
    }
    let total: Duration = times.iter().map(|(_, time)| *time).sum();
    let _ = writeln!(text, "  {:<14}{:>8.1} s", "all", total.as_secs_f64());
    text
}

fn format(workspace: &Workspace, _: Options, _: &mut Tally) -> Result<(), Failure> {
    cargo(workspace, ["fmt", "--all", "--check"]).run()
}

fn lint(workspace: &Workspace, _: Options, _: &mut Tally) -> Result<(), Failure> {
    cargo(
        workspace,
        [
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--",
            "-D",
            "warnings",
        ],
    )
    .run()
}

fn docs(workspace: &Workspace, _: Options, _: &mut Tally) -> Result<(), Failure> {
    cargo(
        workspace,
        ["doc", "--workspace", "--no-deps", "--all-features"],
    )
    .env("RUSTDOCFLAGS", "-D warnings")
    .run()
}
