//! PEM armour (RFC 7468) around the DER forms.
//!
//! One document in a text, with white space around it and nothing else; the label decides how the
//! DER inside is read.

use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::der;
use super::error::KeyError;
use super::material::Material;

pub(super) fn read(text: &str) -> Result<Material, KeyError> {
    let (label, document) = unarmour(text)?;
    match label {
        "PRIVATE KEY" => der::private_key_info(&document),
        "PUBLIC KEY" => der::public_key_info(&document),
        "RSA PRIVATE KEY" => der::pkcs1_private(&document),
        "RSA PUBLIC KEY" => der::pkcs1_public(&document),
        "EC PRIVATE KEY" => der::sec1(&document, None),
        "ENCRYPTED PRIVATE KEY" => Err(KeyError::Malformed(
            "the PEM is encrypted; decrypt it first (openssl pkcs8 -in … -out …)",
        )),
        "CERTIFICATE" => Err(KeyError::Malformed(
            "the PEM is a certificate; take its public key (openssl x509 -pubkey -noout)",
        )),
        _ => Err(KeyError::Malformed("the PEM label is not one of a key")),
    }
}

/// Writes a document in lines of 64 characters.
pub(super) fn armour(label: &str, document: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(document));
    let mut text = Zeroizing::new(String::with_capacity(body.len() * 65 / 64 + 80));
    for part in ["-----BEGIN ", label, "-----\n"] {
        text.push_str(part);
    }
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at_checked(64).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    for part in ["-----END ", label, "-----\n"] {
        text.push_str(part);
    }
    text
}

fn unarmour(text: &str) -> Result<(&str, Zeroizing<Vec<u8>>), KeyError> {
    const BROKEN: KeyError =
        KeyError::Malformed("not PEM; it begins with -----BEGIN and ends with -----END");
    let rest = text.trim().strip_prefix("-----BEGIN ").ok_or(BROKEN)?;
    let (label, rest) = rest.split_once("-----").ok_or(BROKEN)?;
    let (body, end) = rest.split_once("-----END ").ok_or(BROKEN)?;
    if end.strip_suffix("-----") != Some(label) {
        return Err(BROKEN);
    }
    // Old OpenSSL wrote "Proc-Type: 4,ENCRYPTED" lines inside; the colon makes that an error below.
    let mut digits = Zeroizing::new(Vec::with_capacity(body.len()));
    digits.extend(body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    let document = STANDARD
        .decode(&*digits)
        .map_err(|_| KeyError::Malformed("the PEM's base64 is broken"))?;
    Ok((label, Zeroizing::new(document)))
}
