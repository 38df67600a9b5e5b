//! `countersign password`, and what a password hash costs.

mod calibrate;

use clap::{Args, Subcommand};
use countersign_issuer::PasswordParameters;

use crate::failure::Failure;

/// Find out what a password hash should cost on this machine.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign password calibrate
  countersign password calibrate --target-ms 250")]
pub(crate) struct PasswordArgs {
    #[command(subcommand)]
    command: PasswordCommand,
}

#[derive(Debug, Subcommand)]
enum PasswordCommand {
    /// Measure Argon2id on this machine and propose parameters
    Calibrate(calibrate::CalibrateArgs),
}

pub(crate) fn run(args: &PasswordArgs) -> Result<(), Failure> {
    match &args.command {
        PasswordCommand::Calibrate(args) => calibrate::run(args),
    }
}

/// What a new password hash costs. Those that cost something else are made anew at the next sign-in.
#[derive(Debug, Args)]
pub(crate) struct PasswordCost {
    /// KiB of memory a password hash takes (Argon2id m)
    #[arg(
        long = "password-memory-kib",
        env = "COUNTERSIGN_PASSWORD_MEMORY_KIB",
        default_value_t = PasswordParameters::default().memory_kib(),
        value_name = "KIB"
    )]
    memory_kib: u32,
    /// How often a password hash passes over its memory (Argon2id t)
    #[arg(
        long = "password-passes",
        env = "COUNTERSIGN_PASSWORD_PASSES",
        default_value_t = PasswordParameters::default().passes(),
        value_name = "PASSES"
    )]
    passes: u32,
    /// How many lanes a password hash has (Argon2id p)
    #[arg(
        long = "password-lanes",
        env = "COUNTERSIGN_PASSWORD_LANES",
        default_value_t = PasswordParameters::default().lanes(),
        value_name = "LANES"
    )]
    lanes: u32,
}

impl PasswordCost {
    /// The parameters, unless they are below the floor or beyond all use.
    pub(crate) fn parameters(&self) -> Result<PasswordParameters, Failure> {
        PasswordParameters::new(self.memory_kib, self.passes, self.lanes).map_err(Failure::usage)
    }
}
