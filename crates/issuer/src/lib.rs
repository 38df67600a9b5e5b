//! The decisions of a token issuer: who may have a token, for how long, and when no longer.
//!
//! There is no I/O here. Time is an argument, random ids and salts are handed in, rows are plain
//! data ([`record`]); a server loads, asks, and commits what it is told.
//!
//! ```text
//! name + password --throttle--> PasswordHasher::check --> PasswordProof --> UserGrant
//!                                                                             | opens, once
//!                                                                             v
//!                                                                          Session
//!                                                                             |
//! csr_… --MacKeys::open--> Presented --judge--> Redeemed --> UserGrant        |
//!                             |                                  |            |
//!                             +--> stolen: End; refused          +--> KeyRing v
//!                                                                     AccessToken
//! ```
//!
//! - [`password`]: a password is checked, and every refusal costs the same work;
//! - [`throttle`], [`device`]: how long to wait before the next try, and who need not;
//! - [`grant`]: the right to have tokens made, from a check and from nothing else;
//! - [`session`], [`refresh`], [`marks`], [`mac`]: one row per sign-in, its refresh tokens derived
//!   from it;
//! - [`shadow`]: an eye on a thief who refreshes just behind his victim;
//! - [`keyring`], [`master`]: signing keys from pending to gone, sealed under the master key;
//! - [`token`]: a grant, a session and the ring make an access token (RFC 9068);
//! - [`revoke`]: what ended before its time, for guards to hear of;
//! - [`error`]: refusals for the one who asked, errors for the operator.
#![no_std]

extern crate alloc;

mod bounded;
pub mod device;
pub mod error;
pub mod grant;
pub mod keyring;
pub mod mac;
pub mod marks;
pub mod master;
pub mod password;
pub mod record;
pub mod refresh;
pub mod revoke;
mod scheme;
pub mod session;
pub mod shadow;
mod stored;
pub mod throttle;
pub mod token;

pub use crate::{
    error::{IssuerError, Refused},
    grant::{NewSession, UserGrant},
    keyring::{KeyChange, KeyPolicy, KeyRing},
    mac::MacKeys,
    master::MasterKey,
    password::{
        NewPassword, Password, PasswordHasher, PasswordParameters, PasswordPolicy, PasswordProof,
    },
    record::{AuditEvent, AuditKind, EndReason, Handle, PasswordHash, Session, User},
    refresh::{Asked, Presented, Redeemed, RefreshToken, Rotation, Theft, Verdict},
    scheme::Work,
    session::{SessionPolicies, SessionPolicy},
    stored::ImportRefused,
    token::{AccessToken, TokenPolicy},
};
