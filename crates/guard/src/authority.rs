//! Authorities of one's own, whose signature makes an issuer's certificate good.

use std::sync::Arc;

use reqwest::Certificate;

use crate::error::GuardError;

/// Authorities that are believed beside those of the system.
#[derive(Clone, Debug, Default)]
pub(crate) struct Authorities(Arc<[Certificate]>);

impl Authorities {
    /// Reads certificates in PEM, of which there must be one.
    pub(crate) fn read(pem: &str) -> Result<Self, GuardError> {
        match Certificate::from_pem_bundle(pem.as_bytes()) {
            Ok(all) if !all.is_empty() => Ok(Self(all.into())),
            _ => Err(GuardError::NoCertificate),
        }
    }

    pub(crate) fn certificates(&self) -> impl Iterator<Item = Certificate> + '_ {
        self.0.iter().cloned()
    }
}
