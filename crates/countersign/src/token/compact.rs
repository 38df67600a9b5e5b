//! The compact serialisation of a JWS (RFC 7515 §3.1, §7.1): three parts and two dots. No JSON yet.

use alloc::vec::Vec;

use crate::base64url;
use crate::error::{Reason, TokenError};

/// A token's three parts, still in base64url.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compact<'a> {
    pub(crate) header: &'a str,
    pub(crate) payload: &'a str,
    pub(crate) signature: &'a str,
    /// Header, dot and payload: what the signature is of.
    pub(crate) signed: &'a str,
}

impl<'a> Compact<'a> {
    /// Splits a token of at most `max_bytes` at its first and its last dot. Should there be more
    /// dots, the payload is not base64url, which comes out when it is decoded.
    pub(crate) fn split(token: &'a str, max_bytes: usize) -> Result<Self, TokenError> {
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
        let (signed, signature) = token.rsplit_once('.').ok_or(PARTS)?;
        let (header, payload) = signed.split_once('.').ok_or(PARTS)?;
        Ok(Self {
            header,
            payload,
            signature,
            signed,
        })
    }
}

/// Decodes a part behind what `out` holds already.
pub(crate) fn decode(part: &str, out: &mut Vec<u8>) -> Result<(), TokenError> {
    base64url::decode_into(part.as_bytes(), out).map_err(|_| {
        TokenError::new(
            Reason::Malformed,
            "a part of the token is not strict base64url (no padding, no stray bits)",
        )
    })
}
