//! What every engine must do.

pub(crate) mod clients;
pub(crate) mod database;
pub(crate) mod endings;
pub(crate) mod keys;
pub(crate) mod rotation;
pub(crate) mod sessions;
pub(crate) mod upgrade;
pub(crate) mod users;
pub(crate) mod whole;
