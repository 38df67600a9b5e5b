//! Both sides of an exchange, on standard error; the token is never shown whole.

use countersign_client::{AccessToken, Request, Response, header};

use super::status_words;
use crate::failure::Failure;
use crate::output::{self, BOLD, DIM, NAME, shortened};
use crate::printable::printable;

/// What is about to be sent.
pub(super) fn request(request: &Request, token: &AccessToken) -> Result<(), Failure> {
    let url = request.url();
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let method = request.method();
    line('>', &format!("{BOLD}{method} {path}{BOLD:#}"))?;
    let host = url.host_str().unwrap_or_default();
    let host = url
        .port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    field('>', "host", &host)?;
    field(
        '>',
        "authorization",
        &format!("Bearer {}", shortened(token.expose())),
    )?;
    fields('>', request.headers())
}

/// The token that was used in the end.
pub(super) fn renewed(token: &AccessToken) -> Result<(), Failure> {
    let token = shortened(token.expose());
    line(
        '*',
        &format!("401 invalid_token; renewed, and sent again with {token}"),
    )
}

/// What came back.
pub(super) fn answer(answer: &Response) -> Result<(), Failure> {
    let version = format!("{:?}", answer.version());
    let status = status_words(answer.status());
    line('<', &format!("{version} {BOLD}{status}{BOLD:#}"))?;
    fields('<', answer.headers())?;
    output::note("")
}

fn fields(side: char, headers: &header::HeaderMap) -> Result<(), Failure> {
    for (name, value) in headers {
        let value = if value.is_sensitive() {
            "(not shown)".into()
        } else {
            String::from_utf8_lossy(value.as_bytes())
        };
        field(side, name.as_str(), &value)?;
    }
    Ok(())
}

fn field(side: char, name: &str, value: &str) -> Result<(), Failure> {
    let value = printable(value);
    line(side, &format!("{NAME}{name}{NAME:#}: {value}"))
}

fn line(side: char, text: &str) -> Result<(), Failure> {
    output::note(&format!("{DIM}{side}{DIM:#} {text}"))
}
