//! `/admin/…`: users, clients, sessions, keys and the audit log, for callers with the role `admin`,
//! and with a token for the audience of these routes where the settings name one.
//!
//! Long lists come in pages: `?after=` takes the last entry's name (number, for the audit log), and
//! `?limit=` how many there are to be, 100 if nothing is said and 1000 at most. A page that is not
//! full is the last one.

pub(super) mod audit;
mod caller;
pub(super) mod clients;
pub(super) mod keys;
pub(super) mod sessions;
pub(super) mod users;
