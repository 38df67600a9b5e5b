//! Load, decide, commit: each thing the server does, as a story of its own.
//!
//! ```text
//!   asked by users and clients
//!     sign_in      name + password -> proof -> grant -> session -> pair
//!     refresh      refresh token -> row -> verdict -> grant -> pair; outcome: how it is counted
//!     sign_out     a session ends and its revocation goes out
//!     account      users see and end their own sessions, change their password
//!     clients      a client proves who it is, and has tokens in its own name
//!     introspect   what a token is worth, for clients that may know
//!     revoke       a client takes its own token back
//!   asked by guards, proxies and scrapers
//!     keys         what the key ring plans is stored and published
//!     revocations  what ended, in the database and here; follow: told to guards as it happens
//!     standing     how it stands, for whoever reads the numbers
//!   asked by administrators
//!     admin/       users, clients, keys, sessions and the audit log; users of another system
//!   done to an installation as a whole
//!     backup       the database is copied while it is in use
//!     restore      a copy takes its place; reverted: what that takes back
//!     rekey        every key is sealed anew under another master key
//!
//!   authority      the one who signs, whom all of a running server ask
//!     pair, endings     what several stories have in common
//!     ring, client_cache, failures, feed, lanes, steady    what he consists of
//!   error, fresh   the ground
//! ```
//!
//! No HTTP and no SQL here: a flow asks the store's verbs, the issuer decides.

mod account;
mod admin;
mod authority;
mod backup;
mod client_cache;
mod clients;
mod endings;
mod error;
mod failures;
mod feed;
mod follow;
mod fresh;
mod introspect;
mod keys;
mod lanes;
mod outcome;
mod pair;
mod refresh;
mod rekey;
mod restore;
mod reverted;
mod revocations;
mod revoke;
mod ring;
mod sign_in;
mod sign_out;
mod standing;
mod steady;
mod withdrawals;

pub(crate) use self::account::PasswordChange;
pub use self::admin::{
    Administrator, ClientChange, Custodian, CustodianError, Directory, DirectoryError,
    ForeignRefused, ForeignUser, Imported, Importer, NewClient, Oversight, Proof, Registry,
    RegistryError, Rights, SessionsOf,
};
pub(crate) use self::authority::Authority;
pub use self::backup::{Backup, BackupError, Overwrite, backup};
pub(crate) use self::clients::{Asking, ClientToken, Credentials};
pub(crate) use self::error::FlowError;
pub(crate) use self::follow::Follower;
pub(crate) use self::lanes::OtherWork;
pub(crate) use self::pair::Pair;
pub(crate) use self::refresh::Refresh;
pub(crate) use self::rekey::settle_master_key;
pub use self::rekey::{RekeyError, Rekeyed, rekey};
pub use self::restore::{Comparison, RestoreError, Restored, restore};
pub use self::reverted::{Reversion, Reverted, Whose};
pub(crate) use self::sign_in::SignIn;
