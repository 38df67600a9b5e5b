//! An issuer as it is typed: its name, where it is reached if that is elsewhere, whose word on the way
//! there is believed, and what its tokens are like. `guard`, `jwt verify` and `jwt explain` mean the same
//! by it.

use std::fmt::Display;
use std::fs;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use countersign_guard::{GuardBuilder, TrustedIssuer};

use crate::failure::Failure;

/// `ISSUER`, or `ISSUER=URL` where it is reached at another address than its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamedIssuer {
    name: String,
    found_at: Option<String>,
}

impl NamedIssuer {
    /// The claim `iss` of its tokens, to the last character.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it can be asked for its keys: a name like `my-app` alone leads nowhere.
    pub(super) fn can_be_asked(&self) -> bool {
        let is_url = |text: &str| text.starts_with("https://") || text.starts_with("http://");
        self.found_at.is_some() || is_url(&self.name)
    }

    /// The same in the words of a guard.
    pub(super) fn trusted(&self, audience: &str) -> TrustedIssuer {
        let trusted = TrustedIssuer::new(&self.name, audience);
        match &self.found_at {
            Some(url) => trusted.found_at(url),
            None => trusted,
        }
    }
}

impl FromStr for NamedIssuer {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim().is_empty() {
            return Err("it is empty");
        }
        if is_half_an_address(text) {
            return Err(
                "what follows '=' is where the issuer is reached, a whole URL with http:// or \
                 https://",
            );
        }
        let (name, found_at) = match text.split_once("=http") {
            Some((name, rest)) => (name, Some(format!("http{rest}"))),
            None => (text, None),
        };
        if name.is_empty() {
            return Err("the issuer's name is missing before the '='");
        }
        // It is compared to the last character, and no token has one like this.
        if name.trim() != name {
            return Err("there is a space before or after the issuer's name");
        }
        Ok(Self {
            name: name.to_owned(),
            found_at,
        })
    }
}

/// Whether the second address of `NAME=ADDRESS` has no scheme, so that all of it would be the name.
fn is_half_an_address(issuer: &str) -> bool {
    let host = issuer
        .split_once("://")
        .map(|(_, rest)| rest.split('/').next());
    host.flatten().is_some_and(|host| host.contains('=')) && !issuer.contains("=http")
}

/// How it is reached.
#[derive(Debug, Args)]
pub(super) struct ReachArgs {
    /// A file with the certificate (PEM) of the authority that signed the issuer's, if the system does
    /// not know it
    #[arg(long, env = "COUNTERSIGN_CACERT", value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// Fetch keys over plain HTTP from other machines too: whoever is in between can forge them
    #[arg(long, requires = "issuer")]
    insecure_http: bool,
}

impl ReachArgs {
    /// A guard that goes this way.
    pub(super) fn by<C>(&self, builder: GuardBuilder<C>) -> Result<GuardBuilder<C>, Failure> {
        let builder = if self.insecure_http {
            builder.plain_http_insecurely()
        } else {
            builder
        };
        let Some(file) = &self.cacert else {
            return Ok(builder);
        };
        let named = |error: &dyn Display| Failure::usage(format!("{}: {error}", file.display()));
        let pem = fs::read_to_string(file).map_err(|error| named(&error))?;
        builder.trust_authority(&pem).map_err(|error| named(&error))
    }
}

/// Where its tokens say what their bearers may do.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct ClaimArgs {
    /// The claim with the roles, an array of texts or one text: the one of that very name, or else dots
    /// lead into objects, as in realm_access.roles; a token with both is refused if they differ
    /// [default: roles]
    #[arg(long, value_name = "CLAIM", value_parser = not_empty)]
    roles_claim: Option<String>,
    /// The claim with the scope, words in one text or an array of them; found as the one with the
    /// roles [default: scope, or scp where there is none]
    #[arg(long, value_name = "CLAIM", value_parser = not_empty)]
    scope_claim: Option<String>,
}

impl ClaimArgs {
    /// The same in the words of a guard.
    pub(super) fn of(&self, trusted: TrustedIssuer) -> TrustedIssuer {
        let trusted = match &self.roles_claim {
            Some(name) => trusted.roles_claim(name),
            None => trusted,
        };
        match &self.scope_claim {
            Some(name) => trusted.scope_claim(name),
            None => trusted,
        }
    }
}

/// A variable of a script that is not set asks for nothing in a place where something was to be asked.
pub(super) fn not_empty(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() {
        return Err("it is empty; leave the option out to ask for nothing of the kind");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_may_be_found_elsewhere() {
        let read = |text: &str| text.parse::<NamedIssuer>().map(|it| (it.name, it.found_at));
        let plain = |name: &str| Ok((name.to_owned(), None));
        assert_eq!(read("https://id.example"), plain("https://id.example"));
        assert_eq!(read("my-app"), plain("my-app"));
        assert_eq!(
            read("https://id.example/a=b"),
            plain("https://id.example/a=b")
        );
        let at = |name: &str, url: &str| Ok((name.to_owned(), Some(url.to_owned())));
        assert_eq!(
            read("https://id.example=http://127.0.0.1:7800"),
            at("https://id.example", "http://127.0.0.1:7800")
        );
        assert_eq!(read("my-app=https://id"), at("my-app", "https://id"));
        for (text, told) in [
            ("https://id.example=countersign:7800", "a whole URL"),
            ("", "it is empty"),
            (" ", "it is empty"),
            ("=http://127.0.0.1:7800", "name is missing"),
            (" https://id.example", "a space"),
            ("https://id.example =http://127.0.0.1:7800", "a space"),
        ] {
            let why = read(text).expect_err(text);
            assert!(why.contains(told), "{text:?}: {why}");
        }
    }
}
