//! What is in an object, and what is in an array, one after the other.

use alloc::borrow::Cow;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer as _, MapAccess, SeqAccess};

use super::error::JsonError;
use super::name::{Name, Names};
use super::reader::Reader;
use super::watch::{Seen, Watch};

/// The members of one object, up to and not including its `}`.
pub(super) struct Members<'a, 'de, W> {
    pub(super) reader: &'a mut Reader<'de, W>,
    pub(super) names: Names,
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
pub(super) struct Elements<'a, 'de, W> {
    pub(super) reader: &'a mut Reader<'de, W>,
    pub(super) first: bool,
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
