//! A form as OAuth's endpoints take it (RFC 6749 §3.2 and appendix B): strict, bounded, and each
//! parameter once.
//!
//! Values are wiped when they are dropped: passwords of programs are among them.

use std::collections::HashSet;

use axum::extract::{FromRequest, Request};
use countersign::secret::SecretString;
use percent_encoding::percent_decode;

use super::body::{is, read};
use super::form_fault::FormFault;
use super::problem::Rejection;

const FORM: &str = "application/x-www-form-urlencoded";
/// The one parameter that may be given several times (RFC 8707 §2).
const RESOURCE: &str = "resource";

/// The parameters of a request, each of them to be taken out once.
#[derive(Debug)]
pub(super) struct Form(Vec<(String, SecretString)>);

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Rejection;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Rejection> {
        // What is in a URL is in logs: a secret there is one no longer (RFC 6749 §2.3.1).
        if request.uri().query().is_some_and(|query| !query.is_empty()) {
            return Err(FormFault::InUrl.into());
        }
        if !is(&request, FORM) {
            return Err(FormFault::NotAForm.into());
        }
        Ok(Self::parse(&read(request).await?)?)
    }
}

impl Form {
    fn parse(body: &[u8]) -> Result<Self, FormFault> {
        let mut parameters: Vec<(String, SecretString)> = Vec::new();
        // A form full of names must not cost the square of its length.
        let mut seen = HashSet::new();
        for pair in body.split(|byte| *byte == b'&') {
            if pair.is_empty() {
                continue;
            }
            let at = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = match at.and_then(|at| pair.split_at_checked(at)) {
                Some((name, value)) => (name, value.strip_prefix(b"=").unwrap_or_default()),
                None => (pair, [].as_slice()),
            };
            let name = decoded(name).ok_or(FormFault::Malformed)?;
            let value = decoded(value).ok_or(FormFault::Malformed)?;
            if !seen.insert(name.clone()) && name != RESOURCE {
                return Err(FormFault::Repeated);
            }
            parameters.push((name, SecretString::new(value)));
        }
        Ok(Self(parameters))
    }

    /// Takes out a parameter. One without a value counts as left out (RFC 6749 §3.2).
    pub(super) fn take(&mut self, name: &str) -> Option<SecretString> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        let (_, value) = self.0.remove(at);
        Some(value).filter(|value| !value.expose().is_empty())
    }

    /// Takes out a parameter that is no secret.
    pub(super) fn take_text(&mut self, name: &str) -> Option<String> {
        self.take(name).map(|value| value.expose().to_owned())
    }

    /// Takes out a parameter that must be there.
    pub(super) fn require(&mut self, name: &'static str) -> Result<SecretString, FormFault> {
        self.take(name).ok_or(FormFault::Missing(name))
    }

    /// The audiences asked for, as `resource` (RFC 8707) or as `audience`, each once.
    pub(super) fn audiences(&mut self) -> Vec<String> {
        let named = self.0.extract_if(.., |(name, _)| name == RESOURCE);
        let mut asked: Vec<_> = named.map(|(_, value)| value.expose().to_owned()).collect();
        asked.extend(self.take_text("audience"));
        asked.retain(|value| !value.is_empty());
        asked.sort();
        asked.dedup();
        asked
    }
}

/// Text as it stands in a form: `+` for a space, `%XX` for bytes of UTF-8. `None` if it is not.
pub(super) fn decoded(text: &[u8]) -> Option<String> {
    let mut left = text;
    while let Some(at) = left.iter().position(|byte| *byte == b'%') {
        let code = left.get(at + 1..at + 3)?;
        if !code.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        left = left.get(at + 3..)?;
    }
    let spaced: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    String::from_utf8(percent_decode(&spaced).collect()).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn values_are_decoded_and_what_cannot_be_is_refused() {
        let parse = |body: &str| Form::parse(body.as_bytes());
        let mut form = parse("a=1+2&b=%C3%A4%2b&c=&d&%65=x=y&").expect("good");
        assert_eq!(form.take_text("a").as_deref(), Some("1 2"));
        assert_eq!(form.take_text("b").as_deref(), Some("ä+"));
        assert_eq!(form.take_text("c"), None, "no value is no parameter");
        assert_eq!(form.take_text("d"), None);
        assert_eq!(form.take_text("e").as_deref(), Some("x=y"));
        assert_eq!(form.take_text("a"), None, "taken once");
        for bad in ["a=%", "a=%4", "a=%zz", "%=1", "a=%ff", "a=\u{0}%c3"] {
            assert!(matches!(parse(bad), Err(FormFault::Malformed)), "{bad}");
        }
        for twice in ["a=1&a=1", "a&a=1", "a=1&%61=2"] {
            let refused = parse(twice);
            assert!(matches!(refused, Err(FormFault::Repeated)), "{twice}");
        }
    }

    #[test]
    fn a_form_full_of_names_costs_no_square_of_its_length() {
        let body = |names: u32| {
            let names: Vec<_> = (0..names).map(|name| name.to_string()).collect();
            names.join("&")
        };
        let cost = |body: &str| {
            let start = Instant::now();
            assert!(Form::parse(body.as_bytes()).is_ok());
            start.elapsed()
        };
        let (few, many) = (body(125), body(2_000));
        let few = (0..50).map(|_| cost(&few)).min().expect("fifty");
        // Sixteen times as many: sixteen times as long, not two hundred and fifty-six times. On a busy
        // machine it takes a few tries until one of them is not interrupted.
        assert!((0..100).any(|_| cost(&many) < few * 40));
    }

    #[test]
    fn several_resources_may_be_named() {
        let body = "resource=b&resource=a&audience=a&resource=";
        let mut form = Form::parse(body.as_bytes()).expect("good");
        assert_eq!(form.audiences(), ["a", "b"]);
    }
}
