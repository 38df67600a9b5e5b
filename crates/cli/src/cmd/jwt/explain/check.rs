//! What is asked, and what came of one check.

use std::time::Duration;

use clap::ValueEnum;
use serde_json::Value;

use crate::cmd::issuer::ClaimArgs;
use crate::printable::printable;

/// What a guard would be set to.
pub(super) struct Asked<'a> {
    pub(super) token: &'a str,
    pub(super) issuer: Option<&'a str>,
    pub(super) audience: Option<&'a str>,
    /// Any if absent.
    pub(super) typ: Option<&'a str>,
    pub(super) leeway: u64,
    pub(super) claims: ClaimsType,
    pub(super) names: ClaimArgs,
}

/// What the guard reads the claims into: they must fit it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ClaimsType {
    /// AccessClaims, as a guard in Rust does unless told otherwise: what RFC 9068 asks for
    Access,
    /// AnyClaims, as the sidecar does: `sub` must be there and not be empty
    Any,
}

impl Asked<'_> {
    pub(super) fn leeway(&self) -> Duration {
        Duration::from_secs(self.leeway)
    }
}

/// One check and what came of it.
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) outcome: Outcome,
    /// Printable.
    pub(super) says: String,
    /// The claim's or parameter's value as it stands in the token.
    pub(super) value: Option<Value>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Held,
    Failed { reason: &'static str },
    NotJudged,
}

impl Check {
    pub(super) fn new(name: &'static str, outcome: Outcome, says: impl Into<String>) -> Self {
        Self {
            name,
            outcome,
            says: says.into(),
            value: None,
        }
    }

    /// The reason code, if it failed.
    pub(super) fn failure(&self) -> Option<&'static str> {
        match self.outcome {
            Outcome::Failed { reason } => Some(reason),
            Outcome::Held | Outcome::NotJudged => None,
        }
    }

    pub(super) fn with(mut self, value: Option<&Value>) -> Self {
        self.value = value.cloned();
        self
    }
}

/// A member that is a text.
pub(super) fn text<'v>(members: &'v Value, name: &str) -> Option<&'v str> {
    members.get(name)?.as_str()
}

/// The token's own text, printable and not too long.
pub(super) fn shown(text: &str) -> String {
    crate::output::clipped(&printable(text), 60)
}
