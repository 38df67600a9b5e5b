//! `countersign config`: the settings file, judged before a server is started with it.

use std::path::{Path, PathBuf};

use clap::{Args, Command, FromArgMatches, Subcommand};
use countersign_server::{Outlook, Standing};
use serde_json::json;

use super::run_async;
use super::serve::ServeArgs;
use crate::failure::Failure;
use crate::output::{self, DIM, GOOD, NAME, folded, styled};
use crate::settings::{self, Key, Takes};

const WIDTH: usize = 76;

/// Check the settings file, and list what can be set
///
/// An option comes before its variable, that before the file, that before the default. The file is
/// the one named by --config or COUNTERSIGN_CONFIG, else `countersign.toml` where you are, else
/// /etc/countersign/countersign.toml.
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
    /// Say whether `serve` would start here and now, and if not, what is wrong
    ///
    /// It looks at the settings of the file and the environment, the TLS files, the addresses, the
    /// master key and the database, and changes nothing. A variable that nothing reads is wrong as
    /// well. Run it as the user that `serve` runs as.
    Check {
        /// The settings file [default: the one that `serve` would read, if there is one]
        #[arg(env = "COUNTERSIGN_CONFIG", hide_env_values = true)]
        file: Option<PathBuf>,
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
            let usual = settings::usual();
            check(file.as_deref().or(usual.as_deref()), definition)
        }
        ConfigCommand::Keys { json } => list(&settings::keys(definition), *json),
    }
}

fn check(file: Option<&Path>, definition: &Command) -> Result<(), Failure> {
    let (settings, typed) = settings::alone(definition, file)?;
    let serve =
        ServeArgs::from_arg_matches(&typed).map_err(|error| Failure::usage(error.to_string()))?;
    let config = serve.config()?;
    nothing_unread(definition)?;
    run_async(async {
        let outlook = Outlook::of(&config).await.map_err(Failure::failed)?;
        let good = styled(GOOD, "good");
        match &settings {
            Some(settings) => {
                let count = settings.values().count();
                let end = if count == 1 { "" } else { "s" };
                let path = settings.path().display();
                output::note(&format!("{path}: {good}, {count} setting{end}"))?;
            }
            None => output::note(&format!("no settings file, and the environment: {good}"))?,
        }
        for address in &outlook.taken {
            output::warning(&format!(
                "somebody listens on {address} now; unless that is this very server, it cannot start"
            ))?;
        }
        for exposed in &outlook.exposed {
            output::warning(&exposed.to_string())?;
        }
        let database = &config.database;
        output::note(&match outlook.database {
            Standing::New => format!("{database}: made by the first start"),
            Standing::Older { found, known } => {
                format!("{database}: brought from schema {found} to {known} by the next start")
            }
            Standing::Current => format!("{database}: {good}, and its keys open"),
        })
    })
}

fn nothing_unread(definition: &Command) -> Result<(), Failure> {
    for unread in settings::unread(definition) {
        let name = unread.name;
        match unread.meant {
            Some(meant) => {
                return Err(Failure::usage(format!(
                    "nothing reads the variable {name}; did you mean {meant}?"
                )));
            }
            None => output::warning(&format!("nothing reads the variable {name}"))?,
        }
    }
    Ok(())
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
