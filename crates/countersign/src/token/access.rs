//! The claims of Countersign's own access tokens: as fields, to write a token, and packed, to keep
//! what many tokens say.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::{self, Debug, Formatter};
use core::ops::Range;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::time::UnixTime;

/// The claims of an access token by RFC 9068, with those that Countersign adds (`sid`, `roles`,
/// `preferred_username`).
///
/// Any other serde type can stand in its place; this is the default of the guard, which may
/// remember a hundred thousand of them. So all texts rest in one piece of memory.
///
/// ```
/// use countersign::{AccessClaims, AccessFields, UnixTime};
///
/// let claims = AccessClaims::from(AccessFields {
///     iss: "https://login.example".into(),
///     sub: "7d4a1c52".into(),
///     aud: vec!["https://api.example".into()],
///     exp: UnixTime::from_secs(1_700_000_600),
///     iat: UnixTime::from_secs(1_700_000_000),
///     nbf: None,
///     jti: "e2b9a7f0".into(),
///     client_id: "web".into(),
///     scope: "orders:read".into(),
///     sid: None,
///     auth_time: None,
///     roles: vec!["clerk".into(), "admin".into()],
///     preferred_username: Some("ada".into()),
/// });
/// assert_eq!(claims.sub(), "7d4a1c52");
/// assert_eq!(claims.preferred_username(), Some("ada"));
/// assert!(claims.roles().eq(["clerk", "admin"]));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct AccessClaims {
    /// One behind the other: `iss`, `sub`, `jti`, `client_id`, `scope`, `sid`,
    /// `preferred_username`, the recipients, the roles.
    texts: Box<str>,
    /// Where each of them ends.
    ends: Box<[u32]>,
    recipients: u32,
    has_sid: bool,
    has_username: bool,
    exp: UnixTime,
    iat: UnixTime,
    nbf: Option<UnixTime>,
    auth_time: Option<UnixTime>,
}

const ISS: usize = 0;
const SUB: usize = 1;
const JTI: usize = 2;
const CLIENT_ID: usize = 3;
const SCOPE: usize = 4;
const SID: usize = 5;
const USERNAME: usize = 6;
const RECIPIENTS: usize = 7;

impl AccessClaims {
    /// Who issued the token: a URL.
    pub fn iss(&self) -> &str {
        self.text(ISS)
    }

    /// Whom the token is about: the user's or the client's id.
    pub fn sub(&self) -> &str {
        self.text(SUB)
    }

    /// Whom the token is for.
    pub fn aud(&self) -> impl Iterator<Item = &str> {
        self.several(RECIPIENTS..self.first_role())
    }

    /// From when on the token counts no more.
    pub fn exp(&self) -> UnixTime {
        self.exp
    }

    /// When the token was issued.
    pub fn iat(&self) -> UnixTime {
        self.iat
    }

    /// Before when the token does not count yet.
    pub fn nbf(&self) -> Option<UnixTime> {
        self.nbf
    }

    /// The token's own id.
    pub fn jti(&self) -> &str {
        self.text(JTI)
    }

    /// The client that asked for the token.
    pub fn client_id(&self) -> &str {
        self.text(CLIENT_ID)
    }

    /// Whether the client has the token in its own name: no user stands behind it (RFC 9068 §2.2).
    pub fn is_clients_own(&self) -> bool {
        self.sub() == self.client_id()
    }

    /// What the token allows: words with a space between them (RFC 6749 §3.3).
    pub fn scope(&self) -> &str {
        self.text(SCOPE)
    }

    /// The session the token belongs to.
    pub fn sid(&self) -> Option<&str> {
        self.has_sid.then(|| self.text(SID))
    }

    /// When the user last proved who they are.
    pub fn auth_time(&self) -> Option<UnixTime> {
        self.auth_time
    }

    /// The user's roles.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.several(self.first_role()..self.ends.len())
    }

    /// The name the user signs in with.
    pub fn preferred_username(&self) -> Option<&str> {
        self.has_username.then(|| self.text(USERNAME))
    }

    /// All of them as plain fields.
    pub fn fields(&self) -> AccessFields<'_> {
        AccessFields {
            iss: self.iss().into(),
            sub: self.sub().into(),
            aud: self.aud().map(Cow::from).collect(),
            exp: self.exp,
            iat: self.iat,
            nbf: self.nbf,
            jti: self.jti().into(),
            client_id: self.client_id().into(),
            scope: self.scope().into(),
            sid: self.sid().map(Cow::from),
            auth_time: self.auth_time,
            roles: self.roles().map(Cow::from).collect(),
            preferred_username: self.preferred_username().map(Cow::from),
        }
    }

    fn first_role(&self) -> usize {
        RECIPIENTS + self.recipients as usize
    }

    fn several(&self, which: Range<usize>) -> impl Iterator<Item = &str> {
        which.map(|at| self.text(at))
    }

    fn text(&self, at: usize) -> &str {
        let start = match at.checked_sub(1) {
            Some(before) => self.ends.get(before).copied(),
            None => Some(0),
        };
        let range = start
            .zip(self.ends.get(at))
            .map(|(start, end)| start as usize..*end as usize);
        range
            .and_then(|range| self.texts.get(range))
            .unwrap_or_default()
    }
}

impl From<AccessFields<'_>> for AccessClaims {
    /// Copies the texts; what exceeds four gigabytes of them is cut off.
    fn from(fields: AccessFields<'_>) -> Self {
        let AccessFields {
            iss,
            sub,
            aud,
            exp,
            iat,
            nbf,
            jti,
            client_id,
            scope,
            sid,
            auth_time,
            roles,
            preferred_username,
        } = fields;
        let (has_sid, has_username) = (sid.is_some(), preferred_username.is_some());
        let (sid, username) = (
            sid.unwrap_or_default(),
            preferred_username.unwrap_or_default(),
        );
        let single = [iss, sub, jti, client_id, scope, sid, username];
        let all = || single.iter().chain(&aud).chain(&roles).map(|text| &**text);
        let mut texts = String::with_capacity(all().map(str::len).sum());
        let mut ends = Vec::with_capacity(single.len() + aud.len() + roles.len());
        for text in all() {
            if u32::try_from(texts.len() + text.len()).is_ok() {
                texts.push_str(text);
            }
            ends.push(u32::try_from(texts.len()).unwrap_or(u32::MAX));
        }
        Self {
            texts: texts.into(),
            ends: ends.into(),
            recipients: u32::try_from(aud.len()).unwrap_or(u32::MAX),
            has_sid,
            has_username,
            exp,
            iat,
            nbf,
            auth_time,
        }
    }
}

impl<'de> Deserialize<'de> for AccessClaims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        AccessFields::deserialize(deserializer).map(Self::from)
    }
}

impl Serialize for AccessClaims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fields().serialize(serializer)
    }
}

impl Debug for AccessClaims {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.fields().fmt(f)
    }
}

/// The claims of an access token as plain fields, to write one; what they mean is said at
/// [`AccessClaims`], which holds them once they are read.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "said at `AccessClaims`")]
pub struct AccessFields<'a> {
    #[serde(borrow)]
    pub iss: Cow<'a, str>,
    #[serde(borrow)]
    pub sub: Cow<'a, str>,
    #[serde(borrow, with = "recipients")]
    pub aud: Vec<Cow<'a, str>>,
    pub exp: UnixTime,
    pub iat: UnixTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<UnixTime>,
    #[serde(borrow)]
    pub jti: Cow<'a, str>,
    #[serde(borrow)]
    pub client_id: Cow<'a, str>,
    #[serde(borrow, default)]
    pub scope: Cow<'a, str>,
    #[serde(
        borrow,
        default,
        deserialize_with = "text_or_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub sid: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<UnixTime>,
    #[serde(
        borrow,
        default,
        deserialize_with = "array",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub roles: Vec<Cow<'a, str>>,
    #[serde(
        borrow,
        default,
        deserialize_with = "text_or_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub preferred_username: Option<Cow<'a, str>>,
}

/// The claim `aud`: one string or an array of strings (RFC 7519 §4.1.3).
mod recipients {
    use super::{Cow, Deserializer, OneOrMore, Serialize, Serializer, Vec};

    pub(super) fn serialize<S: Serializer>(
        all: &Vec<Cow<'_, str>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match all.as_slice() {
            [one] => serializer.serialize_str(one),
            several => several.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Cow<'de, str>>, D::Error> {
        deserializer.deserialize_any(OneOrMore)
    }
}

fn array<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Cow<'de, str>>, D::Error> {
    Vec::<Lent<'de>>::deserialize(deserializer)
        .map(|texts| texts.into_iter().map(|text| text.0).collect())
}

fn text_or_null<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Cow<'de, str>>, D::Error> {
    Option::<Lent<'de>>::deserialize(deserializer).map(|text| text.map(|text| text.0))
}

/// A text that is borrowed where it stands as it is.
#[derive(serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Lent<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

struct OneOrMore;

impl<'de> Visitor<'de> for OneOrMore {
    type Value = Vec<Cow<'de, str>>;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array of strings")
    }

    fn visit_borrowed_str<E>(self, one: &'de str) -> Result<Self::Value, E> {
        Ok(vec![one.into()])
    }

    fn visit_str<E>(self, one: &str) -> Result<Self::Value, E> {
        Ok(vec![String::from(one).into()])
    }

    fn visit_string<E>(self, one: String) -> Result<Self::Value, E> {
        Ok(vec![one.into()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut several: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Lent(one)) = several.next_element()? {
            all.push(one);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = r#"{"iss":"i","sub":"s","aud":["a","b"],"exp":600,"iat":0,"nbf":1,"jti":"j","client_id":"c","scope":"r w","sid":"d","auth_time":2,"roles":["x","","y"],"preferred_username":"n"}"#;
    const FEW: &str =
        r#"{"iss":"i","sub":"s","aud":"a","exp":600,"iat":0,"jti":"j","client_id":"c","scope":""}"#;

    #[test]
    fn what_is_read_is_what_is_written() {
        for json in [ALL, FEW] {
            let claims: AccessClaims = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&claims).unwrap(), json);
            assert_eq!(serde_json::to_string(&claims.fields()).unwrap(), json);
            assert_eq!(AccessClaims::from(claims.fields()), claims);
        }
    }

    #[test]
    fn each_claim_is_found_at_its_place() {
        let claims: AccessClaims = serde_json::from_str(ALL).unwrap();
        assert_eq!((claims.iss(), claims.sub(), claims.jti()), ("i", "s", "j"));
        assert_eq!((claims.client_id(), claims.scope()), ("c", "r w"));
        assert_eq!(
            (claims.sid(), claims.preferred_username()),
            (Some("d"), Some("n"))
        );
        assert!(claims.aud().eq(["a", "b"]));
        assert!(claims.roles().eq(["x", "", "y"]));
        let dates = [claims.exp(), claims.iat()].map(UnixTime::as_secs);
        assert_eq!(dates, [600, 0]);
        let dates = [claims.nbf(), claims.auth_time()].map(|date| date.map(UnixTime::as_secs));
        assert_eq!(dates, [Some(1), Some(2)]);
    }

    #[test]
    fn what_is_absent_is_not_an_empty_text() {
        let claims: AccessClaims = serde_json::from_str(FEW).unwrap();
        assert_eq!((claims.sid(), claims.preferred_username()), (None, None));
        assert_eq!((claims.nbf(), claims.auth_time()), (None, None));
        assert_eq!(claims.roles().count(), 0);
        let empty = FEW.replace(r#""scope":"""#, r#""sid":"""#);
        let claims: AccessClaims = serde_json::from_str(&empty).unwrap();
        assert_eq!((claims.sid(), claims.scope()), (Some(""), ""));
    }

    #[test]
    fn escapes_are_resolved_and_borrowed_or_not_is_one() {
        let json = ALL.replace("\"r w\"", r#""\u00e9\n""#);
        let borrowed: AccessClaims = serde_json::from_str(&json).unwrap();
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        let owned: AccessClaims = serde_json::from_value(value).unwrap();
        assert_eq!(borrowed.scope(), "é\n");
        assert_eq!(borrowed, owned);
    }

    #[test]
    fn a_claim_that_must_be_there_is_asked_for() {
        for name in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"] {
            let mut value: serde_json::Value = serde_json::from_str(ALL).unwrap();
            value.as_object_mut().unwrap().remove(name);
            assert!(
                serde_json::from_value::<AccessClaims>(value).is_err(),
                "{name}"
            );
        }
    }
}
