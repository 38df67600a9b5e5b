//! Every stable reason code, with what it means and what to do about it.
//!
//! One table serves the command line and `docs/reference/reasons.md`, which is written from it; a
//! test holds both against the codes in the sources of library, guard and server, so that none can
//! be added without an explanation.

mod server;
mod token;

use std::fmt::Write as _;

use server::{CLIENTS, REQUEST, SIGN_IN};
use token::{GUARD, TOKEN};

/// A stable reason code.
#[derive(Debug)]
pub(crate) struct Explained {
    pub(crate) code: &'static str,
    /// What happened.
    pub(crate) means: &'static str,
    /// What whoever meets it can do.
    pub(crate) do_this: &'static str,
}

/// Where the page is read.
const PAGE: &str = concat!(
    env!("CARGO_PKG_REPOSITORY"),
    "/blob/main/docs/reference/reasons.md"
);

/// What the code stands for, if it is one of ours.
pub(crate) fn explained(code: &str) -> Option<&'static Explained> {
    CHAPTERS
        .iter()
        .flat_map(|chapter| chapter.codes)
        .find(|explained| explained.code == code)
}

impl Explained {
    /// Its section of the page.
    pub(crate) fn link(&self) -> String {
        format!("{PAGE}#{}", self.code)
    }
}

/// All codes, as a page of Markdown.
pub(crate) fn page() -> String {
    let mut page = HEAD.to_owned();
    for chapter in CHAPTERS {
        let _ = write!(page, "\n## {}\n\n{}\n", chapter.title, chapter.says);
        for Explained {
            code,
            means,
            do_this,
        } in chapter.codes
        {
            let _ = write!(page, "\n### {code}\n\n{means}\n\n{do_this}\n");
        }
    }
    page
}

struct Chapter {
    title: &'static str,
    says: &'static str,
    codes: &'static [Explained],
}

const HEAD: &str = "# Reason codes

Every refusal carries one stable code that says why. It is the same in the library's errors, in the body of
an HTTP answer (`reason`), in the guard's counters and logs, and on the command line; here is what each
means and what to do. `countersign jwt explain TOKEN --issuer URL --audience NAME` goes through all checks
of one token.

`countersign reason CODE` prints one of these sections, `countersign reason` this page.
";

const CHAPTERS: &[Chapter] = &[
    Chapter {
        title: "The token",
        says: "The token library found the token wanting. A guard answers 401 `invalid_token` \
               (`insufficient_scope`: 403), `countersign jwt verify` exits 3. They stand in the order \
               in which they are checked; the first that fails is told.",
        codes: TOKEN,
    },
    Chapter {
        title: "The guard",
        says: "The request, or a token that is good in itself, is refused by a guard: your API's, the \
               sidecar's, or the one before the server's own routes.",
        codes: GUARD,
    },
    Chapter {
        title: "The server: signing in and staying signed in",
        says: "`POST /login`, `/refresh`, `/logout`, `/password` and the OAuth endpoints.",
        codes: SIGN_IN,
    },
    Chapter {
        title: "The server: OAuth clients",
        says: "`POST /oauth/token`, `/oauth/introspect`, `/oauth/revoke` and `/admin/clients`. An assertion may \
               also be refused with a reason of the first chapter: it is a token itself.",
        codes: CLIENTS,
    },
    Chapter {
        title: "The server: requests",
        says: "The request itself is not what the route takes, or the server cannot answer it now.",
        codes: REQUEST,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;

    #[test]
    fn the_page_says_what_the_table_says() {
        let file = crates().join("../docs/reference/reasons.md");
        let written = std::fs::read_to_string(&file).expect("there is a page");
        assert!(
            written == page(),
            "docs/reference/reasons.md is not what the table says; to write it anew:\n    \
             cargo run -- reason > docs/reference/reasons.md"
        );
    }

    #[test]
    fn no_code_of_the_sources_lacks_an_explanation_and_none_is_made_up() {
        let mut used = BTreeSet::new();
        for (file, from) in [
            ("countersign/src/error.rs", "impl Reason "),
            ("wire/src/bearer.rs", "impl BearerError "),
            ("guard/src/refusal.rs", "impl Why "),
            ("issuer/src/error.rs", "impl Refused "),
            ("issuer/src/error.rs", "impl AssertionFault "),
            ("issuer/src/client/registration.rs", "impl BadClient "),
        ] {
            let source = source(file);
            let (_, rest) = source.split_once(from).expect("the codes are there");
            let (_, code) = rest.split_once("fn code(").expect("a fn code");
            let (body, _) = code.split_once("\n    }\n").expect("its end");
            let before = used.len();
            used.extend(words(body));
            assert!(used.len() > before, "{file} has codes");
        }
        for file in ["mod", "flow", "form", "admin", "answer"] {
            let answers = source(&format!("server/src/http/problem/{file}.rs"));
            used.extend(words(&answers));
        }
        assert!(used.contains("no_such_route"), "{used:?}");

        let explained: BTreeSet<String> = CHAPTERS
            .iter()
            .flat_map(|chapter| chapter.codes)
            .map(|explained| explained.code.to_owned())
            .collect();
        let lacking: Vec<_> = used.difference(&explained).collect();
        assert!(lacking.is_empty(), "without an explanation: {lacking:?}");
        let made_up: Vec<_> = explained.difference(&used).collect();
        assert!(made_up.is_empty(), "nothing says so: {made_up:?}");
    }

    #[test]
    fn a_code_leads_to_its_own_section() {
        let expired = explained("expired").expect("a code of ours");
        assert!(
            expired
                .link()
                .ends_with("/docs/reference/reasons.md#expired")
        );
        assert!(page().contains("\n### expired\n"));
        assert!(explained("no such code").is_none());
        let mut seen = BTreeSet::new();
        for code in CHAPTERS.iter().flat_map(|chapter| chapter.codes) {
            assert!(seen.insert(code.code), "{} stands there twice", code.code);
        }
    }

    /// The string literals that look like a code.
    fn words(source: &str) -> impl Iterator<Item = String> {
        source
            .split('"')
            .skip(1)
            .step_by(2)
            // The realm.
            .filter(|text| !text.is_empty() && *text != "countersign")
            .filter(|text| {
                text.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            })
            .map(str::to_owned)
    }

    /// A source file without its comments.
    fn source(file: &str) -> String {
        let text = std::fs::read_to_string(crates().join(file)).expect("a source file");
        let is_code = |line: &&str| !line.trim_start().starts_with("//");
        text.lines()
            .filter(is_code)
            .flat_map(|line| [line, "\n"])
            .collect()
    }

    fn crates() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }
}
