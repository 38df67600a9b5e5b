//! A short run of every fuzz target, so that they stay buildable and what was found stays found.

use crate::command::Call;
use crate::failure::Failure;
use crate::options::Options;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// Seconds a target. Long runs are made by hand: `fuzz/run.sh 600`.
const SECONDS: &str = "5";

pub(crate) fn smoke(workspace: &Workspace, _: Options, _: &mut Tally) -> Result<(), Failure> {
    Call::new("sh", ["fuzz/run.sh", SECONDS])
        .within(&workspace.root)
        .env("FUZZ_TARGET_DIR", workspace.target.join("fuzz"))
        .run()
}
