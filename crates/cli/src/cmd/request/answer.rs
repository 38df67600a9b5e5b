//! The answer: raw where a program reads, pretty where a person does, or into a file.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use countersign_client::{Response, StatusCode};

use super::download::Download;
use super::{highlight, status_words};
use crate::cmd::megabytes;
use crate::cmd::progress::Progress;
use crate::failure::Failure;
use crate::output;
use crate::printable::printable;

/// A person reads no more than this; a longer answer goes to the terminal as it comes.
const READABLE: usize = 4 * 1024 * 1024;

/// Shows or saves the answer, and says what its status means for the exit code.
pub(super) async fn show(answer: Response, file: Option<&Path>, fail: bool) -> Result<(), Failure> {
    let status = answer.status();
    let bad = status.is_client_error() || status.is_server_error();
    match file {
        Some(_) if bad && fail => {}
        Some(file) if file != Path::new("-") => save(answer, file).await?,
        _ if io::stdout().is_terminal() => read_out(answer).await?,
        _ => pass_on(answer).await?,
    }
    if !bad {
        return Ok(());
    }
    let words = format!("the answer is {}", status_words(status));
    match status {
        _ if !fail => output::note(&words),
        StatusCode::UNAUTHORIZED => Err(Failure::refused("unauthorized", words)),
        StatusCode::FORBIDDEN => Err(Failure::refused("forbidden", words)),
        _ => Err(Failure::failed(words)),
    }
}

async fn save(mut answer: Response, file: &Path) -> Result<(), Failure> {
    let mut download = Download::to(file)?;
    let total = answer.content_length();
    let progress = Progress::of(total);
    let mut done = 0_u64;
    while let Some(chunk) = next(&mut answer).await? {
        download.write(&chunk)?;
        done += chunk.len() as u64;
        let words = match total {
            Some(total) => format!("{} of {}", size(done), size(total)),
            None => size(done),
        };
        progress.at(done, words);
    }
    drop(progress);
    download.finish()?;
    output::note(&format!("saved {} in {}", size(done), file.display()))
}

/// Small answers are common, and none of them is `0.0 MB`.
fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..1_000_000 => format!("{} kB", bytes / 1000),
        _ => megabytes(bytes),
    }
}

async fn pass_on(mut answer: Response) -> Result<(), Failure> {
    while let Some(chunk) = next(&mut answer).await? {
        io::stdout().write_all(&chunk)?;
    }
    Ok(io::stdout().flush()?)
}

async fn read_out(mut answer: Response) -> Result<(), Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = next(&mut answer).await? {
        body.extend_from_slice(&chunk);
        if body.len() > READABLE {
            return Err(Failure::failed(
                "the answer is too long for a terminal; save it with -o FILE",
            ));
        }
    }
    match String::from_utf8(body) {
        Ok(text) if text.is_empty() => Ok(()),
        Ok(text) if !text.contains('\0') => {
            output::line(&highlight::pretty(&text).unwrap_or_else(|| plain(&text)))
        }
        _ => not_text(),
    }
}

fn not_text() -> Result<(), Failure> {
    output::note("the answer is not text, so it is not shown; save it with -o FILE")
}

/// Lines stay lines; nothing else in a stranger's text moves the cursor.
fn plain(text: &str) -> String {
    let lines: Vec<_> = text
        .trim_end_matches('\n')
        .split('\n')
        .map(|line| {
            let line = line.strip_suffix('\r').unwrap_or(line);
            line.split('\t')
                .map(printable)
                .collect::<Vec<_>>()
                .join("\t")
        })
        .collect();
    lines.join("\n")
}

async fn next(answer: &mut Response) -> Result<Option<Vec<u8>>, Failure> {
    let chunk = answer.chunk().await.map_err(|error| {
        Failure::failed(format!("the answer broke off: {}", error.without_url()))
    })?;
    Ok(chunk.map(|bytes| bytes.to_vec()))
}
