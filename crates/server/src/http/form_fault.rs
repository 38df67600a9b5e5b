//! What can be wrong with a form.

/// Why a form is not what an OAuth endpoint takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FormFault {
    /// Parameters stand in the URL, where logs have them.
    InUrl,
    /// The body is declared as something else than a form.
    NotAForm,
    /// It is not percent-encoded UTF-8.
    Malformed,
    /// A parameter is given more than once.
    Repeated,
    /// A parameter is not given, or without a value.
    Missing(&'static str),
    /// The client says who it is in more than one way.
    SeveralProofs,
    /// The grant type is none that this server has.
    UnsupportedGrantType,
}
