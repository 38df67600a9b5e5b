//! Why a verb was not done, in words that fit both engines.

use std::path::{Path, PathBuf};

use crate::metrics::StoreFailure;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database was made by a newer version of this program.
    #[error(
        "the database has schema {found}, this program knows up to {known}: use the newer \
         countersign that made it, or restore a backup"
    )]
    NewerSchema {
        /// The database's schema number.
        found: u32,
        /// The newest this program knows.
        known: u32,
    },
    /// The database cannot be reached or does not do as asked.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// The database answers and cannot be changed.
    #[error("the database cannot be written: {0}")]
    Unwritable(String),
    /// More writes wait than the queue holds.
    #[error("the database is overloaded")]
    Overloaded,
    /// The store is shutting down.
    #[error("the database is closed")]
    Closed,
    /// The database must be had alone, and another process has it open.
    #[error(
        "the database is open in another process: stop the server, and other commands that use it, \
         and try again"
    )]
    InUse,
    /// Another server process serves this embedded database.
    #[error(
        "another countersign serve has the database {} open, and an embedded database has one \
         server: stop that one first, or use PostgreSQL for several",
        .0.display()
    )]
    Served(PathBuf),
    /// Another process puts a database, or its master key, in this one's place.
    #[error(
        "the database is being restored or given another master key; try again when that is done"
    )]
    BeingReplaced,
    /// This program failed at it; what it had done is undone.
    #[error("a fault in this program ended what was asked of the database")]
    Fault,
    /// A row holds something this program never writes.
    #[error("the database holds something unexpected in {place}: {detail}")]
    Corrupt {
        /// Table and column.
        place: &'static str,
        /// What is wrong with it, without the value.
        detail: String,
    },
}

impl StoreError {
    pub(crate) fn unavailable(error: impl std::fmt::Display) -> Self {
        Self::Unavailable(error.to_string())
    }

    /// The same, about the file that was to be opened.
    pub(crate) fn of_file(self, path: &Path) -> Self {
        match self {
            Self::Unavailable(why) if !why.contains(&*path.to_string_lossy()) => {
                Self::Unavailable(format!("{}: {why}", path.display()))
            }
            other => other,
        }
    }

    /// As what it is counted.
    pub(crate) const fn counted(&self) -> StoreFailure {
        match self {
            Self::Overloaded => StoreFailure::Overloaded,
            Self::Corrupt { .. } => StoreFailure::Corrupt,
            Self::NewerSchema { .. }
            | Self::Unavailable(_)
            | Self::Unwritable(_)
            | Self::Closed
            | Self::Fault
            | Self::InUse
            | Self::Served(_)
            | Self::BeingReplaced => StoreFailure::Unavailable,
        }
    }

    /// The same error once more, for everyone whose write was in the group that failed.
    pub(crate) fn again(error: &Self) -> Self {
        match error {
            Self::NewerSchema { found, known } => Self::NewerSchema {
                found: *found,
                known: *known,
            },
            Self::Unavailable(detail) => Self::Unavailable(detail.clone()),
            Self::Unwritable(detail) => Self::Unwritable(detail.clone()),
            Self::Overloaded => Self::Overloaded,
            Self::Closed => Self::Closed,
            Self::Fault => Self::Fault,
            Self::InUse => Self::InUse,
            Self::Served(path) => Self::Served(path.clone()),
            Self::BeingReplaced => Self::BeingReplaced,
            Self::Corrupt { place, detail } => Self::Corrupt {
                place,
                detail: detail.clone(),
            },
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::unavailable(error)
    }
}
