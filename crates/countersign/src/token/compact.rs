//! The compact serialisation of a JWS (RFC 7515 §3.1, §7.1): three parts and two dots. No JSON yet.

use alloc::vec::Vec;

use crate::error::{Reason, TokenError};
use crate::{base64url, find};

/// A token's three parts, still in base64url.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compact<'a> {
    pub(crate) header: &'a [u8],
    pub(crate) payload: &'a [u8],
    pub(crate) signature: &'a [u8],
    /// Header, dot and payload: what the signature is of.
    pub(crate) signed: &'a [u8],
}

impl<'a> Compact<'a> {
    /// Splits a token of at most `max_bytes` at its first and its last dot. Should there be more
    /// dots, the payload is not base64url, which comes out when it is decoded.
    pub(crate) fn split(token: &'a [u8], max_bytes: usize) -> Result<Self, TokenError> {
        const PARTS: TokenError = TokenError::new(
            Reason::Malformed,
            "a token has three parts with a dot between them",
        );
        if token.len() > max_bytes {
            return Err(TokenError::new(
                Reason::TooLarge,
                "the token is longer than allowed",
            ));
        }
        let last = token.iter().rposition(|byte| *byte == b'.');
        let (signed, signature) = last.and_then(|at| around(token, at)).ok_or(PARTS)?;
        let first = find::byte(signed, 0, b'.');
        let (header, payload) = around(signed, first).ok_or(PARTS)?;
        Ok(Self {
            header,
            payload,
            signature,
            signed,
        })
    }
}

/// What stands before and after the dot there.
fn around(text: &[u8], dot: usize) -> Option<(&[u8], &[u8])> {
    Some((text.get(..dot)?, text.get(dot + 1..)?))
}

/// Decodes a part behind what `out` holds already.
pub(crate) fn decode(part: &[u8], out: &mut Vec<u8>) -> Result<(), TokenError> {
    base64url::decode_into(part, out).map_err(|_| {
        TokenError::new(
            Reason::Malformed,
            "a part of the token is not strict base64url (no padding, no stray bits)",
        )
    })
}
