//! The registered claims of any token, as the verifier sees them.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::error::{Reason, TokenError};
use crate::json::{self, Seen, Watch};
use crate::time::{self, UnixTime};

/// The recipients of a token: in JSON one string or an array of strings (RFC 7519 §4.1.3).
///
/// ```
/// use countersign::Audience;
///
/// let audience = Audience::from("https://api.example");
/// assert!(audience.contains("https://api.example"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience(Vec<String>);

impl Audience {
    /// Whether `recipient` is among them, compared byte by byte.
    pub fn contains(&self, recipient: &str) -> bool {
        self.0.iter().any(|own| own == recipient)
    }

    /// The recipients in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl From<&str> for Audience {
    fn from(recipient: &str) -> Self {
        Self(vec![recipient.into()])
    }
}

impl From<String> for Audience {
    fn from(recipient: String) -> Self {
        Self(vec![recipient])
    }
}

impl<S: Into<String>> FromIterator<S> for Audience {
    fn from_iter<I: IntoIterator<Item = S>>(recipients: I) -> Self {
        Self(recipients.into_iter().map(Into::into).collect())
    }
}

impl Serialize for Audience {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => serializer.serialize_str(one),
            several => several.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Recipients)
    }
}

struct Recipients;

impl<'de> serde::de::Visitor<'de> for Recipients {
    type Value = Audience;

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("a string or an array of strings")
    }

    fn visit_str<E: serde::de::Error>(self, one: &str) -> Result<Audience, E> {
        Ok(Audience::from(one))
    }

    fn visit_string<E: serde::de::Error>(self, one: String) -> Result<Audience, E> {
        Ok(Audience(vec![one]))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut several: A) -> Result<Audience, A::Error> {
        let mut audience = Vec::new();
        while let Some(one) = several.next_element()? {
            audience.push(one);
        }
        Ok(Audience(audience))
    }
}

/// The claims the verifier looks at, in the order of [`Spans`].
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

const ISS: usize = 0;
const SUB: usize = 1;
const AUD: usize = 2;
const EXP: usize = 3;
const NBF: usize = 4;
const IAT: usize = 5;
const JTI: usize = 6;
const SCOPE: usize = 7;
const SID: usize = 8;
const ROLES: usize = 9;
const USERNAME: usize = 10;

/// Where the claims of [`NAMES`] stand in a payload, noted while the caller's type is being filled.
#[derive(Default)]
pub(crate) struct Spans {
    next: Option<usize>,
    places: [Option<Place>; NAMES.len()],
}

/// From the first byte of something to the one after its last, which is never the payload's first.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: NonZeroU32,
}

impl Span {
    fn new(start: usize, end: usize) -> Option<Self> {
        Some(Self {
            start: u32::try_from(start).ok()?,
            end: NonZeroU32::new(u32::try_from(end).ok()?)?,
        })
    }

    fn of(self, payload: &[u8]) -> &[u8] {
        payload
            .get(self.start as usize..self.end.get() as usize)
            .unwrap_or_default()
    }
}

/// Where a value stands, and what was seen in it.
#[derive(Clone, Copy, Debug)]
struct Place {
    span: Span,
    seen: Seen,
}

impl Place {
    fn raw(self, payload: &[u8]) -> &[u8] {
        self.span.of(payload)
    }

    /// Where the inside of a string without escapes stands.
    fn plain_text(self, payload: &[u8]) -> Option<Span> {
        let raw = self.raw(payload);
        if self.seen.escape || raw.len() < 2 || raw.first() != Some(&b'"') {
            return None;
        }
        Some(Span {
            start: self.span.start + 1,
            end: NonZeroU32::new(self.span.end.get() - 1)?,
        })
    }
}

impl Watch for Spans {
    #[inline]
    fn name(&mut self, name: &str) {
        self.next = match name {
            "iss" => Some(ISS),
            "sub" => Some(SUB),
            "aud" => Some(AUD),
            "exp" => Some(EXP),
            "nbf" => Some(NBF),
            "iat" => Some(IAT),
            "jti" => Some(JTI),
            "scope" => Some(SCOPE),
            "sid" => Some(SID),
            "roles" => Some(ROLES),
            "preferred_username" => Some(USERNAME),
            _ => None,
        };
    }

    #[inline]
    fn value(&mut self, start: usize, end: usize, seen: Seen) {
        if let Some(place) = self.next.and_then(|next| self.places.get_mut(next))
            && let Some(span) = Span::new(start, end)
        {
            *place = Some(Place { span, seen });
        }
    }
}

/// The registered claims of one payload, types and ranges checked. Texts stay where they are.
///
/// It is kept small, because a guard may remember very many.
#[derive(Clone, Debug)]
pub(crate) struct Registered {
    /// The insides of those without escapes.
    texts: [Option<Span>; TEXTS],
    /// The texts with escapes, whose own spelling is not their value. They are rare.
    resolved: Option<Box<[Option<Box<str>>; TEXTS]>>,
    pub(crate) exp: Option<UnixTime>,
    pub(crate) nbf: Option<UnixTime>,
    pub(crate) iat: Option<UnixTime>,
    aud: Aud,
    /// Of any type.
    roles: Option<Span>,
}

/// A claim that is a text.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Claim {
    Issuer,
    Subject,
    JwtId,
    Scope,
    SessionId,
    Username,
}

const TEXTS: usize = 6;

impl Registered {
    /// Reads the noted claims. A claim that is there with a wrong type is refused, needed or not
    /// (`null` too); those that RFC 7519 does not register then count as absent.
    #[inline]
    pub(crate) fn read(payload: &[u8], spans: &Spans) -> Result<Self, TokenError> {
        let [
            iss,
            sub,
            aud,
            exp,
            nbf,
            iat,
            jti,
            scope,
            sid,
            roles,
            username,
        ] = spans.places;
        let mut registered = Self {
            texts: [None; TEXTS],
            resolved: None,
            exp: date(payload, exp, "exp", Rounding::Down)?,
            nbf: date(payload, nbf, "nbf", Rounding::Up)?,
            iat: date(payload, iat, "iat", Rounding::Down)?,
            aud: Aud::read(payload, aud)?,
            roles: roles.map(|roles| roles.span),
        };
        for (claim, name, place) in [
            (Claim::Issuer, "iss", iss),
            (Claim::Subject, "sub", sub),
            (Claim::JwtId, "jti", jti),
        ] {
            registered
                .note(claim, payload, place)
                .ok_or(NOT_TEXT(name))?;
        }
        for (claim, place) in [
            (Claim::Scope, scope),
            (Claim::SessionId, sid),
            (Claim::Username, username),
        ] {
            let _absent_then = registered.note(claim, payload, place);
        }
        Ok(registered)
    }

    /// `None` if there is a value and it is no string.
    #[inline]
    fn note(&mut self, claim: Claim, payload: &[u8], place: Option<Place>) -> Option<()> {
        let Some(place) = place else { return Some(()) };
        let plain = place.plain_text(payload);
        if plain.is_some() {
            self.texts[claim as usize] = plain;
            return Some(());
        }
        let text = json::value(place.raw(payload)).ok()?;
        self.resolved.get_or_insert_default()[claim as usize] = Some(text);
        Some(())
    }

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
}

/// Where the claim `aud` stands.
#[derive(Clone, Copy, Debug)]
enum Aud {
    Absent,
    /// The inside of a string without escapes.
    One(Span),
    /// Any other string, or an array of strings.
    Other(Span),
}

impl Aud {
    fn read(payload: &[u8], place: Option<Place>) -> Result<Self, TokenError> {
        let Some(place) = place else {
            return Ok(Self::Absent);
        };
        if let Some(inside) = place.plain_text(payload) {
            return Ok(Self::One(inside));
        }
        if json::value::<AudienceShape>(place.raw(payload)).is_ok() {
            return Ok(Self::Other(place.span));
        }
        Err(TokenError::of_claim(
            Reason::BadClaim,
            "aud",
            Cow::Borrowed("the claim `aud` is neither a string nor an array of strings"),
        ))
    }
}

#[expect(non_snake_case, reason = "a constant but for the claim's name")]
const fn NOT_TEXT(claim: &'static str) -> TokenError {
    TokenError::of_claim(
        Reason::BadClaim,
        claim,
        Cow::Borrowed("one of the claims `iss`, `sub` and `jti` is not a string"),
    )
}

#[derive(Clone, Copy, PartialEq)]
enum Rounding {
    Down,
    Up,
}

/// A `NumericDate`: a number, with or without a fraction, in the years 1970 to 9999. Rounded to
/// the side on which the token counts for less time.
fn date(
    payload: &[u8],
    place: Option<Place>,
    claim: &'static str,
    rounding: Rounding,
) -> Result<Option<UnixTime>, TokenError> {
    let Some(place) = place else { return Ok(None) };
    seconds(place, payload, rounding).map(Some).ok_or_else(|| {
        TokenError::of_claim(
            Reason::BadClaim,
            claim,
            Cow::Owned(alloc::format!(
                "the claim `{claim}` is not a number of seconds from 0 to 253402300799"
            )),
        )
    })
}

fn seconds(place: Place, payload: &[u8], rounding: Rounding) -> Option<UnixTime> {
    let raw = place.raw(payload);
    if let (Some(whole), Some(b'0'..=b'9')) = (place.seen.whole, raw.first()) {
        return (whole <= UnixTime::MAX.as_secs()).then(|| UnixTime::from_secs(whole));
    }
    let exact: f64 = json::value(raw).ok()?;
    let whole = time::floor(exact)?;
    #[expect(clippy::cast_precision_loss, reason = "dates are far below 2^53")]
    let has_fraction = exact > whole as f64;
    let up = u64::from(has_fraction && rounding == Rounding::Up);
    Some(UnixTime::from_secs(whole + up))
}

/// A string or an array of strings, looked at without keeping it.
struct AudienceShape;

impl<'de> Deserialize<'de> for AudienceShape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor).map(|()| Self)
    }
}

struct ShapeVisitor;

impl<'de> serde::de::Visitor<'de> for ShapeVisitor {
    type Value = ();

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("a string or an array of strings")
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut several: A) -> Result<(), A::Error> {
        while several.next_element::<OneString>()?.is_some() {}
        Ok(())
    }
}

struct OneString;

impl<'de> Deserialize<'de> for OneString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_str(OneStringVisitor)
            .map(|()| Self)
    }
}

struct OneStringVisitor;

impl serde::de::Visitor<'_> for OneStringVisitor {
    type Value = ();

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}
