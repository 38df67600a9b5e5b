//! A request body as a type: JSON, at most 16 KiB, every failure an answer of the house's shape.
//!
//! The listener has read it, and no more of it than that, before a route is asked. What is wrong is
//! said by place, never by quoting the body: it may hold a password.

use std::error::Error;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http_body_util::BodyExt;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::problem::Rejection;
use crate::limits::BodyTooLarge;

/// A JSON request body, read and typed.
pub(super) struct Json<T>(pub(super) T);

impl<T, S> FromRequest<S> for Json<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Rejection;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Rejection> {
        if !is(&request, JSON) {
            return Err(Rejection::WrongContentType);
        }
        parse(&read(request).await?).map(Self)
    }
}

/// A JSON body that may be left out altogether.
pub(super) struct OptionalJson<T>(pub(super) Option<T>);

impl<T, S> FromRequest<S> for OptionalJson<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Rejection;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Rejection> {
        let json = is(&request, JSON);
        let body = read(request).await?;
        match (body.is_empty(), json) {
            (true, _) => Ok(Self(None)),
            (false, false) => Err(Rejection::WrongContentType),
            (false, true) => parse(&body).map(|value| Self(Some(value))),
        }
    }
}

const JSON: &str = "application/json";

/// Whether the body is said to be of this kind, and of no other.
pub(super) fn is(request: &Request, kind: &str) -> bool {
    let mut types = request.headers().get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else {
        return false;
    };
    let media = only.to_str().ok().and_then(|value| value.split(';').next());
    media.is_some_and(|media| media.trim().eq_ignore_ascii_case(kind))
}

/// The bytes, as they were sent.
pub(super) async fn read(request: Request) -> Result<Bytes, Rejection> {
    // RFC 9110 §8.4: packed, they would be read as what they are not.
    let mut codings = request.headers().get_all(CONTENT_ENCODING).iter();
    if !codings.all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Rejection::Packed);
    }
    match request.into_body().collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if is_too_large(&error) => Err(Rejection::BodyTooLarge),
        Err(_) => Err(Rejection::BodyUnreadable),
    }
}

fn is_too_large(error: &(dyn Error + 'static)) -> bool {
    error.is::<BodyTooLarge>() || error.source().is_some_and(is_too_large)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Rejection> {
    // serde would take a list for a structure, member by member.
    if body
        .trim_ascii_start()
        .first()
        .is_some_and(|first| *first != b'{')
        && serde_json::from_slice::<IgnoredAny>(body).is_ok()
    {
        let detail = "expected an object".into();
        return Err(Rejection::BodyMismatch { detail });
    }
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => Rejection::BodyMismatch {
            detail: described(&error),
        },
        _ => Rejection::NotJson {
            line: error.line(),
            column: error.column(),
        },
    })
}

/// serde's words, but only those that speak of the expected shape: "missing field `password`" is
/// safe, "invalid type: string \"hunter2\", expected …" would carry the value away.
fn described(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let place = format!("at line {} column {}", error.line(), error.column());
    match words.split_once(" at line ") {
        Some((missing, _)) if missing.starts_with("missing field `") => missing.to_owned(),
        Some((repeated, _)) if repeated.starts_with("duplicate field `") => repeated.to_owned(),
        _ => match words.rsplit_once(", expected ") {
            Some((_, expected)) => format!("expected {expected}"),
            None => format!("a value is not of the expected kind {place}"),
        },
    }
}
