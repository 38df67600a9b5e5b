//! Strict JSON (RFC 8259 within I-JSON, RFC 7493): the one reader for headers, claims and keys.
//!
//! Refused, at every level and also in values the caller's type skips: repeated names (compared
//! after their escapes are resolved), more than 32 levels, lone surrogates, numbers no double holds,
//! anything after the value, and at the top anything but an object.
//!
//! It is a serde deserialiser of its own because one pass must do three things at once: fill the
//! caller's type (borrowing where it can), prove the above, and note where the registered claims
//! stand, see [`Watch`]. Left out: `serde_json::value::RawValue`, which only works with its own parser.

mod error;
mod members;
mod name;
mod number;
mod reader;
mod text;
mod value;
mod variant;
mod watch;

use alloc::borrow::Cow;
use core::fmt;
use core::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer as _, MapAccess, Visitor};

pub(crate) use error::JsonError;
pub(crate) use watch::{Seen, Unwatched, Watch};

use reader::Reader;

/// Reads one object, from the first byte to the last.
pub(crate) fn object<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, JsonError> {
    watched_object(bytes, &mut Unwatched)
}

/// Reads one object and tells `watch` about each of its members.
pub(crate) fn watched_object<'de, T, W>(bytes: &'de [u8], watch: &mut W) -> Result<T, JsonError>
where
    T: Deserialize<'de>,
    W: Watch,
{
    let mut reader = Reader::new(bytes, watch)?;
    if reader.next_token() != Some(b'{') {
        return Err(JsonError::NotAnObject);
    }
    let value = T::deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Reads one value of any kind: the part of a text that an earlier pass already found sound.
pub(crate) fn value<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, JsonError> {
    let mut reader = Reader::new(bytes, Unwatched)?;
    let value = T::deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Reads one member of an object; a member that is `null` counts as absent.
pub(crate) fn member<'de, T: Deserialize<'de>>(
    bytes: &'de [u8],
    name: &str,
) -> Result<Option<T>, JsonError> {
    let mut reader = Reader::new(bytes, Unwatched)?;
    let found = reader.deserialize_map(OneMember {
        name,
        of: PhantomData,
    })?;
    reader.end()?;
    Ok(found.flatten())
}

struct OneMember<'n, T> {
    name: &'n str,
    of: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneMember<'_, T> {
    type Value = Option<Option<T>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            if name == self.name {
                found = Some(members.next_value()?);
            } else {
                members.next_value::<de::IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}
