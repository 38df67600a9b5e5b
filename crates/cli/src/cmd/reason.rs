//! `countersign reason`: what a refusal's code means.

use clap::Args;

use crate::failure::Failure;
use crate::output::{self, BOLD, DIM, folded};
use crate::reason;

/// Say what a reason code means and what to do about it
///
/// The code is the `reason` in the body of a refusal, in a guard's log and counters, and in the
/// brackets behind what this command refuses. Without a code, all of them, as a page of Markdown.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  countersign reason refresh_reused")]
pub(crate) struct ReasonArgs {
    code: Option<String>,
}

const WIDTH: usize = 80;

pub(crate) fn run(args: &ReasonArgs) -> Result<(), Failure> {
    let Some(code) = &args.code else {
        return output::line(reason::page().trim_end());
    };
    let Some(explained) = reason::explained(code) else {
        return Err(Failure::usage(
            "there is no such reason code; `countersign reason` lists them all",
        ));
    };
    output::line(&format!("{BOLD}{}{BOLD:#}", explained.code))?;
    for text in [explained.means, explained.do_this] {
        output::line("")?;
        for line in folded(text, WIDTH) {
            output::line(&line)?;
        }
    }
    output::line(&format!("\n{DIM}{}{DIM:#}", explained.link()))
}
