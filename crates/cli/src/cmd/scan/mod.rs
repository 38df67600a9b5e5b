//! `countersign scan`: what the tutorials taught, found in a code base.
//!
//! The crate `countersign-scan` reads one file; here is what stands around it: which files, how it is
//! printed, and when the command fails.

mod gitignore;
mod report;
mod sarif;
mod tree;
mod walk;

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use countersign_scan::{Level, Rule};
use tree::{Found, Tree};

use crate::failure::Failure;
use crate::output;

/// Find hard-coded secrets, tokens for ever and checks left out in a code base
///
/// Looks at Python (PyJWT, python-jose, Authlib), JavaScript and TypeScript (jsonwebtoken, jose,
/// fast-jwt), Go (golang-jwt), Java (jjwt, java-jwt, Nimbus) and Rust (jsonwebtoken, jwt-simple).
/// What git ignores, tests, third-party folders and minified files are left out. A comment
/// `countersign: allow RULE REASON`, on the line or above it, keeps a finding out.
///
/// Exit 0: nothing of the level of --fail-on. Exit 1: found, or a file could not be read.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign scan
  countersign scan services/ --fail-on error
  countersign scan --sarif . > scan.sarif
  countersign scan --json | jq '.findings[].rule'
  countersign scan --rules")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch on the command line"
)]
pub(crate) struct ScanArgs {
    /// Folders or files [default: where you are]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print SARIF 2.1.0, for code scanning services and editors
    #[arg(long, conflicts_with = "json")]
    sarif: bool,
    /// From which level on a finding makes the command fail
    #[arg(long, value_name = "LEVEL", default_value = "warning")]
    fail_on: FailOn,
    /// A rule to leave out; may be given several times
    #[arg(long, value_name = "RULE", value_parser = PossibleValuesParser::new(Rule::ALL.map(Rule::name)), hide_possible_values = true)]
    without: Vec<String>,
    /// Look at tests too
    #[arg(long)]
    tests: bool,
    /// Look at what git ignores too
    #[arg(long)]
    no_ignore: bool,
    /// Show every rule, why it is one, and the way out
    #[arg(long, conflicts_with_all = ["paths", "sarif"])]
    rules: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FailOn {
    Note,
    Warning,
    Error,
    Never,
}

impl FailOn {
    fn level(self) -> Option<Level> {
        match self {
            Self::Note => Some(Level::Note),
            Self::Warning => Some(Level::Warning),
            Self::Error => Some(Level::Error),
            Self::Never => None,
        }
    }
}

pub(crate) fn run(args: &ScanArgs) -> Result<(), Failure> {
    if args.rules {
        return report::rules(args.json);
    }
    let tree = Tree {
        tests: args.tests,
        ignored: args.no_ignore,
    };
    let here = [PathBuf::from(".")];
    let paths = if args.paths.is_empty() {
        &here[..]
    } else {
        &args.paths
    };
    let mut found = tree.scan(paths)?;
    found
        .findings
        .retain(|(_, finding)| !args.without.iter().any(|rule| rule == finding.rule.name()));
    print(&found, args)?;
    report::summary(&found)?;

    let fails = |level| {
        found
            .findings
            .iter()
            .any(|(_, finding)| finding.rule.level() >= level)
    };
    if args.fail_on.level().is_some_and(fails) {
        return Err(Failure::Found);
    }
    match found.unread {
        0 => Ok(()),
        unread => Err(Failure::failed(format!(
            "{unread} of the files could not be read"
        ))),
    }
}

fn print(found: &Found, args: &ScanArgs) -> Result<(), Failure> {
    if args.sarif {
        output::json(&sarif::log(&found.findings))
    } else if args.json {
        output::json(&report::json(found))
    } else {
        report::text(&found.findings)
    }
}
