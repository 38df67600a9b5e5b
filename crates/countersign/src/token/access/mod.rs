//! The claims of Countersign's own access tokens: as fields, to write a token, and packed, to keep
//! what many tokens say.

mod fields;
mod reading;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt::{self, Debug, Formatter};
use core::ops::Range;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

pub use fields::AccessFields;

pub(crate) use reading::Lent;

use crate::time::UnixTime;
use reading::Reading;

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
    packed: Packed,
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
        self.several(self.first_role()..self.packed.len())
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
        self.packed.text(at)
    }
}

/// Texts in one piece of memory: first where each of them ends, then one behind the other: `iss`,
/// `sub`, `jti`, `client_id`, `scope`, `sid`, `preferred_username`, the recipients, the roles.
#[derive(Clone, PartialEq, Eq)]
struct Packed {
    bytes: Box<[u8]>,
    count: u32,
}

/// What an end takes.
const END: usize = size_of::<u32>();

impl Packed {
    /// Of more than four gigabytes only the ends are kept, so that all of them are empty.
    fn new<'t, I: Iterator<Item = &'t str>>(texts: impl Fn() -> I) -> Self {
        let (count, length) = texts().fold((0, 0), |(count, length), text| {
            (count + 1, length + text.len())
        });
        let is_small = u32::try_from(count * END + length).is_ok();
        let texts = || texts().map(|text| if is_small { text.as_bytes() } else { b"" });
        let mut bytes = Vec::with_capacity(count * END + length);
        let mut end = 0_u32;
        texts().for_each(|text| {
            end = end.saturating_add(u32::try_from(text.len()).unwrap_or_default());
            bytes.extend_from_slice(&end.to_le_bytes());
        });
        texts().for_each(|text| bytes.extend_from_slice(text));
        Self {
            bytes: bytes.into_boxed_slice(),
            count: u32::try_from(count).unwrap_or_default(),
        }
    }

    fn len(&self) -> usize {
        self.count as usize
    }

    fn text(&self, at: usize) -> &str {
        self.find(at).unwrap_or_default()
    }

    fn find(&self, at: usize) -> Option<&str> {
        let (ends, texts) = self.bytes.split_at_checked(self.len() * END)?;
        let end =
            |at: usize| Some(u32::from_le_bytes(*ends.get(at * END..)?.first_chunk()?) as usize);
        let start = match at.checked_sub(1) {
            Some(before) => end(before)?,
            None => 0,
        };
        core::str::from_utf8(texts.get(start..end(at)?)?).ok()
    }
}

impl From<AccessFields<'_>> for AccessClaims {
    /// Copies the texts; if they are more than four gigabytes, all of them become empty.
    fn from(fields: AccessFields<'_>) -> Self {
        Reading::from(fields).into()
    }
}

impl From<Reading<'_>> for AccessClaims {
    fn from(read: Reading<'_>) -> Self {
        let single = [
            &*read.iss.0,
            &*read.sub.0,
            &*read.jti.0,
            &*read.client_id.0,
            &*read.scope.0,
            read.sid.as_ref().map_or("", |text| &*text.0),
            read.preferred_username.as_ref().map_or("", |text| &*text.0),
        ];
        let lists = || read.aud.iter().chain(read.roles.iter());
        Self {
            packed: Packed::new(|| single.into_iter().chain(lists())),
            recipients: u32::try_from(read.aud.len()).unwrap_or_default(),
            has_sid: read.sid.is_some(),
            has_username: read.preferred_username.is_some(),
            exp: read.exp,
            iat: read.iat,
            nbf: read.nbf,
            auth_time: read.auth_time,
        }
    }
}

impl<'de> Deserialize<'de> for AccessClaims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Reading::deserialize(deserializer).map(Self::from)
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
    fn lists_are_of_any_length_and_of_texts_alone() {
        for length in [0, 1, 3, 4, 5, 40] {
            let names: Vec<_> = (0..length).map(|n| alloc::format!("n{n}")).collect();
            let list = serde_json::to_string(&names).unwrap();
            let json = ALL
                .replace(r#"["a","b"]"#, &list)
                .replace(r#"["x","","y"]"#, &list);
            let claims: AccessClaims = serde_json::from_str(&json).unwrap();
            assert!(claims.aud().eq(names.iter().map(|name| &**name)));
            assert!(claims.roles().eq(names.iter().map(|name| &**name)));
            assert_eq!((claims.sid(), claims.iss()), (Some("d"), "i"));
            assert_eq!(AccessClaims::from(claims.fields()), claims);
        }
        for other in [r#""x""#, "null", "{}", "[1]", r#"["x",null]"#] {
            let json = ALL.replace(r#"["x","","y"]"#, other);
            assert!(
                serde_json::from_str::<AccessClaims>(&json).is_err(),
                "{other}"
            );
        }
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
