//! Claims: the set that Countersign's own access tokens carry, and the registered claims of any
//! token as the verifier sees them.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::error::{Reason, TokenError};
use crate::json::{self, Seen, Watch};
use crate::time::{self, UnixTime};

/// The claims of an access token by RFC 9068, with those that Countersign adds (`sid`, `roles`,
/// `preferred_username`).
///
/// Any other serde type can stand in its place; this is the default of the guard.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AccessClaims {
    /// Who issued the token: a URL.
    pub iss: String,
    /// Whom the token is about: the user's or the client's id.
    pub sub: String,
    /// Whom the token is for.
    pub aud: Audience,
    /// From when on the token counts no more.
    pub exp: UnixTime,
    /// When the token was issued.
    pub iat: UnixTime,
    /// Before when the token does not count yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<UnixTime>,
    /// The token's own id.
    pub jti: String,
    /// The client that asked for the token.
    pub client_id: String,
    /// What the token allows: words with a space between them (RFC 6749 §3.3).
    #[serde(default)]
    pub scope: String,
    /// The session the token belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// When the user last proved who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<UnixTime>,
    /// The user's roles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The name the user signs in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_username: Option<String>,
}

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
pub(crate) const NAMES: [&str; 9] = [
    "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "scope", "sid",
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

/// Where the claims of [`NAMES`] stand in a payload, noted while the caller's type is being filled.
#[derive(Default)]
pub(crate) struct Spans {
    next: Option<usize>,
    places: [Option<Place>; NAMES.len()],
}

/// A value's first byte, the one after its last, and what was seen between them.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: u32,
    end: u32,
    seen: Seen,
}

impl Place {
    fn raw(self, payload: &[u8]) -> &[u8] {
        part(payload, self.start, self.end)
    }

    /// The inside of a string without escapes.
    fn plain_text(self, payload: &[u8]) -> Option<&[u8]> {
        let text = self.raw(payload).strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        (!self.seen.escape).then_some(text)
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
            _ => None,
        };
    }

    #[inline]
    fn value(&mut self, start: usize, end: usize, seen: Seen) {
        if let Some(place) = self.next.and_then(|next| self.places.get_mut(next))
            && let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(end))
        {
            *place = Some(Place { start, end, seen });
        }
    }
}

/// The registered claims of one payload, types and ranges checked. Texts stay where they are.
#[derive(Clone, Debug)]
pub(crate) struct Registered {
    pub(crate) iss: Text,
    pub(crate) sub: Text,
    pub(crate) jti: Text,
    pub(crate) scope: Text,
    pub(crate) sid: Text,
    pub(crate) exp: Option<UnixTime>,
    pub(crate) nbf: Option<UnixTime>,
    pub(crate) iat: Option<UnixTime>,
    aud: Option<Place>,
}

impl Registered {
    /// Reads the noted claims. A claim that is there with a wrong type is refused, needed or not
    /// (`null` too); `scope` and `sid`, which RFC 7519 does not register, then count as absent.
    #[inline]
    pub(crate) fn read(payload: &[u8], spans: &Spans) -> Result<Self, TokenError> {
        let [iss, sub, aud, exp, nbf, iat, jti, scope, sid] = spans.places;
        if let Some(aud) = aud
            && aud.plain_text(payload).is_none()
            && json::value::<AudienceShape>(aud.raw(payload)).is_err()
        {
            return Err(TokenError::of_claim(
                Reason::BadClaim,
                "aud",
                Cow::Borrowed("the claim `aud` is neither a string nor an array of strings"),
            ));
        }
        Ok(Self {
            iss: Text::read(payload, iss).ok_or(NOT_TEXT("iss"))?,
            sub: Text::read(payload, sub).ok_or(NOT_TEXT("sub"))?,
            jti: Text::read(payload, jti).ok_or(NOT_TEXT("jti"))?,
            scope: Text::read(payload, scope).unwrap_or_default(),
            sid: Text::read(payload, sid).unwrap_or_default(),
            exp: date(payload, exp, "exp", Rounding::Down)?,
            nbf: date(payload, nbf, "nbf", Rounding::Up)?,
            iat: date(payload, iat, "iat", Rounding::Down)?,
            aud,
        })
    }

    pub(crate) fn has_audience(&self) -> bool {
        self.aud.is_some()
    }

    pub(crate) fn audience(&self, payload: &[u8]) -> Audience {
        self.aud
            .and_then(|aud| json::value(aud.raw(payload)).ok())
            .unwrap_or_default()
    }

    /// Whether any of `recipients` is among the audience.
    pub(crate) fn is_for(&self, payload: &[u8], recipients: &[String]) -> bool {
        let Some(aud) = self.aud else { return false };
        if let Some(one) = aud.plain_text(payload) {
            return recipients
                .iter()
                .any(|recipient| recipient.as_bytes() == one);
        }
        let audience = self.audience(payload);
        recipients
            .iter()
            .any(|recipient| audience.contains(recipient))
    }
}

/// Where a text claim is found.
#[derive(Clone, Debug, Default)]
pub(crate) enum Text {
    #[default]
    Absent,
    /// In the payload, as it stands.
    Plain(u32, u32),
    /// It has escapes, so that its own spelling is not its value.
    Resolved(Box<str>),
}

impl Text {
    /// `None` if there is a value and it is no string.
    fn read(payload: &[u8], place: Option<Place>) -> Option<Self> {
        let Some(place) = place else {
            return Some(Self::Absent);
        };
        if place.plain_text(payload).is_some() {
            return Some(Self::Plain(place.start + 1, place.end - 1));
        }
        json::value(place.raw(payload)).ok().map(Self::Resolved)
    }

    pub(crate) fn in_payload<'a>(&'a self, payload: &'a [u8]) -> Option<&'a str> {
        core::str::from_utf8(self.bytes(payload)?).ok()
    }

    /// The text as bytes, which is enough to compare it.
    pub(crate) fn bytes<'a>(&'a self, payload: &'a [u8]) -> Option<&'a [u8]> {
        match self {
            Self::Absent => None,
            Self::Plain(start, end) => Some(part(payload, *start, *end)),
            Self::Resolved(text) => Some(text.as_bytes()),
        }
    }
}

fn part(payload: &[u8], start: u32, end: u32) -> &[u8] {
    payload
        .get(start as usize..end as usize)
        .unwrap_or_default()
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
