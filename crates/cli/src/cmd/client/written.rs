//! What is written alike of a new client and of a change: grants, and the file of its keys.

use std::path::Path;

use clap::ValueEnum;
use countersign_issuer::GrantType;
use countersign_issuer::client::ClientKeys;

use crate::failure::Failure;

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Grant {
    /// Tokens in its own name
    ClientCredentials,
    /// Tokens of users who sign in through it
    RefreshToken,
}

impl From<Grant> for GrantType {
    fn from(grant: Grant) -> Self {
        match grant {
            Grant::ClientCredentials => Self::ClientCredentials,
            Grant::RefreshToken => Self::RefreshToken,
        }
    }
}

/// The grants that were named, if any were.
pub(super) fn grant_types(named: Vec<Grant>) -> Option<Vec<GrantType>> {
    let named: Vec<_> = named.into_iter().map(GrantType::from).collect();
    (!named.is_empty()).then_some(named)
}

/// The public keys in a file.
pub(super) fn keys_in(file: &Path) -> Result<ClientKeys, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::failed(format!("{}: {error}", file.display())))?;
    ClientKeys::from_json(&text)
        .map_err(|bad| Failure::failed(format!("{}: {bad}", file.display())))
}
