//! `countersign user import`: users come from another system, with the password hashes they have
//! there.
//!
//! ```text
//! file -> lines -> csv or json_lines -> ForeignUser -> a few hundred at a time -> the store
//!          \__________ a bad line is reported and the rest goes on ________/
//! ```
//!
//! Nothing but the batch under way is held in memory. Run again, it passes over what is there.

mod csv;
mod json_lines;
mod lines;
mod report;

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use countersign_server::{ForeignUser, Imported, Importer};

use self::csv::Columns;
use self::lines::{BadLine, Lines};
use self::report::Report;
use super::database::{DatabaseArgs, FirstUse};
use super::progress::Progress;
use crate::failure::Failure;
use crate::output;

/// How many users go into the database in one transaction.
const BATCH: usize = 500;

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The file; `-` reads standard input
    file: PathBuf,
    /// What is in it [default: csv for *.csv, jsonl for *.jsonl and *.ndjson]
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How users are written down.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A header line, then one user a line: username, password_hash, and if wanted roles, disabled
    Csv,
    /// One JSON object a line, with members of the same names
    Jsonl,
}

pub(crate) async fn run(args: &ImportArgs) -> Result<(), Failure> {
    let format = args.format()?;
    let (input, total) = open(&args.file)?;
    let mut lines = Lines::of(input);
    // Read before the database is opened: a file that is none of ours makes none.
    let reader = Reader::begin(format, &mut lines)?;
    let config = args.database.config()?;
    let first_use = FirstUse::of(&config);
    let importer = Importer::open(&config).await.map_err(Failure::failed)?;
    first_use.say()?;
    let mut import = Import {
        importer: &importer,
        progress: Progress::of(total),
        report: Report::default(),
        batch: Vec::with_capacity(BATCH),
    };
    let outcome = import.run(&reader, &mut lines).await;
    let report = import.report;
    drop(import.progress);
    importer.close().await;
    if let Err(failure) = outcome {
        output::note(&format!(
            "stopped near line {}: {report}; run it again to go on",
            lines.number()
        ))?;
        return Err(failure);
    }
    if args.json {
        output::json(&report)?;
    } else {
        output::note(&report.to_string())?;
    }
    report.outcome()
}

/// An import under way.
struct Import<'a> {
    importer: &'a Importer,
    progress: Progress,
    report: Report,
    batch: Vec<(u64, ForeignUser)>,
}

impl Import<'_> {
    async fn run<R: BufRead>(
        &mut self,
        reader: &Reader,
        lines: &mut Lines<R>,
    ) -> Result<(), Failure> {
        loop {
            let Some((number, text)) = lines.next().map_err(Failure::failed)? else {
                return self.store().await;
            };
            match text.and_then(|text| reader.user(text)) {
                Ok(Some(user)) => self.batch.push((number, user)),
                Ok(None) => {}
                Err(bad) => self.bad(number, bad)?,
            }
            if self.batch.len() == BATCH {
                self.store().await?;
                self.progress
                    .at(lines.bytes(), format!("{} users", self.report.seen()));
            }
        }
    }

    async fn store(&mut self) -> Result<(), Failure> {
        let (numbers, users): (Vec<_>, Vec<_>) = self.batch.drain(..).unzip();
        if users.is_empty() {
            return Ok(());
        }
        let outcomes = self.importer.import(users).await;
        for (number, outcome) in numbers.into_iter().zip(outcomes.map_err(Failure::failed)?) {
            match outcome {
                Imported::Added => self.report.imported += 1,
                Imported::AlreadyThere => self.report.already_there += 1,
                Imported::NameTaken => self.bad(number, BadLine::NameTaken)?,
            }
        }
        Ok(())
    }

    /// The line's number and what is wrong with it, and nothing of what it holds.
    fn bad(&mut self, line: u64, bad: BadLine) -> Result<(), Failure> {
        self.progress
            .note(&format!("line {line}: {bad} ({})", bad.code()))?;
        self.report.bad(line, bad);
        Ok(())
    }
}

/// What one line is read as.
enum Reader {
    Csv(Columns),
    JsonLines,
}

impl Reader {
    fn begin<R: BufRead>(format: Format, lines: &mut Lines<R>) -> Result<Self, Failure> {
        match format {
            Format::Jsonl => Ok(Self::JsonLines),
            Format::Csv => {
                let header = lines.next().map_err(Failure::failed)?;
                let (_, text) = header.ok_or_else(|| Failure::failed("the file is empty"))?;
                let columns = text.map_err(Failure::failed)?;
                Ok(Self::Csv(
                    Columns::of_header(columns).map_err(Failure::failed)?,
                ))
            }
        }
    }

    /// The user a line describes; `None` for an empty line.
    fn user(&self, text: &str) -> Result<Option<ForeignUser>, BadLine> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        match self {
            Self::Csv(columns) => columns.user(text).map(Some),
            Self::JsonLines => json_lines::user(text).map(Some),
        }
    }
}

impl ImportArgs {
    fn format(&self) -> Result<Format, Failure> {
        let extension = self.file.extension().and_then(|ext| ext.to_str());
        match (self.format, extension) {
            (Some(format), _) => Ok(format),
            (None, Some("csv")) => Ok(Format::Csv),
            (None, Some("jsonl" | "ndjson")) => Ok(Format::Jsonl),
            _ => Err(Failure::usage(
                "the file's name does not say what is in it: give --format csv or --format jsonl",
            )),
        }
    }
}

/// The file and its size; standard input has none.
fn open(path: &Path) -> Result<(Box<dyn BufRead>, Option<u64>), Failure> {
    if path == Path::new("-") {
        return Ok((Box::new(BufReader::new(io::stdin())), None));
    }
    let failed =
        |error| Failure::failed(format!("cannot read the file {}: {error}", path.display()));
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    Ok((Box::new(BufReader::new(file)), Some(size)))
}
