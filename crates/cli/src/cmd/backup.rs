//! `countersign backup`: a copy of the database, while the server runs.

use std::path::PathBuf;

use clap::Args;
use countersign_server::Overwrite;
use serde::Serialize;

use super::database::DatabaseArgs;
use super::progress::Progress;
use crate::failure::Failure;
use crate::output;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign backup /backups/countersign.db
  countersign backup copy.db --database sqlite:/srv/id.db")]
pub(crate) struct BackupArgs {
    /// Where to put the copy
    file: PathBuf,
    /// Put it in the place of a file that is there already
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Written<'a> {
    file: &'a str,
    bytes: u64,
    made_at: u64,
}

pub(crate) fn run(args: &BackupArgs) -> Result<(), Failure> {
    let config = args.database.existing()?;
    let overwrite = if args.force {
        Overwrite::Replace
    } else {
        Overwrite::Refuse
    };
    let progress = Progress::of(None);
    let made = countersign_server::backup(&config, &args.file, overwrite, |done, total| {
        progress.at_of(done, total, super::megabytes(done));
    });
    drop(progress);
    let made = made.map_err(Failure::failed)?;
    if args.json {
        return output::json(&Written {
            file: &made.path.to_string_lossy(),
            bytes: made.bytes,
            made_at: made.made_at.as_secs(),
        });
    }
    output::note(&format!(
        "copied the database of {} into {} ({})",
        super::date(made.made_at),
        made.path.display(),
        super::megabytes(made.bytes)
    ))?;
    output::note("it does not hold the master key: keep a copy of that elsewhere")
}
