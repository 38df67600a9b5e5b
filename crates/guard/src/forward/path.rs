//! A path of which there is one reading.
//!
//! The proxy, the guard and the service behind them each read a path in their own way: some resolve
//! `..`, decode twice, join doubled slashes, cut off what follows a `;`. Where two readings differ,
//! a rule for one path opens another. So a path is not made unambiguous here; one that is ambiguous
//! is refused. What is left reads the same for everybody, up to upper and lower case, which
//! [`Policy`](super::Policy) looks after.

/// A path, decoded, without its query and without slashes at its end. The root is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlainPath(String);

/// The path can be read in more than one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ambiguous;

impl PlainPath {
    /// The path of a request target (RFC 9112 §3.2.1): everything before the first `?`.
    pub(super) fn of_target(target: &str) -> Result<Self, Ambiguous> {
        let path = target.split_once('?').map_or(target, |(path, _query)| path);
        Self::parse(path)
    }

    /// A path alone.
    pub(super) fn parse(path: &str) -> Result<Self, Ambiguous> {
        let segments = path.strip_prefix('/').ok_or(Ambiguous)?;
        let segments = segments.strip_suffix('/').unwrap_or(segments);
        if segments.is_empty() {
            return if path.len() <= 1 {
                Ok(Self(String::new()))
            } else {
                Err(Ambiguous)
            };
        }
        segments
            .split('/')
            .try_fold(String::new(), |mut plain, segment| {
                plain.push('/');
                plain.push_str(&decoded(segment)?);
                Ok(plain)
            })
            .map(Self)
    }

    /// Whether it is `prefix` or lies below it, in whole segments: `/a/b` is below `/a`, `/ab` is
    /// not.
    pub(super) fn is_within(&self, prefix: &Self) -> bool {
        self.0
            .strip_prefix(&prefix.0)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// As a service reads it that does not tell upper from lower case. Some letters have two lower
    /// cases (`s` and `ſ`, `σ` and `ς`) and only their upper one in common.
    pub(super) fn folded(&self) -> Self {
        let upper = self.0.chars().flat_map(char::to_uppercase);
        Self(upper.flat_map(char::to_lowercase).collect())
    }

    /// A longer prefix is a more precise one.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// One segment, decoded, if it means the same to everybody.
fn decoded(segment: &str) -> Result<String, Ambiguous> {
    let mut plain = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = bytes.next().and_then(hex).ok_or(Ambiguous)?;
            let low = bytes.next().and_then(hex).ok_or(Ambiguous)?;
            let byte = high << 4 | low;
            // A slash would be a border to some, a percent sign decoded once more by others.
            if byte.is_ascii_control() || b"/\\;?#%".contains(&byte) {
                return Err(Ambiguous);
            }
            plain.push(byte);
        } else if byte.is_ascii_graphic() && !b"\\;?#".contains(&byte) {
            plain.push(byte);
        } else {
            return Err(Ambiguous);
        }
    }
    let plain = String::from_utf8(plain).map_err(|_| Ambiguous)?;
    // An empty one is a doubled slash. `.` and `..` end in a dot; and some file systems ignore dots
    // and spaces at the end of any name.
    if plain.is_empty() || plain.ends_with(['.', ' ']) {
        return Err(Ambiguous);
    }
    Ok(plain)
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(target: &str, plain: &str) {
        assert_eq!(
            PlainPath::of_target(target),
            Ok(PlainPath(plain.to_owned())),
            "{target}"
        );
    }

    #[test]
    fn a_plain_path_is_decoded_and_loses_its_query_and_its_last_slash() {
        reads("/", "");
        reads("/?", "");
        reads("/?/admin/..", "");
        reads("/a", "/a");
        reads("/a/", "/a");
        reads("/a/b?x=/../y#z", "/a/b");
        reads("/%61%64min", "/admin");
        reads("/~ada/(1)/a+b,c;".trim_end_matches(';'), "/~ada/(1)/a+b,c");
        reads("/Zo%C3%AB", "/Zoë");
        reads("/.well-known/x", "/.well-known/x");
        reads("/a/..b/...c", "/a/..b/...c");
        reads("/a%20b", "/a b");
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for target in [
            "",
            "*",
            "a",
            "?/a",
            "http://host/a",
            "//",
            "//a",
            "/a//b",
            "/a//",
            "///",
            "/.",
            "/..",
            "/a/.",
            "/a/./b",
            "/public/../admin",
            "/public/..",
            "/public/%2e%2e/admin",
            "/public/%2E./admin",
            "/public/.%2e/admin",
            "/public/..%2fadmin",
            "/public%2f..%2fadmin",
            "/public%2Fadmin",
            "/public\\..\\admin",
            "/public%5c..%5cadmin",
            "/public/..;/admin",
            "/public/;x/admin",
            "/admin;x=y",
            "/admin%3bx",
            "/%252e%252e/admin",
            "/a%25b",
            "/a%00b",
            "/a%0d%0ab",
            "/a%7fb",
            "/a%3fb",
            "/a%23b",
            "/a#b",
            "/a%",
            "/a%4",
            "/a%zz",
            "/a%+1",
            "/a%c0%ae%c0%ae/b",
            "/a%ff",
            "/a\u{e9}",
            "/a b",
            "/a\tb",
            "/admin.",
            "/admin./x",
            "/admin%20",
            "/...",
        ] {
            assert_eq!(PlainPath::of_target(target), Err(Ambiguous), "{target:?}");
        }
    }

    #[test]
    fn a_prefix_ends_where_a_segment_ends() {
        let path = |text: &str| PlainPath::parse(text).expect("a plain path");
        for (inner, outer, within) in [
            ("/admin", "/admin", true),
            ("/admin/", "/admin", true),
            ("/admin/users", "/admin", true),
            ("/admin/users", "/admin/", true),
            ("/administrator", "/admin", false),
            ("/admin.json", "/admin", false),
            ("/a", "/admin", false),
            ("/", "/admin", false),
            ("/anything", "/", true),
            ("/", "/", true),
        ] {
            assert_eq!(
                path(inner).is_within(&path(outer)),
                within,
                "{inner} within {outer}"
            );
        }
    }
}
