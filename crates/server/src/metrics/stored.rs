//! What is measured of the store, inside each engine.

use std::time::Instant;

use super::label::labels;
use super::number::{Counters, Histogram, PIECES, STORE};

labels! {
    /// What the store was asked for.
    pub(crate) enum Asked {
        /// To say something.
        Read = "read",
        /// To change something.
        Write = "write",
    }
}

labels! {
    /// Why the store did not do it.
    pub(crate) enum StoreFailure {
        /// More waited than may wait.
        Overloaded = "overloaded",
        /// The database does not answer, or is not to be had.
        Unavailable = "unavailable",
        /// It holds something that this program never writes.
        Corrupt = "corrupt",
    }
}

/// What is measured of one store.
#[derive(Debug)]
pub struct StoreCounts {
    read: Histogram,
    write: Histogram,
    pub(crate) failed: Counters<StoreFailure>,
    /// From the beginning of a group's transaction until it is durable.
    pub(crate) commit: Histogram,
    /// How many writes a group had.
    pub(crate) group: Histogram,
}

impl StoreCounts {
    /// What came of something the store was asked for since `began`.
    pub(crate) fn ended(&self, asked: Asked, began: Instant, failure: Option<StoreFailure>) {
        self.of(asked).took(began.elapsed());
        if let Some(failure) = failure {
            self.failed.add(failure);
        }
    }

    pub(crate) const fn of(&self, asked: Asked) -> &Histogram {
        match asked {
            Asked::Read => &self.read,
            Asked::Write => &self.write,
        }
    }
}

impl Default for StoreCounts {
    fn default() -> Self {
        Self {
            read: Histogram::new(&STORE),
            write: Histogram::new(&STORE),
            failed: Counters::default(),
            commit: Histogram::new(&STORE),
            group: Histogram::new(&PIECES),
        }
    }
}
