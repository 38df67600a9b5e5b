//! Keys: as they are written down (`jwk`, `pem`), as they are used (`signing`, `verifying`), and
//! as a set from which a token's header selects one (`set`).
//!
//! Every written form becomes the numbers in `material`, and only from there a key in use, bound to
//! one algorithm: there is one road in, and it has the checks of strength on it.

mod der;
mod error;
mod jwk;
mod material;
mod pem;
mod set;
mod signing;
mod strength;
mod verifying;

pub use error::KeyError;
pub use jwk::Jwk;
pub use set::KeySet;
pub(crate) use set::Unselected;
pub use signing::SigningKey;
pub use verifying::VerifyingKey;
