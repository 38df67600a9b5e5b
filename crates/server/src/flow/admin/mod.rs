//! What administrators do, over a running server or with a command beside it.
//!
//! ```text
//!   directory   users     registry  clients (client: as they are asked for)
//!   custodian   keys      oversight sessions and the audit log
//!   import      users of another system
//!
//!   administrator   who does it, and where from: the same for all of them     names   what a user may be called
//! ```

mod administrator;
mod client;
mod custodian;
mod directory;
mod import;
mod names;
mod oversight;
mod registry;

pub use self::administrator::Administrator;
pub use self::client::{ClientChange, NewClient, Proof};
pub use self::custodian::{Custodian, CustodianError};
pub use self::directory::{Directory, DirectoryError, Rights};
pub use self::import::{ForeignRefused, ForeignUser, Imported, Importer};
pub use self::oversight::{Oversight, SessionsOf};
pub use self::registry::{Registry, RegistryError};
