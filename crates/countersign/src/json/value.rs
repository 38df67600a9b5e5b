//! One value of any kind, as serde asks for it.

use alloc::borrow::Cow;
use alloc::string::ToString as _;

use serde::de::{
    self, Deserializer, IntoDeserializer as _, MapAccess as _, SeqAccess as _, Visitor,
};
use serde::forward_to_deserialize_any;

use super::error::JsonError;
use super::members::{Elements, Members};
use super::name::Names;
use super::number::Number;
use super::reader::Reader;
use super::variant::Variant;
use super::watch::Watch;

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

impl<'de, W: Watch> Reader<'de, W> {
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
