//! Whether an expression is a secret written in the code.
//!
//! `"abc"`, `Buffer.from("abc", "base64")`, `[]byte("abc")`, `SECRET` that stands for one of these
//! above, and `process.env.SECRET || "abc"`. What is put together, asked for, read or handed in is
//! none, and what is not understood is not reported.

use crate::code::{Code, Span};
use crate::language::Language;
use crate::lex::Kind;
use crate::names::Names;

/// Names that stand for names that stand for names.
const DEPTH: usize = 5;

/// Calls that turn a text into a key and add nothing to it.
const CONVERSIONS: &[&str] = &[
    "Base64",
    "Buffer",
    "Decoders",
    "Encoders",
    "HMAC256",
    "HMAC384",
    "HMAC512",
    "KeyObject",
    "Keys",
    "OctKey",
    "OctetSequenceKey",
    "SecretKeySpec",
    "Secret",
    "String",
    "TextCodec",
    "TextEncoder",
    "Uint8Array",
    "as_bytes",
    "as_ref",
    "as_slice",
    "as_str",
    "b64decode",
    "b64encode",
    "base64",
    "byte",
    "bytes",
    "createSecretKey",
    "crypto",
    "decode",
    "decodeBase64",
    "encode",
    "encoder",
    "from",
    "fromString",
    "from_base64_secret",
    "from_bytes",
    "from_secret",
    "getBytes",
    "getDecoder",
    "getEncoder",
    "hmacShaKeyFor",
    "import_key",
    "into",
    "into_bytes",
    "must",
    "new",
    "str",
    "strip",
    "toByteArray",
    "toCharArray",
    "toString",
    "to_owned",
    "to_string",
    "to_vec",
    "trim",
    "unwrap",
    "unwrap_or",
    "unwrap_or_default",
    "unwrap_or_else",
    "urlsafe_b64decode",
];

/// Names that only say how a text is turned into bytes.
const MANNERS: &[&str] = &[
    "BASE64",
    "BASE64URL",
    "Charset",
    "Charsets",
    "HS256",
    "HS384",
    "HS512",
    "SignatureAlgorithm",
    "StandardCharsets",
    "UTF_8",
    "algorithm",
    "default",
    "encoding",
    "getJcaName",
    "getValue",
    "k",
    "kty",
    "oct",
    "or",
    "s",
    "secret_key",
    "value",
    "_",
];

/// Texts that only say that.
const ENCODINGS: &[&str] = &[
    "aes",
    "ascii",
    "base64",
    "base64url",
    "binary",
    "hex",
    "hmacsha256",
    "hmacsha384",
    "hmacsha512",
    "hs256",
    "hs384",
    "hs512",
    "latin1",
    "oct",
    "utf-8",
    "utf8",
];

/// What reads a setting from outside: its first text is the name of the setting.
const OUTSIDE: &[&str] = &[
    "Getenv",
    "LookupEnv",
    "environ",
    "env",
    "getenv",
    "getProperty",
    "process",
    "env_var",
    "Env",
];

/// A secret that stands in the code.
#[derive(Clone, Debug)]
pub(crate) struct Written<'a> {
    pub(crate) text: &'a str,
    /// The token that is it.
    pub(crate) at: usize,
    /// Whether it is only taken where the environment has none.
    pub(crate) is_fallback: bool,
}

/// The secret an expression is, if it is one.
pub(crate) fn written<'a>(code: &Code<'a>, names: &Names<'a>, value: &Span) -> Option<Written<'a>> {
    let found = Reading {
        code,
        names,
        depth: DEPTH,
    }
    .read(value)?;
    is_secret(found.text).then_some(found)
}

/// Not empty, not to be filled in when the file is put in place, and no public key.
fn is_secret(text: &str) -> bool {
    let to_be_filled_in = text.starts_with("${")
        || text.starts_with("{{")
        || text.starts_with("<%")
        || (text.starts_with('<') && text.ends_with('>'))
        || (text.starts_with("%{") && text.ends_with('}'));
    let public = [
        "BEGIN PUBLIC KEY",
        "BEGIN RSA PUBLIC KEY",
        "BEGIN CERTIFICATE",
    ]
    .iter()
    .any(|label| text.contains(label));
    let location = text.starts_with("http://") || text.starts_with("https://");
    !(text.trim().is_empty() || to_be_filled_in || public || location)
}

struct Reading<'r, 'a> {
    code: &'r Code<'a>,
    names: &'r Names<'a>,
    depth: usize,
}

/// What was met on the way through an expression.
enum Piece<'a> {
    Text(&'a str, usize),
    Name(Span),
    /// Something with `is_fallback` already said.
    Outside,
    Nothing,
}

impl<'a> Reading<'_, 'a> {
    /// One text or one name, and whatever turns it into a key; else nothing is known.
    fn read(&self, value: &Span) -> Option<Written<'a>> {
        let mut found: Option<Written<'a>> = None;
        let mut outside = false;
        let mut at = value.start;
        while at < value.end {
            if self.code.language != Language::Python && self.code.word_at(at) == Some("as") {
                break;
            }
            let (piece, next) = self.piece(at, value.end)?;
            at = next;
            let written = match piece {
                Piece::Nothing => continue,
                Piece::Outside => {
                    outside = true;
                    continue;
                }
                Piece::Text(text, at) => Written {
                    text,
                    at,
                    is_fallback: false,
                },
                Piece::Name(path) => self.follow(&path)?,
            };
            if found.replace(written).is_some() {
                return None;
            }
        }
        let found = found?;
        Some(Written {
            is_fallback: found.is_fallback || outside,
            ..found
        })
    }

    /// The piece that begins here and where the next one does; `None` if it is not understood.
    fn piece(&self, at: usize, end: usize) -> Option<(Piece<'a>, usize)> {
        let token = self.code.tokens.get(at)?;
        match token.kind {
            Kind::Text if self.is_manner(token.text, at, end) => Some((Piece::Nothing, at + 1)),
            Kind::Text if self.code.language == Language::Java && token.text.starts_with("${") => {
                let default = spring_default(token.text)?;
                Some((Piece::Text(default, at), at + 1))
            }
            Kind::Text => Some((Piece::Text(token.text, at), at + 1)),
            Kind::Composed => None,
            Kind::Number => Some((Piece::Nothing, at + 1)),
            Kind::Sign => {
                let harmless = matches!(
                    token.text,
                    "(" | ")"
                        | "["
                        | "]"
                        | "."
                        | ","
                        | "&"
                        | "::"
                        | "?."
                        | "||"
                        | "??"
                        | "!"
                        | "|"
                        | "="
                        | "*"
                );
                harmless.then_some((Piece::Nothing, at + 1))
            }
            Kind::Word => self.word(at, end),
        }
    }

    fn is_manner(&self, text: &str, at: usize, end: usize) -> bool {
        let is_alone = at > 0 && self.code.is_at(at - 1, ",") && at < end;
        is_alone
            && ENCODINGS
                .iter()
                .any(|known| known.eq_ignore_ascii_case(text))
    }

    /// A path of names: a conversion, a way to the outside, or a name to follow.
    fn word(&self, at: usize, end: usize) -> Option<(Piece<'a>, usize)> {
        let code = self.code;
        let mut last = at;
        while last + 2 < end
            && [".", "?.", "::"]
                .iter()
                .any(|sign| code.is_at(last + 1, sign))
            && code.word_at(last + 2).is_some()
        {
            last += 2;
        }
        let words = |span: Span| {
            code.tokens
                .get(span)
                .unwrap_or_default()
                .iter()
                .filter_map(crate::lex::Token::word)
        };
        let is_macro = code.is_at(last + 1, "!") && code.is_at(last + 2, "(");
        let bracket = if is_macro { last + 2 } else { last + 1 };
        let is_called = code.is_at(bracket, "(") && bracket < end;
        let from_outside = words(at..last + 1).any(|word| OUTSIDE.contains(&word))
            || (is_called && asks_settings(words(at..last + 1)));
        if from_outside {
            let is_indexed = code.is_at(bracket, "[");
            let skips = (is_called || is_indexed) && bracket + 1 < end;
            let is_named = skips && code.tokens.get(bracket + 1)?.kind == Kind::Text;
            return Some((Piece::Outside, if is_named { bracket + 2 } else { bracket }));
        }
        let word = code.word_at(last)?;
        if is_called {
            if word == "expect" {
                return Some((Piece::Nothing, code.close_of(bracket) + 1));
            }
            if !CONVERSIONS.contains(&word) {
                return None;
            }
            let receiver = at..last.saturating_sub(1).max(at);
            let is_plain = last == at
                || words(receiver.clone())
                    .all(|word| CONVERSIONS.contains(&word) || MANNERS.contains(&word));
            let piece = if is_plain {
                Piece::Nothing
            } else {
                Piece::Name(receiver)
            };
            return Some((piece, bracket));
        }
        if words(at..last + 1).all(|word| CONVERSIONS.contains(&word) || MANNERS.contains(&word))
            && self.names.value(code, word, at).is_none()
        {
            return Some((Piece::Nothing, last + 1));
        }
        if code.is_at(last + 1, "[") && last + 1 < end {
            let close = code.close_of(last + 1);
            return Some((Piece::Name(at..close + 1), close + 1));
        }
        Some((Piece::Name(at..last + 1), last + 1))
    }

    /// What a name stands for.
    fn follow(&self, path: &Span) -> Option<Written<'a>> {
        let code = self.code;
        let depth = self.depth.checked_sub(1)?;
        let first = code.word_at(path.start)?;
        let value = match path.len() {
            1 => self.names.value(code, first, path.start)?,
            3 => {
                let member = code.word_at(path.start + 2)?;
                self.names.member(code, first, member, path.start)?
            }
            // `config["secret"]`
            4 => {
                let member = code.tokens.get(path.start + 2)?.literal()?;
                self.names.member(code, first, member, path.start)?
            }
            _ => return None,
        };
        Reading { depth, ..*self }.read(&value)
    }
}

/// `config("NAME")`, `configService.get("NAME")`, `app.config.get("NAME")`.
fn asks_settings<'a>(path: impl Iterator<Item = &'a str>) -> bool {
    let (mut called, mut before) = ("", "");
    for word in path {
        (before, called) = (called, word);
    }
    let is_settings = |word: &str| {
        let word = word.to_ascii_lowercase();
        word.contains("config") || word.contains("setting")
    };
    called == "config" || (called.starts_with("get") && is_settings(before))
}

/// Of `${name:default}` the default.
fn spring_default(text: &str) -> Option<&str> {
    let (_, default) = text
        .strip_prefix("${")?
        .strip_suffix('}')?
        .split_once(':')?;
    (!default.is_empty() && !default.contains("${")).then_some(default)
}
