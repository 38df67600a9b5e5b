//! JSON Web Tokens, keys and key sets: strict, typed, at the speed of the bare cryptography.
//!
//! ```text
//! claims -> Signer -> token -> Verifier -> Verified<Claims>
//!             |                   |  |
//!         SigningKey           Rules KeySet
//! ```
//!
//! ```
//! use countersign::{Algorithm, KeySet, Rules, SigningKey, UnixTime, Verifier};
//! use serde_json::{Value, json};
//!
//! let now = UnixTime::from_secs(1_700_000_000);
//! let key = SigningKey::generate(Algorithm::ES256)?;
//! let token = key.sign(&json!({
//!     "iss": "https://login.example", "aud": "https://api.example", "sub": "ada",
//!     "exp": 1_700_000_600,
//! }))?;
//!
//! let rules = Rules::new("https://login.example", "https://api.example", Algorithm::ES256);
//! let verifier = Verifier::new(rules, KeySet::new([key.verifying_key()])?);
//! let verified = verifier.verify::<Value>(&token, now)?;
//! assert_eq!(verified.subject(), Some("ada"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What it offers is the compact serialisation of JWS (RFC 7515) with JWT claims (RFC 7519).
//! It does no input or output and reads no clock: `now` is an argument everywhere.
#![no_std]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

pub mod algorithm;
pub mod base64url;
pub mod crypto;
pub mod error;
mod json;
pub mod key;
pub mod secret;
pub mod sign;
pub mod time;
pub mod token;
pub mod verify;

pub use algorithm::Algorithm;
pub use error::{Reason, TokenError};
pub use key::{Jwk, KeyError, KeySet, SigningKey, VerifyingKey};
pub use secret::{Secret, SecretString};
pub use sign::{Claims, SignError, Signer};
pub use time::UnixTime;
pub use token::{AccessClaims, Audience, Unverified};
pub use verify::{AlgorithmRule, AudienceRule, IssuerRule, Rules, Verified, Verifier};
