//! A token taken apart: to be read, and to be tampered with.

use countersign::base64url;
use serde_json::{Value, json};

use crate::failure::Failure;

/// The members of a header or of claims: who and for whom first, then until when, then the rest.
pub(super) fn in_order(object: &Value) -> Vec<(&String, &Value)> {
    const ORDER: [&str; 9] = [
        "alg",
        "typ",
        "iss",
        "aud",
        "sub",
        "preferred_username",
        "roles",
        "iat",
        "exp",
    ];
    let mut members: Vec<_> = object.as_object().into_iter().flatten().collect();
    let place = |name: &str| ORDER.iter().position(|known| *known == name);
    members.sort_by_key(|(name, _)| place(name).unwrap_or(ORDER.len()));
    members
}

/// The token with its bearer made an administrator, and the signature as it was.
pub(super) fn with_another_role(token: &str) -> Result<String, Failure> {
    let malformed = || Failure::failed("the access token does not have three parts");
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature)) = (parts.next(), parts.next(), parts.next())
    else {
        return Err(malformed());
    };
    let claims = base64url::decode(payload).map_err(Failure::failed)?;
    let mut claims: Value = serde_json::from_slice(&claims).map_err(Failure::failed)?;
    let roles = claims.get_mut("roles").ok_or_else(malformed)?;
    *roles = json!(["admin"]);
    let payload = base64url::encode(claims.to_string().as_bytes());
    Ok(format!("{header}.{payload}.{signature}"))
}
