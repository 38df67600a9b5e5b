//! What is not typed as an argument, because every process on the machine can read those.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use crate::failure::Failure;

/// A secret from standard input.
pub(super) fn from_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    // A password is short; whatever else is piped in by mistake is not read to its end.
    io::stdin()
        .take(4096)
        .read_to_string(&mut text)
        .map_err(Failure::failed)?;
    // One line end belongs to the pipe, not to the password.
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// A secret from the terminal, which does not show it.
pub(super) fn unseen(prompt: &str, otherwise: &'static str) -> Result<String, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(otherwise));
    }
    rpassword::prompt_password(format!("{prompt}: ")).map_err(Failure::failed)
}

/// Asks whether it is meant to delete what has this name, by having it typed, unless that was said.
pub(super) fn deletion(what: &str, name: &str, is_meant: bool) -> Result<(), Failure> {
    if is_meant {
        return Ok(());
    }
    let asked =
        format!("This deletes the {what}, and ends what was granted to it. Type {name} to go on");
    if line(&asked, "this cannot be undone: give --yes if you mean it")? == name {
        Ok(())
    } else {
        Err(Failure::failed("nothing was deleted"))
    }
}

/// A line from the terminal.
pub(super) fn line(prompt: &str, otherwise: &'static str) -> Result<String, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(otherwise));
    }
    let mut words = io::stderr().lock();
    write!(words, "{prompt}: ")?;
    words.flush()?;
    let mut text = String::new();
    io::stdin().lock().read_line(&mut text)?;
    Ok(text.trim().to_owned())
}
