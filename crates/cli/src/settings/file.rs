//! The file itself: TOML, and nothing in it that is not understood.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Command;
use clap::error::ErrorKind;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::key::{Key, Takes, keys, without_variables};
use crate::failure::Failure;
use crate::nearest::nearest;

/// The settings of a file, as texts.
pub(crate) struct File {
    path: PathBuf,
    values: Vec<(String, Vec<String>)>,
}

impl File {
    /// Reads a file. Every key must be known, every value one that its option takes.
    pub(super) fn read(path: &Path, definition: &Command) -> Result<Self, Failure> {
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::usage(format!("{} cannot be read: {error}", path.display()))
        })?;
        let values = parse(&text, definition)
            .map_err(|problem| Failure::usage(format!("{}:{problem}", path.display())))?;
        Ok(Self {
            path: path.to_owned(),
            values,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.values
            .iter()
            .map(|(key, values)| (key.as_str(), values.as_slice()))
    }
}

/// The problem begins with its line.
fn parse(text: &str, definition: &Command) -> Result<Vec<(String, Vec<String>)>, String> {
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        format!("{line}: {}", error.message())
    })?;
    let keys = keys(definition);
    let alone = without_variables(definition.clone(), &|_| true);
    let mut values = Vec::new();
    for (name, value) in table.get_ref() {
        let at = |place: usize, problem: &str| format!("{}: {problem}", line_of(text, place));
        let Some(key) = keys.iter().find(|key| key.name == *name.get_ref()) else {
            return Err(at(name.span().start, &unknown(name.get_ref(), &keys)));
        };
        let texts = texts(value, key)
            .and_then(|texts| accepted(key, texts, &alone))
            .map_err(|problem| at(value.span().start, &problem))?;
        values.push((key.name.clone(), texts));
    }
    Ok(values)
}

fn line_of(text: &str, place: usize) -> usize {
    let before = text.get(..place).unwrap_or(text);
    before.matches('\n').count() + 1
}

/// What is not known may be a mistyped setting, and must not do nothing in silence.
fn unknown(name: &str, keys: &[Key]) -> String {
    if name == "master_key" {
        return "a secret does not belong into this file; name a file that only the server can read \
                with `master_key_file`, or set COUNTERSIGN_MASTER_KEY"
            .to_owned();
    }
    let hint = nearest(name, keys.iter().map(|key| key.name.as_str())).map_or_else(
        || "; `countersign config keys` lists them all".to_owned(),
        |meant| format!("; did you mean `{meant}`?"),
    );
    format!("there is no setting `{name}`{hint}")
}

/// What stands there, if it is of the right kind.
fn texts(value: &Spanned<DeValue<'_>>, key: &Key) -> Result<Vec<String>, String> {
    match (key.takes, value.get_ref()) {
        (Takes::Switch, DeValue::Boolean(on)) => Ok(vec![on.to_string()]),
        (Takes::Switch, _) => Err(format!("`{}` is true or false", key.name)),
        (Takes::List, DeValue::Array(items)) => {
            items.iter().map(|item| one(item.get_ref(), key)).collect()
        }
        (Takes::List, _) => Err(format!("`{0}` is a list: {0} = [\"…\"]", key.name)),
        (Takes::Text, value) => one(value, key).map(|text| vec![text]),
    }
}

fn one(value: &DeValue<'_>, key: &Key) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        _ => Err(format!("`{}` is a text or a whole number", key.name)),
    }
}

/// The values, if the option takes them. It is asked by itself: what must go together is judged when
/// all settings are known.
fn accepted(key: &Key, texts: Vec<String>, alone: &Command) -> Result<Vec<String>, String> {
    if key.takes == Takes::Switch {
        return Ok(texts);
    }
    for text in &texts {
        let typed = [
            "countersign".to_owned(),
            "serve".to_owned(),
            format!("{}={text}", key.option),
        ];
        match alone.clone().try_get_matches_from(typed) {
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::InvalidValue | ErrorKind::ValueValidation
                ) =>
            {
                return Err(first_line(&error).replace(
                    &format!("'{} ", key.option),
                    &format!("`{}`, '{} ", key.name, key.option),
                ));
            }
            _ => {}
        }
    }
    Ok(texts)
}

/// What clap says, without its title and advice.
pub(super) fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
