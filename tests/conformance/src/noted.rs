//! What of a request and its answer is a secret: noted for the search of all logs
//! (`countersign_witness`), so that a test need not think of it.

use countersign_witness::{Kind, note};
use reqwest::Request;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, SET_COOKIE};
use serde_json::Value;

/// Notes what a request carries.
pub(crate) fn request(request: &Request) {
    for value in texts(request.headers(), AUTHORIZATION.as_str()) {
        match value.split_once(' ') {
            Some(("Basic", value)) => note(Kind::ClientSecret, value),
            Some((_, value)) => note(Kind::AccessToken, value),
            None => {}
        }
    }
    for cookies in texts(request.headers(), COOKIE.as_str()) {
        cookies.split("; ").for_each(cookie);
    }
    if let Some(body) = request.body().and_then(|body| body.as_bytes()) {
        body_of(&String::from_utf8_lossy(body));
    }
}

/// Notes what an answer hands out.
pub(crate) fn answer(headers: &HeaderMap, text: &str) {
    for line in texts(headers, SET_COOKIE.as_str()) {
        line.split(';').take(1).for_each(cookie);
    }
    body_of(text);
}

fn texts<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter();
    values.filter_map(|value| value.to_str().ok())
}

fn cookie(pair: &str) {
    if let Some((_, value)) = pair.split_once('=') {
        note(Kind::Cookie, value);
    }
}

/// JSON, or a form.
fn body_of(text: &str) {
    if let Ok(value) = serde_json::from_str(text) {
        return members(&value);
    }
    for (name, value) in text.split('&').filter_map(|pair| pair.split_once('=')) {
        member(name, value);
    }
}

fn members(value: &Value) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                match value {
                    Value::String(text) => member(name, text),
                    deeper => members(deeper),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(members),
        _ => {}
    }
}

fn member(name: &str, value: &str) {
    if let Some(kind) = Kind::of_member(name) {
        note(kind, value);
    }
}
