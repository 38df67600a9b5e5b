//! The keys of `countersign.toml`, read off the definition of `serve`.

use clap::{Arg, ArgAction, Command};

/// What all variables begin with.
pub(super) const PREFIX: &str = "COUNTERSIGN_";
/// Says where the file is, so it cannot be in it.
const CONFIG: &str = "config";

/// Something that can be set.
pub(crate) struct Key {
    /// As in the file.
    pub(crate) name: String,
    pub(crate) variable: String,
    pub(crate) option: String,
    /// What it is, in a sentence.
    pub(crate) says: String,
    defaults: Vec<String>,
    pub(crate) takes: Takes,
}

/// What stands behind the equals sign.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Text,
    List,
    Switch,
}

impl Key {
    /// The default as one text; of a list, its items with commas.
    pub(crate) fn default(&self) -> Option<String> {
        (!self.defaults.is_empty()).then(|| self.defaults.join(","))
    }

    /// The default as TOML, or what a value looks like.
    pub(crate) fn example(&self) -> String {
        let default = self.default();
        match (self.takes, default) {
            (Takes::Switch, _) => "false".to_owned(),
            (Takes::List, _) => "[]".to_owned(),
            (Takes::Text, Some(number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                number
            }
            (Takes::Text, Some(text)) => format!("\"{text}\""),
            (Takes::Text, None) => "\"…\"".to_owned(),
        }
    }
}

/// Every key: what `serve` takes, and what all commands take.
pub(crate) fn keys(definition: &Command) -> Vec<Key> {
    let serve = definition.find_subcommand("serve");
    let all = serve.into_iter().chain([definition]);
    let mut keys: Vec<Key> = Vec::new();
    for key in all.flat_map(Command::get_arguments).filter_map(key) {
        // What all commands take may have been handed down to `serve` already.
        if keys.iter().all(|known| known.name != key.name) {
            keys.push(key);
        }
    }
    keys
}

fn key(argument: &Arg) -> Option<Key> {
    let name = name_of(argument)?;
    let option = format!("--{}", argument.get_long()?);
    let texts = |values: &[clap::builder::OsStr]| {
        values
            .iter()
            .map(|value| value.to_string_lossy().into_owned())
            .collect()
    };
    let takes = match argument.get_action() {
        ArgAction::SetTrue | ArgAction::SetFalse => Takes::Switch,
        ArgAction::Append => Takes::List,
        _ => Takes::Text,
    };
    let help = argument.get_help().map(ToString::to_string);
    Some(Key {
        variable: argument.get_env()?.to_string_lossy().into_owned(),
        option,
        says: help.unwrap_or_default(),
        defaults: texts(argument.get_default_values()),
        takes,
        name,
    })
}

/// The key of an option: its variable without what all begin with.
pub(super) fn name_of(argument: &Arg) -> Option<String> {
    let variable = argument.get_env()?.to_str()?;
    let name = variable.strip_prefix(PREFIX)?.to_ascii_lowercase();
    (name != CONFIG).then_some(name)
}

/// The definition of all commands, without the variables of these options.
pub(super) fn without_variables(definition: Command, of: &dyn Fn(&Arg) -> bool) -> Command {
    definition
        .mut_args(|argument| {
            if of(&argument) {
                argument.env(None::<&'static str>)
            } else {
                argument
            }
        })
        .mut_subcommands(|command| without_variables(command, of))
}
