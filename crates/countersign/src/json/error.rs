//! What is wrong with a text.

use alloc::string::{String, ToString as _};
use core::fmt;

use serde::de::{self, Expected, Unexpected};

/// Levels of arrays and objects.
pub(super) const MAX_DEPTH: u8 = 32;

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
