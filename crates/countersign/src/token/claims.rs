//! The registered claims of any token, as the verifier sees them.
//!
//! [`Notes`] are taken while the caller's own type is being filled, so the payload is read once. What
//! stands there as it nearly always does is understood on the spot; the rest is looked at afterwards.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use super::audience::{Audience, AudienceShape};
use crate::error::{Reason, TokenError};
use crate::json::{self, Seen, Watch};
use crate::time::{self, UnixTime};

/// The names of the claims that are noted.
pub(crate) const NAMES: [&str; 11] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "scope",
    "sid",
    "roles",
    "preferred_username",
];

/// A claim that is noted, by what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Noted {
    Date(Date),
    Audience,
    Text(Claim),
    /// Anything.
    Roles,
}

/// A claim that is a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Date {
    Expiry,
    NotBefore,
    IssuedAt,
}

/// A claim that is a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    Issuer,
    Subject,
    JwtId,
    Scope,
    SessionId,
    Username,
}

const TEXTS: usize = 6;

impl Noted {
    #[inline]
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "iss" => Self::Text(Claim::Issuer),
            "sub" => Self::Text(Claim::Subject),
            "aud" => Self::Audience,
            "exp" => Self::Date(Date::Expiry),
            "nbf" => Self::Date(Date::NotBefore),
            "iat" => Self::Date(Date::IssuedAt),
            "jti" => Self::Text(Claim::JwtId),
            "scope" => Self::Text(Claim::Scope),
            "sid" => Self::Text(Claim::SessionId),
            "roles" => Self::Roles,
            "preferred_username" => Self::Text(Claim::Username),
            _ => return None,
        })
    }

    /// Another one for each.
    #[inline]
    const fn number(self) -> u8 {
        match self {
            Self::Text(claim) => claim as u8,
            Self::Date(date) => 8 + date as u8,
            Self::Audience => 16,
            Self::Roles => 17,
        }
    }
}

/// The order in which what is unusual is looked at, so that of two faults the same one is told always.
const ORDER: [Noted; 10] = [
    Noted::Date(Date::Expiry),
    Noted::Date(Date::NotBefore),
    Noted::Date(Date::IssuedAt),
    Noted::Audience,
    Noted::Text(Claim::Issuer),
    Noted::Text(Claim::Subject),
    Noted::Text(Claim::JwtId),
    Noted::Text(Claim::Scope),
    Noted::Text(Claim::SessionId),
    Noted::Text(Claim::Username),
];

/// What was noted while a payload was read.
#[derive(Default)]
pub(crate) struct Notes {
    next: Option<Noted>,
    registered: Registered,
    /// Values that are not of the usual form, which may yet be good: texts with escapes, dates with a
    /// fraction, several recipients.
    unusual: Vec<(Noted, Span)>,
}

impl Watch for Notes {
    #[inline]
    fn name(&mut self, name: &str) -> Option<u8> {
        self.next = Noted::named(name);
        self.next.map(Noted::number)
    }

    #[inline]
    fn value(&mut self, start: usize, end: usize, seen: Seen) {
        let Some(claim) = self.next else { return };
        let Some(span) = Span::new(start, end) else {
            return;
        };
        if !self.registered.note(claim, span, seen) {
            self.unusual.push((claim, span));
        }
    }
}

impl Notes {
    /// The claims of the payload that was read. One that is there with a wrong type is refused, needed
    /// or not (`null` too); those that RFC 7519 does not register then count as absent.
    #[inline]
    pub(crate) fn claims(self, payload: &[u8]) -> Result<Registered, TokenError> {
        if self.unusual.is_empty() {
            return Ok(self.registered);
        }
        self.with_the_unusual(payload)
    }

    #[cold]
    fn with_the_unusual(mut self, payload: &[u8]) -> Result<Registered, TokenError> {
        for claim in ORDER {
            let value = self.unusual.iter().find(|(of, _)| *of == claim);
            if let Some((_, span)) = value {
                self.registered.note_unusual(claim, *span, payload)?;
            }
        }
        Ok(self.registered)
    }
}

/// The registered claims of one payload, types and ranges checked. Texts stay where they are.
///
/// It is kept small, because a guard may remember very many, and the dates stand first, because they
/// are looked at most often.
#[derive(Clone, Debug, Default)]
#[repr(C)]
pub(crate) struct Registered {
    pub(crate) exp: Option<UnixTime>,
    pub(crate) nbf: Option<UnixTime>,
    pub(crate) iat: Option<UnixTime>,
    /// The texts with escapes, whose own spelling is not their value. They are rare.
    resolved: Option<Box<[Option<Box<str>>; TEXTS]>>,
    /// The insides of those without escapes.
    texts: [Option<Span>; TEXTS],
    aud: Aud,
    /// Of any type.
    roles: Option<Span>,
}

/// Where the claim `aud` stands.
#[derive(Clone, Copy, Debug, Default)]
enum Aud {
    #[default]
    Absent,
    /// The inside of a string without escapes.
    One(Span),
    /// Any other string, or an array of strings.
    Other(Span),
}

impl Registered {
    pub(crate) fn text<'a>(&'a self, claim: Claim, payload: &'a [u8]) -> Option<&'a str> {
        core::str::from_utf8(self.bytes(claim, payload)?).ok()
    }

    /// The text as bytes, which is enough to compare it.
    pub(crate) fn bytes<'a>(&'a self, claim: Claim, payload: &'a [u8]) -> Option<&'a [u8]> {
        if let Some(plain) = self.texts[claim as usize] {
            return Some(plain.of(payload));
        }
        let resolved = self.resolved.as_ref()?[claim as usize].as_ref()?;
        Some(resolved.as_bytes())
    }

    pub(crate) fn has_audience(&self) -> bool {
        !matches!(self.aud, Aud::Absent)
    }

    pub(crate) fn audience(&self, payload: &[u8]) -> Audience {
        match self.aud {
            Aud::Absent => Audience::default(),
            Aud::One(inside) => core::str::from_utf8(inside.of(payload))
                .map(Audience::from)
                .unwrap_or_default(),
            Aud::Other(span) => json::value(span.of(payload)).unwrap_or_default(),
        }
    }

    /// Whether any of `recipients` is among the audience.
    pub(crate) fn is_for(&self, payload: &[u8], recipients: &[String]) -> bool {
        match self.aud {
            Aud::Absent => false,
            Aud::One(inside) => {
                let one = inside.of(payload);
                recipients
                    .iter()
                    .any(|recipient| recipient.as_bytes() == one)
            }
            Aud::Other(..) => {
                let audience = self.audience(payload);
                recipients
                    .iter()
                    .any(|recipient| audience.contains(recipient))
            }
        }
    }

    /// The claim `roles`, whatever it is, as JSON.
    pub(crate) fn roles<'p>(&self, payload: &'p [u8]) -> Option<&'p [u8]> {
        self.roles.map(|roles| roles.of(payload))
    }

    /// Whether the value is of the usual form; then it is noted.
    #[inline]
    fn note(&mut self, claim: Noted, span: Span, seen: Seen) -> bool {
        match (claim, seen) {
            (Noted::Text(claim), Seen::PlainText) => self.texts[claim as usize] = span.inside(),
            (Noted::Audience, Seen::PlainText) => {
                self.aud = span.inside().map_or(Aud::Absent, Aud::One);
            }
            (Noted::Date(date), Seen::Whole(seconds)) if seconds <= UnixTime::MAX.as_secs() => {
                *self.date(date) = Some(UnixTime::from_secs(seconds));
            }
            (Noted::Roles, _) => self.roles = Some(span),
            _ => return false,
        }
        true
    }

    fn note_unusual(&mut self, claim: Noted, span: Span, payload: &[u8]) -> Result<(), TokenError> {
        let value = span.of(payload);
        match claim {
            Noted::Date(date) => {
                let seconds = date.seconds(value).ok_or_else(|| date.out_of_range())?;
                *self.date(date) = Some(UnixTime::from_secs(seconds));
            }
            Noted::Audience => {
                json::value::<AudienceShape>(value).map_err(|_| BAD_AUDIENCE)?;
                self.aud = Aud::Other(span);
            }
            Noted::Text(claim) => match (json::value(value), claim.registered_name()) {
                (Ok(text), _) => self.resolved.get_or_insert_default()[claim as usize] = Some(text),
                (Err(_), Some(name)) => return Err(not_text(name)),
                (Err(_), None) => {}
            },
            Noted::Roles => self.roles = Some(span),
        }
        Ok(())
    }

    fn date(&mut self, date: Date) -> &mut Option<UnixTime> {
        match date {
            Date::Expiry => &mut self.exp,
            Date::NotBefore => &mut self.nbf,
            Date::IssuedAt => &mut self.iat,
        }
    }
}

impl Date {
    /// A `NumericDate`: a number, with or without a fraction, in the years 1970 to 9999. Rounded to
    /// the side on which the token counts for less time.
    fn seconds(self, value: &[u8]) -> Option<u64> {
        let exact: f64 = json::value(value).ok()?;
        let whole = time::floor(exact)?;
        #[expect(clippy::cast_precision_loss, reason = "dates are far below 2^53")]
        let has_fraction = exact > whole as f64;
        Some(whole + u64::from(has_fraction && self == Self::NotBefore))
    }

    fn out_of_range(self) -> TokenError {
        let claim = match self {
            Self::Expiry => "exp",
            Self::NotBefore => "nbf",
            Self::IssuedAt => "iat",
        };
        TokenError::of_claim(
            Reason::BadClaim,
            claim,
            Cow::Owned(alloc::format!(
                "the claim `{claim}` is not a number of seconds from 0 to 253402300799"
            )),
        )
    }
}

impl Claim {
    /// The name, if RFC 7519 registers it and so says what its type is.
    fn registered_name(self) -> Option<&'static str> {
        match self {
            Self::Issuer => Some("iss"),
            Self::Subject => Some("sub"),
            Self::JwtId => Some("jti"),
            Self::Scope | Self::SessionId | Self::Username => None,
        }
    }
}

const BAD_AUDIENCE: TokenError = TokenError::of_claim(
    Reason::BadClaim,
    "aud",
    Cow::Borrowed("the claim `aud` is neither a string nor an array of strings"),
);

const fn not_text(claim: &'static str) -> TokenError {
    TokenError::of_claim(
        Reason::BadClaim,
        claim,
        Cow::Borrowed("one of the claims `iss`, `sub` and `jti` is not a string"),
    )
}

/// From the first byte of something to the one after its last, which is never the payload's first.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: NonZeroU32,
}

impl Span {
    #[inline]
    fn new(start: usize, end: usize) -> Option<Self> {
        Some(Self {
            start: u32::try_from(start).ok()?,
            end: NonZeroU32::new(u32::try_from(end).ok()?)?,
        })
    }

    /// Of a string, what is between its quotes.
    #[inline]
    fn inside(self) -> Option<Self> {
        Some(Self {
            start: self.start + 1,
            end: NonZeroU32::new(self.end.get() - 1)?,
        })
    }

    fn of(self, payload: &[u8]) -> &[u8] {
        payload
            .get(self.start as usize..self.end.get() as usize)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::IgnoredAny;

    fn read(payload: &str) -> Result<Registered, TokenError> {
        let mut notes = Notes::default();
        json::watched_object::<IgnoredAny, _>(payload.as_bytes(), &mut notes).unwrap();
        notes.claims(payload.as_bytes())
    }

    #[test]
    fn an_unusual_spelling_means_the_same() {
        let usual = r#"{"iss":"i","aud":"a","exp":9,"nbf":2,"sid":"s"}"#;
        let unusual = r#"{"iss":"\u0069","aud":["a"],"exp":9.5,"nbf":1.5,"sid":"\u0073"}"#;
        for payload in [usual, unusual] {
            let claims = read(payload).unwrap();
            let payload = payload.as_bytes();
            assert_eq!(claims.text(Claim::Issuer, payload), Some("i"));
            assert_eq!(claims.text(Claim::SessionId, payload), Some("s"));
            assert_eq!(claims.text(Claim::Subject, payload), None);
            assert!(claims.is_for(payload, &["a".into()]));
            assert_eq!(claims.exp, Some(UnixTime::from_secs(9)));
            assert_eq!(claims.nbf, Some(UnixTime::from_secs(2)));
        }
    }

    #[test]
    fn every_name_that_is_noted_has_a_number_of_its_own() {
        let numbers = NAMES.map(|name| Noted::named(name).unwrap().number());
        let bits = numbers
            .iter()
            .fold(0_u64, |bits, number| bits | 1 << number);
        assert_eq!(bits.count_ones() as usize, NAMES.len());
    }

    #[test]
    fn a_name_that_comes_twice_is_found_noted_or_not_in_one_spelling_or_two() {
        for name in NAMES.into_iter().chain(["other"]) {
            let escaped = alloc::format!("\\u{:04x}{}", name.as_bytes()[0], &name[1..]);
            for (first, second) in [(name, name), (name, &*escaped), (&*escaped, name)] {
                let payload = alloc::format!(r#"{{"a":1,"{first}":1,"b":1,"{second}":1}}"#);
                let mut notes = Notes::default();
                let read = json::watched_object::<IgnoredAny, _>(payload.as_bytes(), &mut notes);
                assert!(read.is_err(), "{payload}");
            }
        }
    }

    #[test]
    fn of_several_faults_the_same_is_told_wherever_they_stand() {
        let faults = [
            ("exp", "-1"),
            ("nbf", "\"2\""),
            ("iat", "253402300800"),
            ("aud", "[1]"),
            ("iss", "null"),
            ("sub", "{}"),
            ("jti", "true"),
        ];
        for first in 0..faults.len() {
            let members: Vec<_> = faults[first..]
                .iter()
                .map(|(name, value)| alloc::format!("\"{name}\":{value}"))
                .collect();
            let backwards: Vec<_> = members.iter().rev().cloned().collect();
            for members in [members, backwards] {
                let payload = alloc::format!("{{{}}}", members.join(","));
                let refused = read(&payload).unwrap_err();
                assert_eq!(refused.claim(), Some(faults[first].0), "{payload}");
            }
        }
        let claims = read(r#"{"scope":1,"sid":null,"preferred_username":[]}"#).unwrap();
        assert!(
            claims.text(Claim::SessionId, b"").is_none(),
            "not registered"
        );
    }
}
