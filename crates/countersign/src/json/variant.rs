//! Enums as serde writes them in JSON: `{"variant": value}`.

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer as _, EnumAccess, IntoDeserializer as _,
    VariantAccess, Visitor,
};

use super::error::JsonError;
use super::reader::Reader;
use super::watch::Watch;

/// The one member of the object, its `{` already read.
pub(super) struct Variant<'a, 'de, W> {
    pub(super) reader: &'a mut Reader<'de, W>,
}

impl<'de, W: Watch> EnumAccess<'de> for Variant<'_, 'de, W> {
    type Error = JsonError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), JsonError> {
        let name = self.reader.string()?;
        self.reader.expect(b':')?;
        let variant = seed.deserialize(name.into_deserializer())?;
        Ok((variant, self))
    }
}

impl<'de, W: Watch> VariantAccess<'de> for Variant<'_, 'de, W> {
    type Error = JsonError;

    fn unit_variant(self) -> Result<(), JsonError> {
        Deserialize::deserialize(self.reader)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, JsonError> {
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, JsonError> {
        self.reader.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.reader.deserialize_any(visitor)
    }
}
