//! What is known of a token once its signature holds.

use alloc::sync::Arc;

use once_cell::race::OnceBox;

use super::header::VerifiedHeader;
use super::seen::Seen;
use crate::error::{Reason, TokenError};
use crate::key::VerifyingKey;

/// A token whose signature holds.
pub(super) struct Checked {
    pub(super) seen: Arc<Seen<Meaning>>,
    pub(super) payload_len: usize,
}

/// What a header comes to.
pub(super) struct Meaning {
    pub(super) key: VerifyingKey,
    pub(super) ring: usize,
    /// Whether `typ` is as it should be; said only once the signature holds.
    pub(super) typ_allowed: bool,
    /// All of it, once somebody asked.
    pub(super) header: OnceBox<VerifiedHeader>,
}

impl Meaning {
    #[inline]
    pub(super) fn check_typ(&self) -> Result<(), TokenError> {
        if self.typ_allowed {
            return Ok(());
        }
        Err(TokenError::new(
            Reason::WrongType,
            "the token's `typ` is not the one that is expected here",
        ))
    }
}
