//! Every stable reason code, with what it means and what to do about it.
//!
//! One table serves the command line and `docs/reference/reasons.md`, which is written from it; a
//! test holds both against the codes in the sources of library, guard and server, so that none can
//! be added without an explanation.

use std::fmt::Write as _;

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
        title: "The server: requests",
        says: "The request itself is not what the route takes, or the server cannot answer it now.",
        codes: REQUEST,
    },
];

const TOKEN: &[Explained] = &[
    Explained {
        code: "too_large",
        means: "The token is longer than the verifier looks at (16 KiB unless set), or its header is \
                longer than 2 KiB.",
        do_this: "Put less into the token: roles and ids, not whole objects. Most proxies would not \
                  pass a header of this size anyway.",
    },
    Explained {
        code: "malformed",
        means: "It is not a token: not three parts of strict base64url with strict JSON objects in \
                the first two. Padding, stray bits, repeated names and a cut end count as well.",
        do_this: "Look at what is sent (`countersign jwt inspect`). Usual causes: a token cut off when \
                  it was copied, quotes around it, a refresh token (`csr_…`) in its place.",
    },
    Explained {
        code: "unsupported_header",
        means: "The header asks for something that is not done here: a critical extension (`crit`), or \
                a payload that is not base64url (`b64: false`).",
        do_this: "Have the issuer make plain JWTs. Ignoring `crit` would be a hole, so there is no \
                  setting for it.",
    },
    Explained {
        code: "unsupported_algorithm",
        means: "The algorithm is unknown (`none` among them), not one of those accepted, or not the \
                one that the key is bound to.",
        do_this: "Make tokens with the algorithm of the key. If this comes with a token you did not \
                  make, somebody tries an algorithm-confusion attack: it failed.",
    },
    Explained {
        code: "unknown_key",
        means: "No key in the verifier's set fits the token's `kid` and algorithm, or several do. From \
                `/admin/keys`: there is no signing key with this id.",
        do_this: "A new key: wait a moment, guards fetch it by themselves. Else the token is of \
                  another issuer or another installation, or its key is gone: get a new token.",
    },
    Explained {
        code: "bad_signature",
        means: "The signature does not hold: the token was changed, or another key signed it.",
        do_this: "Get a new token. If all tokens fail like this, the verifier has another secret or \
                  another installation's keys.",
    },
    Explained {
        code: "wrong_type",
        means: "`typ` in the header says that it is another kind of token. Access tokens have \
                `at+jwt` (RFC 9068); an ID token is no access token.",
        do_this: "Send the access token. For an issuer that writes `JWT` into its access tokens, set \
                  the guard's `typ`.",
    },
    Explained {
        code: "expired",
        means: "`exp` has passed, leeway included.",
        do_this: "Renew: `POST /refresh`, or sign in again. If it is new, one of the clocks is wrong.",
    },
    Explained {
        code: "not_yet_valid",
        means: "`nbf` (or `iat`, where it is checked) lies ahead.",
        do_this: "Set the clocks of issuer and verifier: one of them is off by more than the leeway.",
    },
    Explained {
        code: "missing_claim",
        means: "A claim that the rules require is absent.",
        do_this: "Have the issuer add it. If `exp` is what is missing, the token would be good for ever.",
    },
    Explained {
        code: "wrong_issuer",
        means: "`iss` is not an issuer that is trusted with this key. It is compared byte by byte: a \
                slash at the end counts, and so does `http` for `https`.",
        do_this: "Give the verifier exactly the issuer that stands in `iss`, if that is the one you trust.",
    },
    Explained {
        code: "wrong_audience",
        means: "`aud` does not name this API: the token is meant for others.",
        do_this: "Ask for a token with this API's audience (`audience` at sign-in), or give the \
                  verifier the audience its tokens have.",
    },
    Explained {
        code: "bad_claim",
        means: "A claim has another type or range than it must (a date that is no number of seconds), \
                or the claims do not fit the type the application reads them into.",
        do_this: "Look at it with `countersign jwt inspect`, and have the issuer write it as RFC 7519 says.",
    },
    Explained {
        code: "too_old",
        means: "`iat` lies further back than the verifier allows.",
        do_this: "Get a new token.",
    },
    Explained {
        code: "lifetime_too_long",
        means: "There is more time between `iat` and `exp` than the verifier allows, or than the \
                issuer announces for its own tokens.",
        do_this: "Get a new token. If it is the issuer's own and new, the issuer's maximum was raised: \
                  guards hear of it by themselves, in ten seconds at most.",
    },
    Explained {
        code: "insufficient_scope",
        means: "The token is good but its `scope` lacks a word that this route requires.",
        do_this: "Ask for a token with that scope; the challenge names it.",
    },
];

const GUARD: &[Explained] = &[
    Explained {
        code: "missing_token",
        means: "There is no token in the request. 401 with a challenge that names no error (RFC 6750 §3.1).",
        do_this: "Send `Authorization: Bearer <access token>`. A token in the query string or the body \
                  is not looked for.",
    },
    Explained {
        code: "malformed_request",
        means: "The `Authorization` header is there, but is not `Bearer` and one token. 400 `invalid_request`.",
        do_this: "Send exactly one token after `Bearer` and one space.",
    },
    Explained {
        code: "repeated_token",
        means: "There are two tokens, or two `Authorization` headers: which one counts cannot be \
                guessed. 400 `invalid_request`.",
        do_this: "Send one. Look for a proxy that adds a header of its own.",
    },
    Explained {
        code: "revoked",
        means: "The token was good, but it, its session, its user or its key was taken back: by \
                signing out, a password change, an administrator, or because a refresh token was \
                used twice. 401 `invalid_token`.",
        do_this: "Sign in again. `countersign audit` on the server says who or what ended it; \
                  `countersign jwt explain` says when.",
    },
    Explained {
        code: "missing_role",
        means: "The caller has none of the roles this route asks for. 403 `insufficient_scope`.",
        do_this: "Have an administrator grant the role, and get a new token: roles are written into it.",
    },
    Explained {
        code: "denied",
        means: "The application's own requirement is not met. 403 `insufficient_scope`.",
        do_this: "The description names the requirement; what it asks is the application's to say.",
    },
    Explained {
        code: "cross_site",
        means: "The token came in a cookie, on a request that another site may have started. 403 `access_denied`.",
        do_this: "Call from one of the origins the guard was given (the server: `--browser-origin`), or \
                  send the token in the header.",
    },
    Explained {
        code: "ambiguous_request",
        means: "A guard in front of a proxy's back end got a path or method that can be read in more \
                than one way, and so might fall under another rule than the back end's. 403 `access_denied`.",
        do_this: "Send a path without dot segments, doubled or encoded slashes and `;`, and the method \
                  in capitals.",
    },
    Explained {
        code: "closed",
        means: "The guard's rules let nobody make this request. 403 `access_denied`.",
        do_this: "If somebody should, add a rule for this path and method to the guard's settings.",
    },
    Explained {
        code: "not_forwarded",
        means: "The proxy asked the guard without saying which request it is about. 500 `server_error`.",
        do_this: "Set the proxy up as its page in docs/guides shows: it must pass method and path on, once each.",
    },
    Explained {
        code: "legacy_ended",
        means: "It is a token of the old, shared-secret kind, and the date until which those were \
                accepted is over. 401 `invalid_token`.",
        do_this: "Sign in at the new server.",
    },
    Explained {
        code: "keys_too_old",
        means: "The guard could not renew the issuer's keys for so long (24 hours unless set) that it \
                does not trust them any more. 503.",
        do_this: "See why the guard does not reach the issuer; its log says so.",
    },
    Explained {
        code: "revocations_too_old",
        means: "The guard was told to refuse when its news of revocations are too old, and they are. 503.",
        do_this: "See why the guard does not reach the issuer. Whether to refuse or to serve meanwhile \
                  is the guard's setting `stale`.",
    },
];

const SIGN_IN: &[Explained] = &[
    Explained {
        code: "invalid_credentials",
        means: "Name and password do not belong together, or there is no such user, or the user is \
                disabled: which of them is not told. 401.",
        do_this: "Try again, or have an administrator set another password (`countersign user passwd`).",
    },
    Explained {
        code: "too_many_attempts",
        means: "Too many wrong passwords for this name from this network, or too many from this \
                network. 429 with `Retry-After`.",
        do_this: "Wait as long as `Retry-After` says.",
    },
    Explained {
        code: "unknown_refresh_token",
        means: "It is no refresh token of this server. 400 `invalid_grant`.",
        do_this: "Sign in again. After a restore from a backup this is what every old token gets.",
    },
    Explained {
        code: "unknown_session",
        means: "The refresh token's session is not there any more. 400 `invalid_grant`.",
        do_this: "Sign in again.",
    },
    Explained {
        code: "session_ended",
        means: "The session was ended: by signing out, a password change or an administrator. 400 `invalid_grant`.",
        do_this: "Sign in again.",
    },
    Explained {
        code: "session_expired",
        means: "The session was not used for too long (30 days unless set), or has reached its \
                absolute end (90 days). 400 `invalid_grant`.",
        do_this: "Sign in again.",
    },
    Explained {
        code: "wrong_client",
        means: "The refresh token was issued to another client. 400 `invalid_grant`.",
        do_this: "Refresh as the client that signed in.",
    },
    Explained {
        code: "wrong_scope",
        means: "More scope is asked for than the session was opened with. 400 `invalid_grant`.",
        do_this: "Leave `scope` out, or ask for less; for more, sign in again.",
    },
    Explained {
        code: "refresh_reused",
        means: "The refresh token was replaced long ago and came again: two parties have it. The \
                session has been ended for both. 400 `invalid_grant`.",
        do_this: "Sign in again, and find out who else had the token: a stolen one, or one copied into \
                  two programs. A lost answer is no such case; for 30 s the same answer comes again.",
    },
    Explained {
        code: "rollback_or_forgery",
        means: "The refresh token is newer than the database: the database was put back, or somebody \
                has the server's keys. The session has been ended. 400 `invalid_grant`.",
        do_this: "Sign in again. If nobody restored the database by hand, change the master key \
                  (docs/operations.md).",
    },
    Explained {
        code: "invalid_client",
        means: "The client is unknown or its secret is wrong. 401.",
        do_this: "Check id and secret; a lost secret is replaced with `countersign client rotate-secret`.",
    },
    Explained {
        code: "invalid_scope",
        means: "A scope was asked for that is not granted to this user or client. 400.",
        do_this: "Ask for less, or have an administrator grant the role the scope needs.",
    },
    Explained {
        code: "invalid_target",
        means: "Tokens were asked for an audience that this server does not serve, or not to this client. 400.",
        do_this: "Name one of the server's audiences, or leave `audience` out.",
    },
    Explained {
        code: "password_empty",
        means: "The new password is empty. 400.",
        do_this: "Choose one.",
    },
    Explained {
        code: "password_too_long",
        means: "The password is longer than 256 characters. 400.",
        do_this: "Choose a shorter one.",
    },
    Explained {
        code: "password_too_short",
        means: "The new password is shorter than the server's setting allows. 400.",
        do_this: "Choose a longer one; the answer says how long.",
    },
    Explained {
        code: "password_is_name",
        means: "The new password is the user's name. 400.",
        do_this: "Choose another.",
    },
    Explained {
        code: "nothing_to_end",
        means: "`POST /logout` came with neither a refresh token nor an access token. 400.",
        do_this: "Send the refresh token in the body, or the access token in the `Authorization` header.",
    },
    Explained {
        code: "nothing_to_refresh",
        means: "`POST /refresh` came with no refresh token, neither in the body nor in a browser's cookie. 400.",
        do_this: "Send it in the body. A page that left it to the browser: nobody is signed in here.",
    },
    Explained {
        code: "hash_queue_full",
        means: "So many passwords wait to be checked that this one was not taken on. 503 with `Retry-After`.",
        do_this: "Try again in a moment. If it lasts: a flood of sign-ins, or a hash too expensive for \
                  the machine (`countersign password calibrate`).",
    },
];

const REQUEST: &[Explained] = &[
    Explained {
        code: "not_json",
        means: "The body is not JSON. 400; the description has line and column.",
        do_this: "Send JSON.",
    },
    Explained {
        code: "wrong_shape",
        means: "The body is JSON of another shape than the route takes. 400; the description says where.",
        do_this: "Send the members that docs/reference/http.md lists.",
    },
    Explained {
        code: "body_too_large",
        means: "The body is larger than 16 KiB. 413.",
        do_this: "Send less; nothing here needs as much.",
    },
    Explained {
        code: "body_unreadable",
        means: "The body broke off. 400.",
        do_this: "Send it again.",
    },
    Explained {
        code: "wrong_content_type",
        means: "The body is declared as something the route does not take. 415.",
        do_this: "Send the `Content-Type` that the description names.",
    },
    Explained {
        code: "bad_path",
        means: "A part of the path is not percent-encoded UTF-8. 400.",
        do_this: "Encode it.",
    },
    Explained {
        code: "bad_query",
        means: "The query string has something that the route does not take. 400.",
        do_this: "Send the parameters that docs/reference/http.md lists.",
    },
    Explained {
        code: "head_too_large",
        means: "The request has more headers, or larger ones, than are read: 100 and 32 KiB. 431.",
        do_this: "Look for cookies or headers that a proxy or a browser adds to every request.",
    },
    Explained {
        code: "too_busy",
        means: "As many requests as there may be are being answered. 503, with `Retry-After`.",
        do_this: "Ask again after that time. If it lasts, give the server more cores.",
    },
    Explained {
        code: "no_such_route",
        means: "There is nothing at this path. 404.",
        do_this: "See `/.well-known/openid-configuration` for where everything is.",
    },
    Explained {
        code: "wrong_method",
        means: "The path is right and the method is not. 405.",
        do_this: "Use one of the methods in the `Allow` header.",
    },
    Explained {
        code: "name_taken",
        means: "There is a user of this name. 409.",
        do_this: "Choose another name, or change that user.",
    },
    Explained {
        code: "unknown_user",
        means: "There is no user of this name. 404.",
        do_this: "See `GET /admin/users`.",
    },
    Explained {
        code: "bad_name",
        means: "It cannot be a user's name: that has 1 to 256 bytes and no spaces or control characters. 400.",
        do_this: "Choose another name.",
    },
    Explained {
        code: "bad_role",
        means: "It cannot be a role: that is not empty and has no spaces or control characters. 400.",
        do_this: "Choose another name for the role.",
    },
    Explained {
        code: "too_early",
        means: "The next signing key has not been published for long enough: some verifier may not \
                have it yet. 409.",
        do_this: "Rotate after the time the answer says. If the key has leaked, withdraw it: that does \
                  not wait.",
    },
    Explained {
        code: "contended",
        means: "Another process changed the keys at the same moment. 409.",
        do_this: "Look at the keys, and try again if it is still needed.",
    },
    Explained {
        code: "overloaded",
        means: "The server has more writes waiting than it can take on. 503 with `Retry-After`.",
        do_this: "Try again after the time in `Retry-After`.",
    },
    Explained {
        code: "storage_unavailable",
        means: "The server cannot reach its database. 503 with `Retry-After`.",
        do_this: "Try again; if it lasts, the server's log says why.",
    },
    Explained {
        code: "server_error",
        means: "The server failed. 500; only its log says why.",
        do_this: "Read the log, and tell us if it is our fault.",
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
        ] {
            let source = source(file);
            let (_, rest) = source.split_once(from).expect("the codes are there");
            let (_, code) = rest.split_once("fn code(").expect("a fn code");
            let (body, _) = code.split_once("\n    }\n").expect("its end");
            let before = used.len();
            used.extend(words(body));
            assert!(used.len() > before, "{file} has codes");
        }
        let answers = source("server/src/http/problem.rs");
        used.extend(words(&answers));
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
