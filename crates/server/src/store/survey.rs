//! A database as it stands, looked at without making or changing anything in it.

use countersign_issuer::record::{MacKeyRecord, SigningKeyRecord};

/// What there is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Survey {
    /// How many steps its schema has taken; none in a database that nobody has served yet.
    pub(crate) found: u32,
    /// How many this program knows.
    pub(crate) known: u32,
    /// Read only where the schema is this program's own.
    pub(crate) signing: Vec<SigningKeyRecord>,
    pub(crate) macs: Vec<MacKeyRecord>,
}
