//! How a request says which client it is of (RFC 6749 §2.3, RFC 7521 §4.2): in one way, and one way
//! only.

use std::net::IpAddr;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign::secret::{Secret, SecretString};
use countersign_issuer::Refused;

use super::form::{Form, decoded};
use super::form_fault::FormFault;
use super::problem::Rejection;
use crate::flow::{Asking, Authority, Credentials};

/// The one kind of assertion that is taken (RFC 7523 §2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Finds out who asks, by the header and the form.
pub(super) async fn identified(
    authority: &Authority,
    headers: &HeaderMap,
    form: &mut Form,
    origin: IpAddr,
) -> Result<Asking, Rejection> {
    let identified = async {
        let credentials = credentials(headers, form)?;
        Ok(authority.identify(credentials, origin).await?)
    };
    challenged(identified.await, headers.contains_key(AUTHORIZATION))
}

/// The same for a sign-in, whose body is no form: the header, or the name of a public client. Many
/// programs attach their last access token to everything: that is no word about a client here.
pub(super) async fn identified_at_login(
    authority: &Authority,
    headers: &HeaderMap,
    client_id: Option<String>,
    origin: IpAddr,
) -> Result<Option<Asking>, Rejection> {
    let by_header = headers.get_all(AUTHORIZATION).iter().any(is_basic);
    let credentials = if by_header {
        challenged(basic(headers), true)?
            .map(|basic| matching(basic, client_id))
            .transpose()?
    } else {
        client_id.map(Credentials::Id)
    };
    let Some(credentials) = credentials else {
        return Ok(None);
    };
    let identified = authority.identify(credentials, origin).await;
    challenged(identified.map_err(Rejection::from), by_header).map(Some)
}

/// Whoever failed by the header is told which scheme it takes (RFC 6749 §5.2). Nobody else is: a
/// browser would ask its user for a password that a page has nothing to do with.
fn challenged<T>(outcome: Result<T, Rejection>, by_header: bool) -> Result<T, Rejection> {
    outcome.map_err(|rejection| match rejection {
        Rejection::Flow(error) if by_header => Rejection::Client(error),
        other => other,
    })
}

/// Takes what says who the client is out of the header and the form.
fn credentials(headers: &HeaderMap, form: &mut Form) -> Result<Credentials, Rejection> {
    let basic = basic(headers)?;
    let client_id = form.take_text("client_id");
    let secret = form.take("client_secret");
    let kind = form.take_text("client_assertion_type");
    let assertion = form.take("client_assertion");
    let ways = [basic.is_some(), secret.is_some(), assertion.is_some()];
    if ways.into_iter().filter(|used| *used).count() > 1 {
        return Err(FormFault::SeveralProofs.into());
    }
    match (basic, secret, assertion) {
        (Some(basic), _, _) => matching(basic, client_id),
        (_, Some(secret), _) => Ok(Credentials::Secret {
            client_id: client_id.ok_or(FormFault::Missing("client_id"))?,
            secret,
        }),
        (_, _, Some(assertion)) => match kind.as_deref() {
            None => Err(FormFault::Missing("client_assertion_type").into()),
            Some(JWT_BEARER) => Ok(Credentials::Assertion {
                client_id,
                assertion,
            }),
            Some(_) => Err(Refused::InvalidClient.into()),
        },
        (None, None, None) if kind.is_some() => Err(FormFault::Missing("client_assertion").into()),
        (None, None, None) => client_id
            .map(Credentials::Id)
            .ok_or(Refused::InvalidClient.into()),
    }
}

/// The parameter beside the header, if it is there, names the same client.
fn matching(basic: Basic, client_id: Option<String>) -> Result<Credentials, Rejection> {
    if client_id.is_some_and(|named| named != basic.client_id) {
        return Err(FormFault::SeveralProofs.into());
    }
    Ok(Credentials::Secret {
        client_id: basic.client_id,
        secret: basic.secret,
    })
}

struct Basic {
    client_id: String,
    secret: SecretString,
}

/// `client_secret_basic`: both halves are encoded as in a form before they are put together.
fn basic(headers: &HeaderMap) -> Result<Option<Basic>, Rejection> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let Some(line) = lines.next() else {
        return Ok(None);
    };
    if lines.next().is_some() {
        return Err(FormFault::SeveralProofs.into());
    }
    parse(line.as_bytes())
        .map(Some)
        .ok_or(Refused::InvalidClient.into())
}

fn is_basic(line: &HeaderValue) -> bool {
    let scheme = line.as_bytes().split(|byte| *byte == b' ').next();
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic"))
}

fn parse(line: &[u8]) -> Option<Basic> {
    let (scheme, encoded) = line.split_at_checked(line.iter().position(|byte| *byte == b' ')?)?;
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let pair = Secret::new(STANDARD.decode(encoded.trim_ascii()).ok()?);
    let at = pair.expose().iter().position(|byte| *byte == b':')?;
    let (client_id, secret) = pair.expose().split_at_checked(at)?;
    Some(Basic {
        client_id: decoded(client_id)?,
        secret: SecretString::new(decoded(secret.strip_prefix(b":")?)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pair: &str) -> Option<(String, String)> {
        let line = format!("bAsIc  {}", STANDARD.encode(pair));
        parse(line.as_bytes()).map(|basic| (basic.client_id, basic.secret.expose().to_owned()))
    }

    #[test]
    fn both_halves_are_decoded_after_they_are_taken_apart() {
        let pair = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
        assert_eq!(read("reports:csc_a-b_"), pair("reports", "csc_a-b_"));
        assert_eq!(read("a%3Ab:c%3Ad+e"), pair("a:b", "c:d e"));
        assert_eq!(read("a:b:c"), pair("a", "b:c"));
        assert_eq!(read("a:"), pair("a", ""));
        for bad in ["", "reports", "a:%", "a:%zz", "%ff:b"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        for bad in ["Basic", "Basic ", "Basic !", "Bearer YTpi", "YTpi"] {
            assert!(parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
