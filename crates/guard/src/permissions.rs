//! Where a token says what its bearer may do: roles and scope, as different issuers write them.
//!
//! RFC 9068 §2.2.3 has `scope`, words in one text, and `roles`, an array. Others write `scp`, an array
//! for the one and a text for the other, or put roles deep into an object of their own. Each of these
//! has one meaning only, so it is understood. A value that can be read in two ways counts as absent,
//! which refuses; a token that has two values where the owner named one claim is refused as a whole.

use std::borrow::Cow;

use countersign::Verified;
use serde_json::Value;

/// Which claims they are, where the owner of the guard says so.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClaimNames {
    pub(crate) roles: Option<String>,
    pub(crate) scope: Option<String>,
}

impl ClaimNames {
    pub(crate) fn are_given(&self) -> bool {
        self.roles.is_some() || self.scope.is_some()
    }
}

/// The roles; `names` is absent if nothing special was said.
pub(crate) fn roles<'v, C>(
    verified: &'v Verified<C>,
    names: Option<&ClaimNames>,
) -> Vec<Cow<'v, str>> {
    match names.and_then(|names| names.roles.as_deref()) {
        Some(name) => owned(roles_of(found(verified, name))),
        None => verified.roles(),
    }
}

/// The words of the scope.
pub(crate) fn scopes<'v, C>(
    verified: &'v Verified<C>,
    names: Option<&ClaimNames>,
) -> Vec<Cow<'v, str>> {
    if let Some(text) = plain_scope(verified, names) {
        return words(text).map(Cow::Borrowed).collect();
    }
    let value = match names.and_then(|names| names.scope.as_deref()) {
        Some(name) => found(verified, name),
        // `scope` has the first word, even where it cannot be understood; `null` is none.
        None => claim(verified, "scope").or_else(|| claim(verified, "scp")),
    };
    owned(words_of(value))
}

/// The scope as one text, where it is written as RFC 9068 has it.
pub(crate) fn plain_scope<'v, C>(
    verified: &'v Verified<C>,
    names: Option<&ClaimNames>,
) -> Option<&'v str> {
    match names {
        Some(ClaimNames { scope: Some(_), .. }) => None,
        _ => verified.scope(),
    }
}

/// A claim that the owner named and that stands in the token twice: by the whole name, and along its
/// dots, or along them in two ways. Where all say the same, nothing is in doubt.
pub(crate) fn in_doubt<'n, C>(verified: &Verified<C>, names: &'n ClaimNames) -> Option<&'n str> {
    let names = [names.roles.as_deref(), names.scope.as_deref()];
    let mut names = names.into_iter().flatten();
    names.find(|name| {
        let mut readings = claim(verified, name).into_iter().collect();
        for (outer, rest) in splits(name) {
            if let Some(value) = claim(verified, outer) {
                read(&value, rest, &mut readings);
            }
        }
        readings.windows(2).any(|pair| pair[0] != pair[1])
    })
}

/// All that this name can mean within a value.
fn read(value: &Value, name: &str, readings: &mut Vec<Value>) {
    readings.extend(member(value, name).cloned());
    for (outer, rest) in splits(name) {
        if let Some(value) = member(value, outer) {
            read(value, rest, readings);
        }
    }
}

/// The claim of that name; if there is none, its dots lead into objects. A guard lets in no caller of
/// whom there is more to find than one.
fn found<C>(verified: &Verified<C>, name: &str) -> Option<Value> {
    claim(verified, name).or_else(|| {
        splits(name).find_map(|(outer, rest)| within(&claim(verified, outer)?, rest).cloned())
    })
}

fn within<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    member(value, name)
        .or_else(|| splits(name).find_map(|(outer, rest)| within(member(value, outer)?, rest)))
}

/// As with claims, `null` is none.
fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.get(name).filter(|value| !value.is_null())
}

/// The name cut in two at each of its dots.
fn splits(name: &str) -> impl Iterator<Item = (&str, &str)> {
    name.match_indices('.')
        .map(|(dot, _)| (&name[..dot], &name[dot + 1..]))
}

fn claim<C>(verified: &Verified<C>, name: &str) -> Option<Value> {
    verified.claim(name).ok().flatten()
}

/// An array of texts, or one text, which is one role.
fn roles_of(value: Option<Value>) -> Vec<String> {
    match value {
        Some(Value::String(one)) if !one.is_empty() => vec![one],
        Some(Value::Array(several)) => texts(several),
        _ => Vec::new(),
    }
}

/// Words in one text, or an array of them. A text in an array with a space in it is no word (RFC 6749
/// §3.3); behind the guard it would look like two.
fn words_of(value: Option<Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => words(&text).map(str::to_owned).collect(),
        Some(Value::Array(several)) => {
            let is_word = |text: &String| !text.is_empty() && !text.contains(' ');
            texts(several).into_iter().filter(is_word).collect()
        }
        _ => Vec::new(),
    }
}

/// The texts of an array of nothing else.
fn texts(values: Vec<Value>) -> Vec<String> {
    let text = |value| match value {
        Value::String(text) => Some(text),
        _ => None,
    };
    let texts: Option<_> = values.into_iter().map(text).collect();
    texts.unwrap_or_default()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

fn owned<'v>(texts: Vec<String>) -> Vec<Cow<'v, str>> {
    texts.into_iter().map(Cow::Owned).collect()
}
