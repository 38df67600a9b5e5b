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
//! - [`failures`]: which clients that did not prove who they are get a line in the audit log;
//! - [`grant`]: the right to have tokens made, from a check and from nothing else; [`client`]: the
//!   same for programs, and what users may have through them; [`scope`]: what is granted;
//! - [`session`], [`refresh`], [`marks`], [`mac`]: one row per sign-in, its refresh tokens derived
//!   from it;
//! - [`shadow`]: an eye on a thief who refreshes just behind his victim;
//! - [`keyring`], [`master`]: signing keys from pending to gone, sealed under the master key;
//! - [`token`]: a grant, a session and the ring make an access token (RFC 9068);
//! - [`revoke`]: what ended before its time, for guards to hear of;
//! - [`error`]: refusals for the one who asked, errors for the operator.
//!
//! Signing in, as a server does it between its reads and its writes:
//!
//! ```
//! use countersign::{UnixTime, crypto};
//! use countersign_issuer::{record::*, throttle::*, token::TokenSeed, *};
//! # let now = UnixTime::from_secs(1_800_000_000);
//! # let master = MasterKey::generate()?;
//! # let keys = KeyPolicy::default();
//! # let mut records = Vec::new();
//! # for change in keyring::plan(&[], &keys, now) {
//! #     if let KeyChange::Create { algorithm, state } = change {
//! #         records.push(SigningKeyRecord::generate(algorithm, state, "", &master, now)?);
//! #     }
//! # }
//! # let ring = KeyRing::open(&records, &keys, &master)?;
//! # let mac_keys = MacKeys::open_all(&[MacKeyRecord::generate(1, &master, now)?], &master)?;
//! # let mut hasher = PasswordHasher::new(PasswordParameters::default());
//! # let chosen = NewPassword::choose(Password::new("correct horse")?, "ada", Default::default())?;
//! # let user = User {
//! #     id: "u1".into(), username: "ada".into(), password_hash: hasher.hash(&chosen, [1; 16])?,
//! #     roles: vec![], scope: "read write".into(), disabled: false, created_at: now,
//! #     password_changed_at: now,
//! # };
//! # let mut throttle = Throttle::new(ThrottlePolicy::default(), [2; 16]);
//! # let network = Network::of([192, 0, 2, 1].into());
//!
//! let attempt = throttle.admit("ada", network, None, now)?;
//! let proof = hasher.check(Some(&user), &Password::new("correct horse")?)?;
//! throttle.succeeded(attempt, now);
//!
//! let grant = UserGrant::from_password(proof, now);
//! let new = NewSession {
//!     handle: Handle::new(crypto::random()?),
//!     sid: "s1".into(),
//!     client_id: "shop".into(),
//!     scope: Some("read".into()),
//!     audience: vec!["https://api.example".into()],
//!     mac_key_id: mac_keys.current_id(),
//! };
//! let session = grant.open_session(new, &SessionPolicy::default(), now)?;
//! let seed = TokenSeed { jwt_id: "j1".into(), jitter: 0 };
//! let policy = TokenPolicy::new("https://login.example");
//! let access = AccessToken::issue(&grant, &session, &ring, &policy, seed, now)?;
//! assert_eq!(access.expires_in().as_secs(), 600);
//!
//! // Later the refresh token comes back, and is judged against the row.
//! let token = mac_keys.refresh_token(&session)?;
//! let presented = mac_keys.open(token.expose())?;
//! let asked = Asked { client_id: "shop", scope: None };
//! let verdict = presented.judge(&session, asked, &SessionPolicy::default(), now);
//! assert!(matches!(verdict, Verdict::Rotate(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]

extern crate alloc;

mod bounded;
pub mod client;
pub mod device;
pub mod error;
pub mod failures;
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
pub mod scope;
pub mod session;
pub mod shadow;
mod stored;
pub mod throttle;
pub mod token;

pub use crate::{
    client::{AuthenticatedClient, Client, ClientGrant, ClientSecret, GrantType, PublicClient},
    device::DeviceToken,
    error::{AssertionFault, IssuerError, OauthError, Refused},
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
    session::SessionPolicy,
    stored::ImportRefused,
    token::{AccessToken, TokenPolicy},
};
