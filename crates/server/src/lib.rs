//! The Countersign auth server, as a library.
//!
//! It signs users in, hands out short-lived access tokens with rotating refresh tokens, and tells
//! guards what to refuse before it expires.
//!
//! ```text
//!   server        puts everything together and lets it go; outlook: whether that would work
//!   listen/       sockets, TLS, a calm end          tasks  keys, sweeping, following the database
//!   http/         a request in, one flow, an answer out; the one place that knows statuses
//!   flow/         load, decide (countersign-issuer), commit; no HTTP, no SQL
//!   installation  the master key and the store, opened
//!   store/        the verbs, in SQL
//!   config, metrics/   what an operator decides, and what he is told: the ground
//! ```
//!
//! The `countersign serve` command is a thin coat over [`Server`]:
//!
//! ```no_run
//! use countersign_server::{Config, Server};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::start(Config::default()).await?;
//! println!("signing as {}", server.issuer());
//! tokio::signal::ctrl_c().await?;
//! server.stop().await;
//! # Ok(())
//! # }
//! ```

mod company;
pub mod config;
mod exposed;
mod flow;
mod http;
mod installation;
pub mod limits;
mod listen;
mod master_key;
pub mod metrics;
mod outlook;
mod place;
mod seldom;
mod server;
mod shares;
pub mod store;
mod tasks;
mod tls;

pub use crate::config::{Config, ConfigError, Database, PlainHttp, TlsFiles};
pub use crate::exposed::Exposed;
pub use crate::flow::{
    Administrator, Backup, BackupError, ClientChange, Comparison, Custodian, CustodianError,
    Directory, DirectoryError, ForeignRefused, ForeignUser, Imported, Importer, NewClient,
    Oversight, Overwrite, Proof, Registry, RegistryError, RekeyError, Rekeyed, RestoreError,
    Restored, Reversion, Reverted, Rights, SessionsOf, Whose, backup, rekey, restore,
};
pub use crate::http::{Readers, alone as metrics_router};
pub use crate::installation::OpenError;
pub use crate::listen::serve_plain;
pub use crate::master_key::{MasterKeyError, file_beside as master_key_file};
pub use crate::outlook::{Outlook, Standing};
pub use crate::server::{Server, StartError};
pub use crate::tls::TlsError;
