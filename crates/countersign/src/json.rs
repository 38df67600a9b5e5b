//! Strict JSON (RFC 8259 within I-JSON, RFC 7493): the one reader for headers, claims and keys.
//!
//! Refused, at every level and also in values the caller's type skips: repeated names (compared
//! after their escapes are resolved), more than 32 levels, lone surrogates, numbers no double holds,
//! anything after the value, and at the top anything but an object.
//!
//! It is a serde deserialiser of its own because one pass must do three things at once: fill the
//! caller's type (borrowing where it can), prove the above, and note where the registered claims
//! stand, see [`Watch`]. Left out: `serde_json::value::RawValue`, which only works with its own parser.

mod name;
mod number;
mod text;
mod variant;

use alloc::borrow::Cow;
use alloc::string::{String, ToString as _};
use core::fmt;
use core::marker::PhantomData;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, Expected, IntoDeserializer as _, MapAccess,
    SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use self::name::{Name, Names};
use self::number::Number;
use self::variant::Variant;
use crate::find;

/// Levels of arrays and objects.
const MAX_DEPTH: u8 = 32;

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

/// Is told about the members of the outermost object.
pub(crate) trait Watch {
    /// The name of the member that comes next. Whoever knows it gives it a number below 64, the same
    /// each time and no other name's.
    fn name(&mut self, name: &str) -> Option<u8>;
    /// Where the value of the member named last stands in the text, and what was noticed about it.
    fn value(&mut self, start: usize, end: usize, seen: Seen);
}

/// What the reader noticed about a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seen {
    /// A string that stands for itself: there is no escape in it.
    PlainText,
    /// A number of digits alone.
    Whole(u64),
    /// Anything else.
    Other,
}

impl<W: Watch> Watch for &mut W {
    #[inline]
    fn name(&mut self, name: &str) -> Option<u8> {
        (**self).name(name)
    }

    #[inline]
    fn value(&mut self, start: usize, end: usize, seen: Seen) {
        (**self).value(start, end, seen);
    }
}

/// Nobody listens.
pub(crate) struct Unwatched;

impl Watch for Unwatched {
    fn name(&mut self, _: &str) -> Option<u8> {
        None
    }
    fn value(&mut self, _: usize, _: usize, _: Seen) {}
}

/// Why a text is not strict JSON, or not of the wanted type. It quotes nothing of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JsonError {
    #[error("not well-formed JSON")]
    Syntax,
    #[error("more than {MAX_DEPTH} levels of arrays and objects")]
    TooDeep,
    #[error("a name occurs twice in one object")]
    RepeatedName,
    #[error("not a JSON object")]
    NotAnObject,
    #[error("the member `{0}` is missing")]
    MissingField(&'static str),
    #[error("a value has the wrong type, {0} was expected")]
    Expected(String),
    #[error("a value does not fit its type")]
    Unfit,
}

impl de::Error for JsonError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Unfit
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Expected(expected.to_string())
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Expected(expected.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::MissingField(field)
    }

    fn duplicate_field(_: &'static str) -> Self {
        Self::RepeatedName
    }
}

struct Reader<'de, W> {
    text: &'de str,
    /// Whether no string in it has an escape.
    plain: bool,
    at: usize,
    depth: u8,
    /// About the last string or number.
    seen: Seen,
    watch: W,
}

impl<'de, W: Watch> Reader<'de, W> {
    fn new(bytes: &'de [u8], watch: W) -> Result<Self, JsonError> {
        let text = core::str::from_utf8(bytes).map_err(|_| JsonError::Syntax)?;
        Ok(Self {
            text,
            plain: text::is_plain(bytes),
            at: 0,
            depth: 0,
            seen: Seen::Other,
            watch,
        })
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is not white space; it stays unread.
    #[inline]
    fn next_token(&mut self) -> Option<u8> {
        match self.peek() {
            Some(byte) if byte > b' ' => Some(byte),
            _ => self.next_token_after_space(),
        }
    }

    #[cold]
    fn next_token_after_space(&mut self) -> Option<u8> {
        while let Some(byte) = self.peek() {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    #[inline]
    fn expect(&mut self, wanted: u8) -> Result<(), JsonError> {
        if self.next_token() == Some(wanted) {
            self.at += 1;
            Ok(())
        } else {
            Err(JsonError::Syntax)
        }
    }

    fn end(&mut self) -> Result<(), JsonError> {
        if self.next_token().is_none() {
            Ok(())
        } else {
            Err(JsonError::Syntax)
        }
    }

    #[inline]
    fn word(&mut self, word: &str) -> Result<(), JsonError> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else {
            Err(JsonError::Syntax)
        }
    }

    #[inline]
    fn string(&mut self) -> Result<Cow<'de, str>, JsonError> {
        if self.plain && self.peek() == Some(b'"') {
            let start = self.at + 1;
            let end = find::byte(self.text.as_bytes(), start, b'"');
            if end < self.text.len()
                && let Some(plain) = self.text.get(start..end)
            {
                self.at = end + 1;
                self.seen = Seen::PlainText;
                return Ok(Cow::Borrowed(plain));
            }
        }
        self.any_string()
    }

    #[cold]
    fn any_string(&mut self) -> Result<Cow<'de, str>, JsonError> {
        self.expect(b'"')?;
        let (value, end) = text::read(self.text, self.at)?;
        self.at = end;
        self.seen = match value {
            Cow::Borrowed(_) => Seen::PlainText,
            Cow::Owned(_) => Seen::Other,
        };
        Ok(value)
    }

    #[inline]
    fn number(&mut self) -> Result<Number, JsonError> {
        let (number, end) = number::read(self.text, self.at)?;
        self.at = end;
        self.seen = match number {
            Number::Positive(whole) => Seen::Whole(whole),
            _ => Seen::Other,
        };
        Ok(number)
    }

    #[inline]
    fn deeper(&mut self) -> Result<(), JsonError> {
        if self.depth == MAX_DEPTH {
            return Err(JsonError::TooDeep);
        }
        self.depth += 1;
        Ok(())
    }

    /// Reads an object whose `{` is next.
    fn map<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, JsonError> {
        self.at += 1;
        self.deeper()?;
        let mut members = Members {
            reader: self,
            names: Names::default(),
        };
        let value = visitor.visit_map(&mut members)?;
        // A visitor may stop early; what it left unread must be sound all the same.
        while members
            .next_entry::<de::IgnoredAny, de::IgnoredAny>()?
            .is_some()
        {}
        self.at += 1;
        self.depth -= 1;
        Ok(value)
    }

    /// Reads an array whose `[` is next.
    fn seq<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, JsonError> {
        self.at += 1;
        self.deeper()?;
        let mut elements = Elements {
            reader: self,
            first: true,
        };
        let value = visitor.visit_seq(&mut elements)?;
        if elements.next_element::<de::IgnoredAny>()?.is_some() {
            return Err(JsonError::Expected("a shorter array".to_string()));
        }
        self.at += 1;
        self.depth -= 1;
        Ok(value)
    }
}

impl<'de, W: Watch> Deserializer<'de> for &mut Reader<'de, W> {
    type Error = JsonError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.next_token().ok_or(JsonError::Syntax)? {
            b'"' => match self.string()? {
                Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
                Cow::Owned(text) => visitor.visit_string(text),
            },
            b'{' => self.map(visitor),
            b'[' => self.seq(visitor),
            b't' => {
                self.word("true")?;
                visitor.visit_bool(true)
            }
            b'f' => {
                self.word("false")?;
                visitor.visit_bool(false)
            }
            b'n' => {
                self.word("null")?;
                visitor.visit_unit()
            }
            _ => match self.number()? {
                Number::Positive(number) => visitor.visit_u64(number),
                Number::Negative(number) => visitor.visit_i64(number),
                Number::Float(number) => visitor.visit_f64(number),
            },
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        if self.next_token() == Some(b'n') {
            self.word("null")?;
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        match self.next_token() {
            Some(b'"') => visitor.visit_enum(self.string()?.into_deserializer()),
            Some(b'{') => {
                self.at += 1;
                self.deeper()?;
                let value = visitor.visit_enum(Variant { reader: self })?;
                self.expect(b'}')?;
                self.depth -= 1;
                Ok(value)
            }
            _ => Err(JsonError::Expected("a string or an object".to_string())),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// The members of one object, up to and not including its `}`.
struct Members<'a, 'de, W> {
    reader: &'a mut Reader<'de, W>,
    names: Names,
}

impl<'de, W: Watch> MapAccess<'de> for Members<'_, 'de, W> {
    type Error = JsonError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, JsonError> {
        match self.reader.next_token() {
            Some(b'}') => return Ok(None),
            Some(b',') if !self.names.is_empty() => {
                self.reader.at += 1;
                self.reader.next_token();
            }
            Some(b'"') if self.names.is_empty() => {}
            _ => return Err(JsonError::Syntax),
        }
        let start = self.reader.at + 1;
        let name = self.reader.string()?;
        let end = self.reader.at - 1;
        self.reader.expect(b':')?;
        let known = match self.reader.depth {
            1 => self.reader.watch.name(&name),
            _ => None,
        };
        if let Some(number) = known {
            self.names.insert_known(number)?;
        } else {
            let as_read = match &name {
                Cow::Borrowed(name) => Name::Plain(name),
                Cow::Owned(name) => Name::Resolved(name),
            };
            self.names.insert(self.reader.text, as_read, (start, end))?;
        }
        match name {
            Cow::Borrowed(name) => seed
                .deserialize(BorrowedStrDeserializer::new(name))
                .map(Some),
            Cow::Owned(name) => seed.deserialize(name.into_deserializer()).map(Some),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, JsonError> {
        let first = self.reader.next_token();
        let start = self.reader.at;
        let value = seed.deserialize(&mut *self.reader)?;
        if self.reader.depth == 1 {
            let noticed = match first {
                Some(b'"' | b'0'..=b'9') => self.reader.seen,
                _ => Seen::Other,
            };
            self.reader.watch.value(start, self.reader.at, noticed);
        }
        Ok(value)
    }
}

/// The elements of one array, up to and not including its `]`.
struct Elements<'a, 'de, W> {
    reader: &'a mut Reader<'de, W>,
    first: bool,
}

impl<'de, W: Watch> SeqAccess<'de> for Elements<'_, 'de, W> {
    type Error = JsonError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, JsonError> {
        match self.reader.next_token() {
            Some(b']') => return Ok(None),
            Some(_) if self.first => self.first = false,
            Some(b',') => self.reader.at += 1,
            _ => return Err(JsonError::Syntax),
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }
}
