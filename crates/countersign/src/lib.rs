//! JSON Web Tokens, keys and key sets: strict, typed, at the speed of the bare cryptography.
//!
//! ```text
//! claims -> Signer -> token -> Verifier -> Verified<Claims>
//!             |                   |  |
//!         SigningKey           Rules KeySet
//! ```
//!
//! With a shared secret, as in one process that hands out its own tokens:
//!
//! ```
//! use core::time::Duration;
//! use countersign::{Algorithm, Claims, KeySet, Rules, SigningKey, UnixTime, Verifier};
//!
//! let secret = countersign::crypto::random::<32>()?;
//! let key = SigningKey::from_secret(Algorithm::HS256, &secret)?;
//! let now = UnixTime::now();
//! let token = key.sign(
//!     &Claims::new().issuer("shop").audience("shop").subject("ada").valid_for(now, Duration::from_secs(600)),
//! )?;
//!
//! let rules = Rules::new("shop", "shop", Algorithm::HS256);
//! let verifier = Verifier::new(rules, KeySet::new([key.verifying_key()])?);
//! assert_eq!(verifier.verify::<serde_json::Value>(&token, now)?.subject(), Some("ada"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With a key pair, claims of one's own, and the reason of a refusal:
//!
//! ```
//! use countersign::{Algorithm, KeySet, Reason, Rules, SigningKey, UnixTime, Verifier, VerifyingKey};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, Serialize, Deserialize)]
//! struct Ticket {
//!     iss: String,
//!     aud: Vec<String>,
//!     exp: u64,
//!     seat: u16,
//! }
//!
//! let private = SigningKey::generate(Algorithm::ES256)?;
//! let ticket =
//!     Ticket { iss: "box-office".into(), aud: vec!["gate".into()], exp: 1_700_000_600, seat: 12 };
//! let token = private.sign(&ticket)?;
//!
//! let public = VerifyingKey::from_pem(Algorithm::ES256, &private.verifying_key().to_pem()?)?;
//! let rules = Rules::new("box-office", "gate", Algorithm::ES256);
//! let gate = Verifier::new(rules, KeySet::new([public])?);
//! let verified = gate.verify::<Ticket>(&token, UnixTime::from_secs(1_700_000_000))?;
//! assert_eq!(verified.claims().seat, 12);
//!
//! let refused = gate.verify::<Ticket>(&token, UnixTime::from_secs(1_700_000_600)).unwrap_err();
//! assert_eq!(refused.reason(), Reason::Expired);
//! assert_eq!(refused.reason().code(), "expired");
//! assert_eq!(refused.claim(), Some("exp"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With a published key set (JWKS), from which each token's `kid` selects its key:
//!
//! ```
//! # use countersign::{Algorithm, AlgorithmRule, KeySet, Rules, SigningKey, Verifier};
//! # let keys = [Algorithm::ES256, Algorithm::RS256].map(|a| SigningKey::generate(a).unwrap().verifying_key());
//! # let fetched = KeySet::new(keys)?.to_json();
//! let keys = KeySet::from_json(fetched)?;
//! let rules = Rules::new("https://login.example", "https://api.example", AlgorithmRule::of_the_keys())
//!     .typ("at+jwt");
//! let verifier = Verifier::new(rules, keys);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What it offers is the compact serialisation of JWS (RFC 7515) with JWT claims (RFC 7519) and JWK
//! (RFC 7517); no JSON serialisation, no detached payloads, no JWE. It does no input or output and
//! reads no clock: `now` is an argument. To look at a token without trust, see [`Unverified`]; no
//! road leads from there to [`Verified`].
//!
//! Features: `std` (on) adds [`UnixTime::now`] and picks the fastest base64 at run time; `ml-dsa`
//! adds the signatures of RFC 9964.
#![no_std]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

pub mod algorithm;
pub mod base64url;
pub mod crypto;
pub mod error;
mod find;
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
pub use token::{AccessClaims, AccessFields, Audience, Unverified};
pub use verify::{
    AlgorithmRule, AudienceRule, IssuerRule, Rules, Verified, VerifiedHeader, Verifier,
};
