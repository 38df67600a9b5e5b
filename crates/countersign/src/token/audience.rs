//! The claim `aud`, which is one string or several.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

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

/// A string or an array of strings, looked at without keeping it.
pub(super) struct AudienceShape;

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
