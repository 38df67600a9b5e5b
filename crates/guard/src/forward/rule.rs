//! One rule: a path, methods, and what is asked; and what makes it none.

use std::fmt::{self, Debug, Formatter};

use countersign::AccessClaims;
use http::Method;
use thiserror::Error;

use super::methods::is_known;
use super::path::PlainPath;
use crate::require::Requirements;

/// What a request must bring.
pub enum Access<C = AccessClaims> {
    /// Nothing. A token is not looked at, and whoever sent it is nobody to the service behind.
    Public,
    /// Nothing; but a token that is there must be good, and its bearer is told to the service.
    Optional,
    /// A good token of a caller who meets these requirements.
    Caller(Requirements<C>),
    /// Nobody may.
    Closed,
}

/// One rule of a [`Policy`](super::Policy).
pub struct Rule<C = AccessClaims> {
    path: String,
    methods: Vec<Method>,
    access: Access<C>,
}

impl<C> Rule<C> {
    /// For this path and all below it, in whole segments; `/` is everything. It is taken as it
    /// stands: what looks like a pattern (`/admin/*`, `/users/{id}`) is no path, which
    /// [`Policy::by_path`](super::Policy::by_path) says.
    pub fn new(path: impl Into<String>, access: Access<C>) -> Self {
        Self {
            path: path.into(),
            methods: Vec::new(),
            access,
        }
    }

    /// Only for these methods; `GET` is `HEAD` as well. May be called several times.
    #[must_use]
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.methods.extend(methods);
        self
    }
}

/// A rule, checked.
pub(super) struct Ready<C> {
    /// Its path as it was given.
    pub(super) text: String,
    pub(super) path: PlainPath,
    pub(super) folded: PlainPath,
    /// None of them: every method.
    pub(super) methods: Vec<Method>,
    pub(super) access: Access<C>,
}

/// Why rules are none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The path can be read in more than one way.
    #[error(
        "'{path}' is not a plain path: it must begin with '/', and hold no '.' or '..' segments, no \
         doubled slashes, and neither ';', '\\', '?', '#' nor encoded forms of them or of '/' and '%'; \
         spaces and letters beyond ASCII are written percent-encoded, 'é' as %C3%A9"
    )]
    Path {
        /// As it was given.
        path: String,
    },
    /// The path has what other software takes for a pattern. Taken as it stands, it would hold of no
    /// request, and what it was to protect would be open.
    #[error(
        "'{path}' looks like a pattern, and a rule's path is taken as it stands: it covers all below \
         it already, so name it up to where the pattern begins; a character that really is in the \
         path is written percent-encoded, '*' as %2A"
    )]
    Pattern {
        /// As it was given.
        path: String,
    },
    /// Two rules are for the same requests, at most told apart by upper and lower case.
    #[error(
        "two rules are for {method} at '{path}' (upper and lower case do not tell paths apart)"
    )]
    Twice {
        /// As the second of them has it.
        path: String,
        /// A method that both of them name, or every method.
        method: String,
    },
    /// The method is none that is registered (RFC 9110 §16.1.1), or not in capitals.
    #[error(
        "'{method}' is not a method of HTTP that is registered: they are written in capitals, such as \
         GET; a rule without methods is for all of them"
    )]
    Method {
        /// As it was given.
        method: String,
    },
    /// A rule asks something of some methods, and nothing says what the others are asked: what is asked
    /// above its path lets them in without a token. To forget a method would be to open it.
    #[error(
        "the rule for '{path}' is for some methods only, and all others need no token there, by what is \
         said of the paths above it: say what they need with a rule for '{path}' without methods, such \
         as access = \"closed\""
    )]
    OpenElse {
        /// As the rule has it.
        path: String,
    },
}

impl<C> Ready<C> {
    pub(super) fn check(rule: Rule<C>) -> Result<Self, PolicyError> {
        let Rule {
            path,
            mut methods,
            access,
        } = rule;
        if is_pattern(&path) {
            return Err(PolicyError::Pattern { path });
        }
        if let Some(method) = methods.iter().find(|method| !is_known(method)) {
            let method = method.to_string();
            return Err(PolicyError::Method { method });
        }
        // HEAD is GET without the content (RFC 9110 §9.3.2).
        if methods.contains(&Method::GET) && !methods.contains(&Method::HEAD) {
            methods.push(Method::HEAD);
        }
        match PlainPath::parse(&path) {
            Ok(plain) => Ok(Self {
                text: path,
                folded: plain.folded(),
                path: plain,
                methods,
                access,
            }),
            Err(_) => Err(PolicyError::Path { path }),
        }
    }

    /// A method for which both would decide.
    pub(super) fn clashes(&self, other: &Self) -> Option<String> {
        if self.folded != other.folded || self.methods.is_empty() != other.methods.is_empty() {
            return None;
        }
        if self.methods.is_empty() {
            return Some("every method".to_owned());
        }
        let common = |method: &&Method| other.methods.contains(method);
        self.methods.iter().find(common).map(Method::to_string)
    }
}

/// Whether somebody means more by it than it says: wildcards, regular expressions, parameters as
/// frameworks write them (`{id}`, `<id>`, `[id]`, `:id`).
fn is_pattern(path: &str) -> bool {
    path.contains(['*', '{', '}', '<', '>', '[', ']', '|', '^'])
        || path.contains(".+")
        || path.ends_with('$')
        || path.split('/').any(|segment| segment.starts_with(':'))
}

impl<C> Access<C> {
    /// Whether it lets in who brings no token.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Public | Self::Optional)
    }
}

impl<C> Debug for Access<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("Public"),
            Self::Optional => f.write_str("Optional"),
            Self::Caller(requirements) => f.debug_tuple("Caller").field(requirements).finish(),
            Self::Closed => f.write_str("Closed"),
        }
    }
}

impl<C> Debug for Rule<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("path", &self.path)
            .field("methods", &self.methods)
            .field("access", &self.access)
            .finish()
    }
}
