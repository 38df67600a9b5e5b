//! `countersign config`: the settings file, judged before a server is started with it.

use std::path::PathBuf;

use clap::{Args, Command, FromArgMatches, Subcommand};
use serde_json::json;

use super::serve::ServeArgs;
use crate::failure::Failure;
use crate::output::{self, DIM, GOOD, NAME, folded, styled};
use crate::settings::{self, FILE, Key, Takes};

const WIDTH: usize = 76;

/// Check the settings file, and list what can be set
///
/// An option comes before its variable, that before the file, that before the default. The file is
/// the one named by --config or COUNTERSIGN_CONFIG, else `countersign.toml` where you are.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign config check /etc/countersign.toml
  countersign config keys")]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Say whether `serve` would start with a file, and if not, which line is wrong
    Check {
        /// The file
        #[arg(default_value = FILE, env = "COUNTERSIGN_CONFIG", hide_env_values = true)]
        file: PathBuf,
    },
    /// List every setting with its default
    Keys {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// `definition` is the whole command line.
pub(crate) fn run(args: &ConfigArgs, definition: &Command) -> Result<(), Failure> {
    match &args.command {
        ConfigCommand::Check { file } => {
            let (settings, typed) = settings::alone(definition, file)?;
            let serve = ServeArgs::from_arg_matches(&typed)
                .map_err(|error| Failure::usage(error.to_string()))?;
            serve.config()?;
            let count = settings.values().count();
            let end = if count == 1 { "" } else { "s" };
            output::note(&format!(
                "{}: {}, {count} setting{end}",
                settings.path().display(),
                styled(GOOD, "good")
            ))
        }
        ConfigCommand::Keys { json } => list(&settings::keys(definition), *json),
    }
}

fn list(keys: &[Key], as_json: bool) -> Result<(), Failure> {
    if as_json {
        let keys: Vec<_> = keys
            .iter()
            .map(|key| {
                json!({
                    "key": key.name,
                    "option": key.option,
                    "variable": key.variable,
                    "default": key.default(),
                    "says": key.says,
                })
            })
            .collect();
        return output::json(&keys);
    }
    for key in keys {
        let default = match (key.takes, key.default()) {
            (Takes::List, None) => "[]".to_owned(),
            (Takes::Switch, _) => "false".to_owned(),
            (_, default) => default.unwrap_or_default(),
        };
        let default = if default.is_empty() {
            String::new()
        } else {
            format!(" = {default}")
        };
        output::line(&format!("{NAME}{}{NAME:#}{default}", key.name))?;
        for line in folded(&key.says, WIDTH) {
            output::line(&format!("  {DIM}{line}{DIM:#}"))?;
        }
    }
    Ok(())
}
