//! Variables of the environment that begin as ours do and are none: what is mistyped does nothing, in
//! silence.

use std::collections::BTreeSet;

use clap::{Arg, Command};

use super::key::PREFIX;
use crate::nearest::nearest;

/// Those that are no option's: secrets, and where logins are kept.
const NO_OPTIONS: [&str; 5] = [
    "MASTER_KEY",
    "NEW_MASTER_KEY",
    "NEW_MASTER_KEY_FILE",
    "SECRET",
    "STATE",
];

/// A variable that nothing reads.
pub(crate) struct Unread {
    pub(crate) name: String,
    /// The one that may be meant.
    pub(crate) meant: Option<String>,
}

/// What nothing reads of the variables there are, in the order of their names.
pub(crate) fn unread(definition: &Command) -> Vec<Unread> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    among(definition, names)
}

fn among(definition: &Command, names: impl Iterator<Item = String>) -> Vec<Unread> {
    let mut known = BTreeSet::new();
    collect(definition, &mut known);
    known.extend(NO_OPTIONS.map(str::to_owned));
    let names: BTreeSet<String> = names.collect();
    let unread = names.iter().filter_map(|name| {
        let rest = name.strip_prefix(PREFIX)?;
        if known.contains(rest) {
            return None;
        }
        let meant = nearest(rest, known.iter().map(String::as_str));
        Some(Unread {
            name: name.clone(),
            meant: meant.map(|meant| format!("{PREFIX}{meant}")),
        })
    });
    unread.collect()
}

fn collect(command: &Command, known: &mut BTreeSet<String>) {
    let variables = command.get_arguments().filter_map(Arg::get_env);
    let names = variables.filter_map(|name| name.to_str()?.strip_prefix(PREFIX));
    known.extend(names.map(str::to_owned));
    for below in command.get_subcommands() {
        collect(below, known);
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn what_nothing_reads_is_found_with_what_is_meant() {
        let names = [
            "COUNTERSIGN_LISSTEN",
            "COUNTERSIGN_LISTEN",
            "COUNTERSIGN_GUARD_RULES",
            "COUNTERSIGN_MASTER_KEY",
            "COUNTERSIGN_TRUSTED_PROXY",
            "COUNTERSIGN_FROBNICATE",
            "PATH",
        ];
        let found = among(&Cli::command(), names.into_iter().map(str::to_owned));
        let found: Vec<_> = found
            .iter()
            .map(|it| (it.name.as_str(), it.meant.as_deref()))
            .collect();
        assert_eq!(
            found,
            [
                ("COUNTERSIGN_FROBNICATE", None),
                ("COUNTERSIGN_LISSTEN", Some("COUNTERSIGN_LISTEN")),
                (
                    "COUNTERSIGN_TRUSTED_PROXY",
                    Some("COUNTERSIGN_TRUSTED_PROXIES")
                ),
            ]
        );
    }
}
