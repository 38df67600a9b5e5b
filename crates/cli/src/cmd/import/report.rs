//! What came of an import.

use std::fmt;

use serde::Serialize;

use super::lines::BadLine;
use crate::failure::Failure;

/// How many bad lines are listed in the JSON report; all are named on the way.
const LISTED: usize = 1000;

/// How many lines ended how.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) imported: u64,
    pub(super) already_there: u64,
    bad: u64,
    bad_lines: Vec<Listed>,
}

#[derive(Debug, Serialize)]
struct Listed {
    line: u64,
    reason: &'static str,
    description: String,
}

impl Report {
    pub(super) fn bad(&mut self, line: u64, bad: BadLine) {
        self.bad += 1;
        if self.bad_lines.len() < LISTED {
            self.bad_lines.push(Listed {
                line,
                reason: bad.code(),
                description: bad.to_string(),
            });
        }
    }

    /// How many lines were dealt with.
    pub(super) const fn seen(&self) -> u64 {
        self.imported + self.already_there + self.bad
    }

    /// A failure if a line was bad.
    pub(super) fn outcome(&self) -> Result<(), Failure> {
        match self.bad {
            0 => Ok(()),
            1 => Err(Failure::failed("1 line was not imported")),
            more => Err(Failure::failed(format!("{more} lines were not imported"))),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            imported,
            already_there,
            bad,
            ..
        } = self;
        write!(
            f,
            "{imported} imported, {already_there} already there, {bad} bad"
        )
    }
}
