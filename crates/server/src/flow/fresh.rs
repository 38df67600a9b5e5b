//! What nobody has had before: ids, and what is random in a token.

use countersign::{base64url, crypto};
use countersign_issuer::token::TokenSeed;

use super::error::FlowError;

/// Sixteen random bytes as text: unique without anybody keeping count.
pub(super) fn new_id() -> Result<String, FlowError> {
    Ok(base64url::encode(&crypto::random::<16>()?))
}

/// What is random in a token.
pub(super) fn new_seed() -> Result<TokenSeed, FlowError> {
    Ok(TokenSeed {
        jwt_id: new_id()?,
        jitter: u32::from_be_bytes(crypto::random::<4>()?),
    })
}
