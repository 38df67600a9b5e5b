//! `countersign.toml`: what can be set by an option with a variable can be set in a file.
//!
//! ```text
//!   option  over  COUNTERSIGN_…  over  the file  over  the default
//! ```
//!
//! The keys are not listed anywhere: `access_life` is the option with the variable
//! `COUNTERSIGN_ACCESS_LIFE`, and what the file says becomes that option's default. So a new option
//! of `serve` is a key from its first day, and its value is read by the option's own reader.
//!
//! A variable that is empty counts as one that is not set. Of a setting and the file that holds it
//! (`database`, `database_file`) the one from the higher place is heard; two from one place are for
//! the command to refuse.

mod environment;
mod file;
mod key;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Command, FromArgMatches};

pub(crate) use self::environment::unread;
pub(crate) use self::file::File;
pub(crate) use self::key::{Key, Takes, keys};
use crate::failure::Failure;

/// The files of which the first that is there is read if none is named: where the command runs, and
/// where an installation of the system's has its own.
#[cfg(unix)]
const FILES: [&str; 2] = ["countersign.toml", "/etc/countersign/countersign.toml"];
#[cfg(not(unix))]
const FILES: [&str; 1] = ["countersign.toml"];

/// Of two keys that say the same thing, one is heard: the secret, or the file it is in.
const EITHER: [(&str, &str); 1] = [("database", "database_file")];

/// Why there is nothing to run.
pub(crate) enum Unparsed {
    /// Help that was asked for, or something mistyped.
    Told(clap::Error),
    /// The file cannot be used.
    Failed(Failure),
}

/// What was typed, with the settings of the file below it.
pub(crate) fn parse<C: FromArgMatches>(
    definition: Command,
    typed: &[OsString],
) -> Result<C, Unparsed> {
    let read = |definition: Command, deaf_to: &[&str]| {
        heard(definition, deaf_to)
            .try_get_matches_from(typed)
            .map_err(Unparsed::Told)
    };
    let mut settled = definition.clone();
    let mut matches = read(definition.clone(), &[])?;
    if let Some(file) = chosen(&matches) {
        let file = File::read(&file, &definition).map_err(Unparsed::Failed)?;
        settled = with(definition, &file, &matches);
        matches = read(settled.clone(), &[])?;
    }
    let outdone = outdone(&matches);
    if !outdone.is_empty() {
        matches = read(settled, &outdone)?;
    }
    C::from_arg_matches(&matches).map_err(Unparsed::Told)
}

/// The definition without the variables that are empty or that `deaf_to` names by their options.
fn heard(definition: Command, deaf_to: &[&str]) -> Command {
    key::without_variables(definition, &|argument| {
        let variable = argument.get_env().and_then(std::env::var_os);
        let is_empty = variable.is_some_and(|value| value.is_empty());
        is_empty || deaf_to.contains(&argument.get_id().as_str())
    })
}

/// The options whose variable says what the command line says in its twin's words.
fn outdone(matches: &ArgMatches) -> Vec<&'static str> {
    let (_, leaf) = path(matches);
    let is_from =
        |id: &str, place| leaf.try_contains_id(id).is_ok() && leaf.value_source(id) == Some(place);
    EITHER
        .iter()
        .flat_map(|&(one, other)| [(one, other), (other, one)])
        .filter(|(typed, set)| {
            is_from(typed, ValueSource::CommandLine) && is_from(set, ValueSource::EnvVariable)
        })
        .map(|(_, set)| set)
        .collect()
}

/// The file to read: the one that was named, or the usual one if it is there. Only commands that work
/// on an installation have such an option.
fn chosen(matches: &ArgMatches) -> Option<PathBuf> {
    let (_, leaf) = path(matches);
    match leaf.try_get_one::<PathBuf>("config") {
        Ok(Some(named)) => Some(named.clone()),
        Ok(None) => usual(),
        Err(_) => None,
    }
}

/// The file that is read if none is named, if there is one.
pub(crate) fn usual() -> Option<PathBuf> {
    first(&FILES)
}

/// One that nobody may look for counts as there: that it cannot be read is then said.
fn first(files: &[impl AsRef<Path>]) -> Option<PathBuf> {
    let there = |file: &&_| AsRef::<Path>::as_ref(*file).try_exists().unwrap_or(true);
    files
        .iter()
        .find(there)
        .map(|file| file.as_ref().to_owned())
}

/// The names of the command that was typed, and what was typed behind the last.
fn path(matches: &ArgMatches) -> (Vec<&str>, &ArgMatches) {
    let (mut names, mut leaf) = (Vec::new(), matches);
    while let Some((name, below)) = leaf.subcommand() {
        names.push(name);
        leaf = below;
    }
    (names, leaf)
}

/// The definition with the file's settings as the defaults of the command that was typed.
fn with(definition: Command, file: &File, matches: &ArgMatches) -> Command {
    let (names, leaf) = path(matches);
    let is_said = |id: &str| {
        let is_known = leaf.try_contains_id(id).is_ok();
        is_known
            && matches!(
                leaf.value_source(id),
                Some(ValueSource::CommandLine | ValueSource::EnvVariable)
            )
    };
    let is_settled = |key: &str| {
        EITHER
            .iter()
            .any(|(one, other)| (key == *one && is_said(other)) || (key == *other && is_said(one)))
    };
    let values: Vec<(&str, &[String])> =
        file.values().filter(|(key, _)| !is_settled(key)).collect();
    below(definition, &names, &values)
}

fn below(command: Command, names: &[&str], values: &[(&str, &[String])]) -> Command {
    let command = command.mut_args(|argument| {
        let name = key::name_of(&argument);
        match values.iter().find(|(key, _)| Some(*key) == name.as_deref()) {
            Some((_, values)) => argument.default_values(values.iter().cloned()),
            None => argument,
        }
    });
    match names.split_first() {
        Some((name, rest)) => command.mut_subcommand(*name, |command| below(command, rest, values)),
        None => command,
    }
}

/// What `serve` would be told here and now, if nothing was typed but the file.
pub(crate) fn alone(
    definition: &Command,
    file: Option<&Path>,
) -> Result<(Option<File>, ArgMatches), Failure> {
    let file = file.map(|file| File::read(file, definition)).transpose()?;
    let typed = ["countersign", "serve"];
    let told = |error: clap::Error| Failure::usage(file::first_line(&error));
    let mut matches = heard(definition.clone(), &[])
        .try_get_matches_from(typed)
        .map_err(told)?;
    if let Some(file) = &file {
        matches = heard(with(definition.clone(), file, &matches), &[])
            .try_get_matches_from(typed)
            .map_err(told)?;
    }
    match matches.remove_subcommand() {
        Some((_, serve)) => Ok((file, serve)),
        None => Err(Failure::failed("there is no command `serve`")),
    }
}

#[cfg(test)]
mod tests {
    use super::first;

    #[test]
    fn the_first_file_that_is_there_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let (here, system) = (folder.path().join("here"), folder.path().join("system"));
        let files = [here.clone(), system.clone()];
        assert_eq!(first(&files), None);
        std::fs::write(&system, "").expect("a file");
        assert_eq!(first(&files), Some(system));
        std::fs::write(&here, "").expect("a file");
        assert_eq!(first(&files), Some(here));
    }
}
