//! Every log, looked through for every secret.
//!
//! Two nets. What was noted is looked for as it is and as JSON and forms write it; of a long one its
//! last part suffices, for a part would be too much. And whatever has the shape of a token is found
//! although nobody noted it, so that a test that forgets to note does not hide a leak.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aho_corasick::{AhoCorasick, Match};

use crate::kind::Kind;

/// Shorter ones cannot be told from words: tests that use one note it in vain, and are counted.
const SHORTEST: usize = 8;
/// Of a token, so much of its end is looked for.
const TAIL: usize = 40;
/// A token is longer than this behind its prefix; what a test made up (`csr_abc`) is not.
const SHAPE: usize = 40;

/// How tokens of ours begin. `eyJ` is `{"`: the header of a JWT.
const SHAPES: [(&str, Kind); 4] = [
    ("csr_", Kind::RefreshToken),
    ("csc_", Kind::ClientSecret),
    ("csd_", Kind::DeviceToken),
    ("eyJ", Kind::AccessToken),
];

/// What was looked through, and what was found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many logs there were.
    pub logs: usize,
    /// Whose they are: `package.tests`.
    pub from: BTreeSet<String>,
    /// How long they are together, in bytes.
    pub bytes: usize,
    /// How many secrets of each kind were looked for.
    pub secrets: BTreeMap<Kind, usize>,
    /// How many were too short to be told from words.
    pub too_short: usize,
    /// Where a secret stands in a log.
    pub leaks: Vec<Leak>,
}

/// A secret in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// The log.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What stands there.
    pub kind: Kind,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, kind } = self;
        write!(f, "{}:{line}: {kind}", file.display())
    }
}

/// Looks through what a run left in `folder`.
///
/// # Errors
/// If something there cannot be read.
pub fn search(folder: &Path) -> io::Result<Report> {
    let mut report = Report::default();
    let wanted = Wanted::read(&folder.join("secrets"), &mut report)?;
    let finder = wanted.finder()?;
    for entry in fs::read_dir(folder.join("logs"))? {
        let file = entry?.path();
        let text = fs::read(&file)?;
        report.logs += 1;
        report.from.extend(whose(&file));
        report.bytes += text.len();
        let mut line = Lines::of(&text);
        for found in finder.find_overlapping_iter(&text) {
            if let Some(kind) = wanted.judge(&text, &found) {
                let (file, line) = (file.clone(), line.number(found.start()));
                let leak = Leak { file, line, kind };
                // One line may well hold it in several forms.
                if report.leaks.last() != Some(&leak) {
                    report.leaks.push(leak);
                }
            }
        }
    }
    Ok(report)
}

/// `package.tests` of `package.tests.what-…`.
fn whose(log: &Path) -> Option<String> {
    let name = log.file_name()?.to_str()?;
    let mut parts = name.splitn(3, '.');
    let (package, tests, _what) = (parts.next()?, parts.next()?, parts.next()?);
    Some(format!("{package}.{tests}"))
}

/// What is looked for; the shapes are the first.
struct Wanted(Vec<(String, Kind, Around)>);

/// What must stand around a match.
#[derive(Clone, Copy)]
enum Around {
    /// The rest of a token.
    Shape,
    /// The end of the word.
    Tail,
    /// Ends on both sides.
    Word,
}

impl Wanted {
    fn read(secrets: &Path, report: &mut Report) -> io::Result<Self> {
        let mut forms = BTreeMap::new();
        for entry in fs::read_dir(secrets)? {
            let text = fs::read_to_string(entry?.path())?;
            for (kind, secret) in text.lines().filter_map(|line| line.split_once('\t')) {
                let Some(kind) = Kind::named(kind) else {
                    continue;
                };
                if secret.len() < SHORTEST {
                    report.too_short += 1;
                    continue;
                }
                let (secret, around) = match tail(secret) {
                    Some(tail) => (tail, Around::Tail),
                    None => (secret, Around::Word),
                };
                if forms.insert(secret.to_owned(), (kind, around)).is_none() {
                    *report.secrets.entry(kind).or_default() += 1;
                }
                for written in [in_json(secret), in_a_form(secret)] {
                    forms.entry(written).or_insert((kind, around));
                }
            }
        }
        let shapes = SHAPES.map(|(prefix, kind)| (prefix.to_owned(), kind, Around::Shape));
        let forms = forms
            .into_iter()
            .map(|(form, (kind, around))| (form, kind, around));
        Ok(Self(shapes.into_iter().chain(forms).collect()))
    }

    fn finder(&self) -> io::Result<AhoCorasick> {
        AhoCorasick::new(self.0.iter().map(|(form, ..)| form)).map_err(io::Error::other)
    }

    /// What this match is, if it is more than part of another word.
    fn judge(&self, text: &[u8], found: &Match) -> Option<Kind> {
        let (_, kind, around) = &self.0[found.pattern().as_usize()];
        let before = text[..found.start()].last();
        let (begins, ends) = (
            !before.copied().is_some_and(is_of_word),
            !text.get(found.end()).copied().is_some_and(is_of_word),
        );
        let holds = match around {
            Around::Word => begins && ends,
            Around::Tail => ends,
            Around::Shape => begins && has_shape(*kind, &text[found.end()..]),
        };
        holds.then_some(*kind)
    }
}

fn has_shape(kind: Kind, rest: &[u8]) -> bool {
    let is_of_token = |byte: &&u8| is_of_word(**byte) || matches!(byte, b'-' | b'_');
    let run = |rest: &[u8]| rest.iter().take_while(is_of_token).count();
    if kind != Kind::AccessToken {
        return run(rest) >= SHAPE;
    }
    // header.payload.signature, each of them more than a word.
    let header = run(rest);
    let Some((b'.', rest)) = rest[header..].split_first() else {
        return false;
    };
    let payload = run(rest);
    let Some((b'.', rest)) = rest[payload..].split_first() else {
        return false;
    };
    header >= 8 && payload >= SHAPE && run(rest) >= SHAPE
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// The end of a long one, which alone is worth nothing to us but would be to others.
fn tail(secret: &str) -> Option<&str> {
    let start = secret
        .len()
        .checked_sub(TAIL)
        .filter(|start| *start >= TAIL / 2)?;
    secret.get(start..)
}

fn in_json(secret: &str) -> String {
    format!("{secret:?}").trim_matches('"').to_owned()
}

fn in_a_form(secret: &str) -> String {
    let mut form = String::new();
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            form.push(char::from(byte));
        } else {
            let _ = write!(form, "%{byte:02X}");
        }
    }
    form
}

/// Counts lines as far as they are asked for.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    fn of(text: &'a [u8]) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
        }
    }

    fn number(&mut self, at: usize) -> usize {
        if at < self.at {
            (self.at, self.line) = (0, 1);
        }
        let passed = &self.text[self.at..at];
        self.line += passed.split(|byte| *byte == b'\n').count() - 1;
        self.at = at;
        self.line
    }
}
