//! The claims of an access token as they stand in it, on the way to where they are kept.
//!
//! It is read for nearly every request that a guard has not seen before. So what stands as it is is
//! borrowed, and short lists need no memory of their own.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Formatter};

use serde::de::{Deserializer, SeqAccess, Visitor};

use super::fields::AccessFields;
use crate::time::UnixTime;

/// What stands in a token; the names are those of the claims.
#[derive(serde::Deserialize)]
pub(super) struct Reading<'a> {
    #[serde(borrow)]
    pub(super) iss: Lent<'a>,
    #[serde(borrow)]
    pub(super) sub: Lent<'a>,
    #[serde(borrow, deserialize_with = "one_or_more")]
    pub(super) aud: Few<'a>,
    pub(super) exp: UnixTime,
    pub(super) iat: UnixTime,
    #[serde(default)]
    pub(super) nbf: Option<UnixTime>,
    #[serde(borrow)]
    pub(super) jti: Lent<'a>,
    #[serde(borrow)]
    pub(super) client_id: Lent<'a>,
    #[serde(borrow, default)]
    pub(super) scope: Lent<'a>,
    #[serde(borrow, default)]
    pub(super) sid: Option<Lent<'a>>,
    #[serde(default)]
    pub(super) auth_time: Option<UnixTime>,
    #[serde(borrow, default, deserialize_with = "array")]
    pub(super) roles: Few<'a>,
    #[serde(borrow, default)]
    pub(super) preferred_username: Option<Lent<'a>>,
}

/// A text that is borrowed where it stands as it is.
#[derive(Default, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Lent<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// A list of texts, of which the first few need no memory.
#[derive(Default)]
pub(super) struct Few<'a> {
    first: [Lent<'a>; 4],
    count: usize,
    more: Vec<Lent<'a>>,
}

impl<'a> Few<'a> {
    fn push(&mut self, text: Lent<'a>) {
        match self.first.get_mut(self.count) {
            Some(free) => *free = text,
            None => self.more.push(text),
        }
        self.count += 1;
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        let first = self.first.iter().take(self.count);
        first.chain(&self.more).map(|text| &*text.0)
    }
}

impl<'a> FromIterator<Cow<'a, str>> for Few<'a> {
    fn from_iter<I: IntoIterator<Item = Cow<'a, str>>>(texts: I) -> Self {
        let mut few = Self::default();
        texts.into_iter().for_each(|text| few.push(Lent(text)));
        few
    }
}

impl<'a> From<AccessFields<'a>> for Reading<'a> {
    fn from(fields: AccessFields<'a>) -> Self {
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
        Self {
            iss: Lent(iss),
            sub: Lent(sub),
            aud: aud.into_iter().collect(),
            exp,
            iat,
            nbf,
            jti: Lent(jti),
            client_id: Lent(client_id),
            scope: Lent(scope),
            sid: sid.map(Lent),
            auth_time,
            roles: roles.into_iter().collect(),
            preferred_username: preferred_username.map(Lent),
        }
    }
}

fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Few<'de>, D::Error> {
    deserializer.deserialize_any(Texts { one: true })
}

fn array<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Few<'de>, D::Error> {
    deserializer.deserialize_seq(Texts { one: false })
}

/// An array of strings, or also a single string.
struct Texts {
    one: bool,
}

impl Texts {
    fn single<'de, E: serde::de::Error>(&self, text: Cow<'de, str>) -> Result<Few<'de>, E> {
        if !self.one {
            return Err(E::invalid_type(serde::de::Unexpected::Str(&text), self));
        }
        let mut few = Few::default();
        few.push(Lent(text));
        Ok(few)
    }
}

impl<'de> Visitor<'de> for Texts {
    type Value = Few<'de>;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.one {
            "a string or an array of strings"
        } else {
            "an array of strings"
        })
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, one: &'de str) -> Result<Few<'de>, E> {
        self.single(one.into())
    }

    fn visit_str<E: serde::de::Error>(self, one: &str) -> Result<Few<'de>, E> {
        self.single(String::from(one).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut several: A) -> Result<Few<'de>, A::Error> {
        let mut few = Few::default();
        while let Some(text) = several.next_element()? {
            few.push(text);
        }
        Ok(few)
    }
}
