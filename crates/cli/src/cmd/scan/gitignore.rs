//! What git ignores: the lines of a `.gitignore`, as gitignore(5) explains them.
//!
//! Patterns are compared name by name, and a name letter by letter, both by one loop that goes back to the
//! last star only: a hostile file costs no more than its length times the path's. Not known are classes
//! with names (`[[:alpha:]]`) and what git is told in its configuration.

/// The lines of one file, for what lies below its folder.
#[derive(Debug, Default)]
pub(super) struct Gitignore {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    /// It begins with `!`: what an earlier line ignores is not ignored.
    keeps: bool,
    /// It ends with `/`.
    folders_only: bool,
    names: Vec<Name>,
}

#[derive(Debug, PartialEq)]
enum Name {
    /// `**`: any number of names.
    Any,
    One(Vec<Letter>),
}

#[derive(Debug, PartialEq)]
enum Letter {
    /// `*`
    Any,
    /// `?`
    One,
    Exactly(char),
    /// `[a-z_]`, or with `not` `[!a-z_]`.
    Class {
        not: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Gitignore {
    pub(super) fn parse(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self {
            lines: text.lines().filter_map(Line::parse).collect(),
        }
    }

    /// Whether the path, given by its names below this file's folder, is ignored; nothing if no line is
    /// about it. Folders that are ignored are not looked into, so no line is asked about what is inside.
    pub(super) fn ignores<S: AsRef<str>>(&self, path: &[S], is_folder: bool) -> Option<bool> {
        let last = self.lines.iter().rev().find(|line| {
            (is_folder || !line.folders_only)
                && matches(
                    &line.names,
                    path,
                    |name| *name == Name::Any,
                    |name, here| name.is(here.as_ref()),
                )
        });
        last.map(|line| !line.keeps)
    }
}

impl Line {
    /// Nothing for a line that is empty, a comment, or matches nothing.
    fn parse(line: &str) -> Option<Self> {
        let line = without_trailing_spaces(line);
        if line.starts_with('#') {
            return None;
        }
        let (keeps, line) = match line.strip_prefix('!') {
            Some(line) => (true, line),
            None => (false, line),
        };
        let (folders_only, line) = match line.strip_suffix('/') {
            Some(line) => (true, line),
            None => (false, line),
        };
        // A slash before its end ties a pattern to the folder of the file; without one it is about names
        // at any depth.
        let mut names = Vec::new();
        if !line.contains('/') {
            names.push(Name::Any);
        }
        let line = line.strip_prefix('/').unwrap_or(line);
        if line.is_empty() {
            return None;
        }
        for name in line.split('/') {
            names.push(match name {
                "**" => Name::Any,
                name => Name::One(letters(name)?),
            });
        }
        // `a/**` is what is in `a`, and not `a`.
        if names.len() > 1 && names.last() == Some(&Name::Any) {
            names.push(Name::One(vec![Letter::Any]));
        }
        Some(Self {
            keeps,
            folders_only,
            names,
        })
    }
}

impl Name {
    fn is(&self, name: &str) -> bool {
        let Self::One(letters) = self else {
            return true;
        };
        let name: Vec<char> = name.chars().collect();
        matches(
            letters,
            &name,
            |letter| *letter == Letter::Any,
            |letter, given| letter.is(*given),
        )
    }
}

impl Letter {
    fn is(&self, letter: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Exactly(this) => *this == letter,
            Self::Class { not, ranges } => {
                let within = |(from, to): &(char, char)| (*from..=*to).contains(&letter);
                ranges.iter().any(within) != *not
            }
        }
    }
}

/// Spaces at the end do not count unless the last is `\ `.
fn without_trailing_spaces(line: &str) -> &str {
    let bare = line.trim_end_matches(' ');
    match line.get(..=bare.len()) {
        Some(longer) if bare.ends_with('\\') => longer,
        _ => bare,
    }
}

/// A name's pattern; nothing if it matches no name: a class without its end, a backslash before nothing.
fn letters(name: &str) -> Option<Vec<Letter>> {
    let mut letters = Vec::new();
    let mut rest = name.chars();
    while let Some(letter) = rest.next() {
        letters.push(match letter {
            '*' => Letter::Any,
            '?' => Letter::One,
            '[' => class(&mut rest)?,
            '\\' => Letter::Exactly(rest.next()?),
            letter => Letter::Exactly(letter),
        });
    }
    Some(letters)
}

/// What stands between the brackets; `]` is one of the letters if it is the first.
fn class(rest: &mut std::str::Chars<'_>) -> Option<Letter> {
    let not = rest.as_str().starts_with(['!', '^']);
    if not {
        rest.next();
    }
    let mut ranges: Vec<(char, char)> = Vec::new();
    loop {
        let from = match rest.next()? {
            ']' if !ranges.is_empty() => return Some(Letter::Class { not, ranges }),
            '\\' => rest.next()?,
            letter => letter,
        };
        let mut ahead = rest.clone();
        let to = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(to)) if to != ']' => {
                *rest = ahead;
                if to == '\\' { rest.next()? } else { to }
            }
            _ => from,
        };
        ranges.push((from, to));
    }
}

/// Whether the pattern is about all of the text. A star takes as little as it can, and one more whenever
/// what follows it does not fit.
fn matches<P, T>(
    pattern: &[P],
    text: &[T],
    is_star: impl Fn(&P) -> bool,
    is: impl Fn(&P, &T) -> bool,
) -> bool {
    let (mut at, mut here) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(given) = text.get(here) {
        match pattern.get(at) {
            Some(wanted) if is_star(wanted) => {
                star = Some((at, here));
                at += 1;
            }
            Some(wanted) if is(wanted, given) => {
                at += 1;
                here += 1;
            }
            _ => {
                let Some((before, taken)) = star else {
                    return false;
                };
                star = Some((before, taken + 1));
                (at, here) = (before + 1, taken + 1);
            }
        }
    }
    pattern.iter().skip(at).all(is_star)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, path: &str, expected: Option<bool>) {
        let names: Vec<&str> = path.split_terminator('/').collect();
        let ignored = Gitignore::parse(text).ignores(&names, path.ends_with('/'));
        assert_eq!(ignored, expected, "{text:?}: {path}");
    }

    #[test]
    fn a_pattern_is_about_what_gitignore_5_says() {
        // What follows each pattern is ignored; after a bar, what is not.
        for (pattern, paths) in [
            ("frotz", "frotz a/frotz a/frotz/ | frotzen a/frot"),
            ("frotz/", "frotz/ a/frotz/ | frotz a/frotz"),
            ("/frotz", "frotz frotz/ | a/frotz"),
            ("doc/frotz", "doc/frotz doc/frotz/ | a/doc/frotz frotz"),
            ("doc/frotz/", "doc/frotz/ | doc/frotz a/doc/frotz/"),
            ("*.py", "a.py a/b.py .py | a.pyc a.py.b apy"),
            ("foo/*", "foo/a foo/a/ | foo foo/a/b a/foo/b"),
            ("**/foo", "foo a/foo a/b/foo | foot"),
            ("**/foo/bar", "foo/bar a/foo/bar | foo/a/bar bar"),
            ("abc/**", "abc/a abc/a/b | abc abc/ x/abc/a"),
            ("a/**/b", "a/b a/x/b a/x/y/b | a/xb ab b x/a/b"),
            ("a/**/b/**/c", "a/b/c a/1/b/2/3/c a/b/b/c | a/c a/b/2"),
            ("**", "a a/b a/"),
            ("a**b", "ab axxb x/ab | a/b"),
            ("a?c", "abc a?c | ac abbc"),
            ("[a-c]x", "ax cx | dx -x x"),
            ("[!a-c]x", "dx | ax x"),
            ("[^a]x", "dx | ax"),
            ("[]-]x", "]x -x | ax"),
            ("[a\\]]x", "]x ax | bx \\x"),
            ("[a-", " | a [a-"),
            ("\\*", "* | a"),
            ("\\#a", "#a | a"),
            ("\\!a", "!a | a"),
            ("#a", " | #a a"),
            ("a  ", "a | b"),
            ("a\\", " | a a\\"),
            ("/", " | a /"),
            ("", " | a"),
            ("\u{feff}a\r\nb\r\n", "a b"),
            ("ä?", "äö | ä"),
        ] {
            let (ignored, not) = paths.split_once('|').unwrap_or((paths, ""));
            for path in ignored.split_whitespace() {
                check(pattern, path, Some(true));
            }
            for path in not.split_whitespace() {
                check(pattern, path, None);
            }
        }
        check("a\\ ", "a ", Some(true));
        check("a\\ ", "a", None);
    }

    #[test]
    fn the_last_line_about_a_path_decides() {
        check("*.py\n!kept.py", "kept.py", Some(false));
        check("*.py\n!kept.py", "other.py", Some(true));
        check("!kept.py\n*.py", "kept.py", Some(true));
        check("/*\n!/src/", "src/", Some(false));
    }

    #[test]
    fn a_hostile_pattern_takes_no_time() {
        let pattern = format!("{}b", "a*".repeat(2_000));
        check(&pattern, &"a".repeat(20_000), None);
        let deep = "a/".repeat(2_000);
        check(&format!("{}b", "**/a/".repeat(1_000)), &deep, None);
    }
}
