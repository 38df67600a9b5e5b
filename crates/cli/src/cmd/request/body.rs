//! What is sent: data as it is, JSON or a form put together from `name=value`, or nothing.

use std::io::{self, Read};

use clap::Args;
use countersign_client::Method;
use serde::de::IgnoredAny;

use crate::failure::Failure;
use crate::printable::printable;

#[derive(Debug, Args)]
pub(super) struct BodyArgs {
    /// Send this text as it is; `@FILE` sends a file, `@-` standard input
    #[arg(
        short,
        long,
        value_name = "TEXT",
        conflicts_with_all = ["json", "form"]
    )]
    data: Option<String>,
    /// Send a JSON object: `name=text`, `name:=json`, both also from a file with `@FILE`; or a whole
    /// JSON text, or `@FILE`. The items come last
    #[arg(short, long, value_name = "ITEM", num_args = 1.., conflicts_with = "form")]
    json: Vec<String>,
    /// Send a form: `name=text`, or `name=@FILE` for what a file says. The items come last
    #[arg(short = 'F', long, value_name = "ITEM", num_args = 1..)]
    form: Vec<String>,
}

/// A body, and what it is said to be.
pub(super) enum Body {
    None,
    Data(Vec<u8>),
    Json(String),
    Form(String),
}

impl BodyArgs {
    pub(super) fn read(&self) -> Result<Body, Failure> {
        if let Some(data) = &self.data {
            return Ok(Body::Data(match data.strip_prefix('@') {
                Some(file) => bytes_of(file)?,
                None => data.clone().into_bytes(),
            }));
        }
        match self.json.as_slice() {
            [] => {}
            [whole] if whole.starts_with(['{', '[', '@']) => {
                let text = match whole.strip_prefix('@') {
                    Some(file) => text_of(file)?,
                    None => whole.clone(),
                };
                return checked(&text, whole).map(|()| Body::Json(text));
            }
            items => return object(items).map(Body::Json),
        }
        if !self.form.is_empty() {
            return form(&self.form).map(Body::Form);
        }
        Ok(Body::None)
    }
}

impl Body {
    /// The method when none is named.
    pub(super) fn usual_method(&self) -> Method {
        match self {
            Self::None => Method::GET,
            _ => Method::POST,
        }
    }

    /// As curl has it: data is a form unless a header says otherwise.
    pub(super) fn content_type(&self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Data(_) | Self::Form(_) => Some("application/x-www-form-urlencoded"),
            Self::Json(_) => Some("application/json"),
        }
    }

    pub(super) fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::None => None,
            Self::Data(bytes) => Some(bytes),
            Self::Json(text) | Self::Form(text) => Some(text.into_bytes()),
        }
    }
}

/// Members in the order they were typed; numbers stay as they were written.
fn object(items: &[String]) -> Result<String, Failure> {
    let mut names: Vec<&str> = Vec::new();
    let mut members = Vec::new();
    for item in items {
        let (name, value) = item.split_once('=').ok_or_else(|| no_item(item))?;
        let (name, json) = match name.strip_suffix(':') {
            Some(name) => {
                let json = match value.strip_prefix('@') {
                    Some(file) => text_of(file)?,
                    None => value.to_owned(),
                };
                checked(&json, item)?;
                (name, json.trim().to_owned())
            }
            None => (name, quoted(&from_file(value)?)?),
        };
        if names.contains(&name) {
            let name = printable(name);
            return Err(Failure::usage(format!("{name} is given twice")));
        }
        names.push(name);
        members.push(format!("{}:{json}", quoted(name)?));
    }
    Ok(format!("{{{}}}", members.join(",")))
}

fn form(items: &[String]) -> Result<String, Failure> {
    let mut pairs = reqwest::Url::parse("form:").map_err(Failure::failed)?;
    for item in items {
        let (name, value) = item.split_once('=').ok_or_else(|| no_item(item))?;
        pairs
            .query_pairs_mut()
            .append_pair(name, &from_file(value)?);
    }
    Ok(pairs.query().unwrap_or_default().to_owned())
}

/// The value itself, or what the file after `@` says.
fn from_file(value: &str) -> Result<String, Failure> {
    match value.strip_prefix('@') {
        Some(file) => text_of(file),
        None => Ok(value.to_owned()),
    }
}

fn text_of(file: &str) -> Result<String, Failure> {
    String::from_utf8(bytes_of(file)?)
        .map_err(|_| Failure::failed(format!("{} is not text", printable(file))))
}

fn bytes_of(file: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = if file == "-" {
        io::stdin().read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    read.map(|_| bytes)
        .map_err(|error| Failure::failed(format!("cannot read {}: {error}", printable(file))))
}

fn checked(json: &str, typed: &str) -> Result<(), Failure> {
    serde_json::from_str::<IgnoredAny>(json)
        .map(|_| ())
        .map_err(|error| Failure::usage(format!("{} is no JSON: {error}", printable(typed))))
}

fn quoted(text: &str) -> Result<String, Failure> {
    serde_json::to_string(text).map_err(Failure::failed)
}

fn no_item(item: &str) -> Failure {
    Failure::usage(format!(
        "{} is no item: `name=text`, or `name:=json`",
        printable(item)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(items: &[&str]) -> Vec<String> {
        items.iter().map(|&item| item.to_owned()).collect()
    }

    #[test]
    fn an_object_keeps_order_and_numbers() {
        let json = object(&items(&[
            "name=Ada \"L\"",
            "big:=12345678901234567890.10",
            "a:=[1, 2]",
            "empty=",
            "eq=a=b",
        ]));
        assert_eq!(
            json.expect("items"),
            r#"{"name":"Ada \"L\"","big":12345678901234567890.10,"a":[1, 2],"empty":"","eq":"a=b"}"#
        );
        for wrong in [&["name"][..], &["a:=x"], &["a=1", "a=2"]] {
            assert!(matches!(object(&items(wrong)), Err(Failure::Usage(_))));
        }
    }

    #[test]
    fn a_form_is_encoded() {
        let form = form(&items(&["a b=c&d", "é=+"])).expect("items");
        assert_eq!(form, "a+b=c%26d&%C3%A9=%2B");
    }
}
