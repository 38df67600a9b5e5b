//! What can go wrong between a guard and its issuer.

use std::error::Error as StdError;
use std::iter;
use std::time::Duration;

use thiserror::Error;

/// Why an issuer cannot be followed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FollowError {
    /// Something could not be fetched.
    #[error("cannot fetch the issuer's {what}: {error}")]
    Fetch {
        /// `metadata`, `keys` or `revocations`.
        what: &'static str,
        /// Why not.
        #[source]
        error: FetchError,
    },
    /// What was found at the issuer's address is not metadata.
    #[error("what is at {url} is not an issuer's metadata: {problem}")]
    NotMetadata {
        /// The address.
        url: String,
        /// What the reader of JSON says.
        problem: String,
    },
    /// The metadata are another issuer's. The two names are compared as they are, to the last
    /// slash.
    #[error(
        "the guard was told to trust the issuer '{expected}', but the metadata found there are of \
         '{found}'; both must be the same to the last character"
    )]
    OtherIssuer {
        /// What the guard was told.
        expected: String,
        /// What the metadata say.
        found: String,
    },
    /// There is no key for checking signatures in the set.
    #[error("there is no key for checking signatures at {url}")]
    NoUsableKey {
        /// Where the set is.
        url: String,
    },
    /// There are more keys than any issuer needs.
    #[error("there are more than {limit} keys at {url}")]
    TooManyKeys {
        /// Where the set is.
        url: String,
        /// How many are allowed.
        limit: usize,
    },
}

impl FollowError {
    /// Whether it may be otherwise in a moment, without anybody changing a setting.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Fetch { error, .. } => match error {
                FetchError::Connection(_) | FetchError::Timeout { .. } => true,
                FetchError::Status { status, .. } => *status >= 500,
                _ => false,
            },
            _ => false,
        }
    }

    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Fetch { error, .. } => error.code(),
            Self::NotMetadata { .. } => "not_metadata",
            Self::OtherIssuer { .. } => "other_issuer",
            Self::NoUsableKey { .. } => "no_usable_key",
            Self::TooManyKeys { .. } => "too_many_keys",
        }
    }
}

/// Why a fetch failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The address is none, or one nothing is fetched from.
    #[error("the address is not usable: {problem}")]
    BadUrl {
        /// What is wrong with it.
        problem: String,
    },
    /// The address is not encrypted, and on another machine or of an issuer that is.
    #[error("{url} is plain HTTP, where anybody in between could answer; use https")]
    PlainHttp {
        /// The address.
        url: String,
    },
    /// There is nobody there, or the connection broke.
    #[error("the connection failed: {}{}", chain(.0.as_ref()), advice(.0.as_ref()))]
    Connection(#[source] Box<dyn StdError + Send + Sync>),
    /// It took too long.
    #[error("{url} did not answer completely within {after:?}")]
    Timeout {
        /// The address.
        url: String,
        /// How long it was waited.
        after: Duration,
    },
    /// The answer is not 200. Redirects are not followed, because what they lead to is not the
    /// issuer's word.
    #[error("{url} answered with status {status}, not 200")]
    Status {
        /// The address.
        url: String,
        /// The status.
        status: u16,
    },
    /// The answer is larger than it may be.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// How large it may be.
        limit: usize,
    },
    /// The answer is not of the expected form.
    #[error("the answer is not of the expected form: {problem}")]
    Unreadable {
        /// What is wrong with it.
        problem: String,
    },
}

impl FetchError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadUrl { .. } => "bad_url",
            Self::PlainHttp { .. } => "plain_http",
            Self::Connection(_) => "connection_failed",
            Self::Timeout { .. } => "timeout",
            Self::Status { .. } => "unexpected_status",
            Self::TooLarge { .. } => "answer_too_large",
            Self::Unreadable { .. } => "unreadable_answer",
        }
    }
}

/// The error and its causes. The first of them says only that a request was sent.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = String::new();
    for cause in causes(error) {
        let said = cause.to_string();
        if text.contains(&said) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&said);
    }
    text
}

/// What is probably wrong with the address.
fn advice(error: &(dyn StdError + 'static)) -> &'static str {
    causes(error)
        .map(ToString::to_string)
        .find_map(|said| {
            if said.contains("InvalidContentType") {
                Some("; there is somebody who does not speak TLS: is it http:// that is meant?")
            } else if said.contains("invalid HTTP version") {
                Some("; there is somebody who does not speak plain HTTP: is it https:// that is meant?")
            } else if said.contains("UnknownIssuer") {
                Some(
                    "; no authority that is trusted here has signed its certificate: if it is one of \
                     your own, name that (`--cacert FILE`, or `GuardBuilder::trust_authority`)",
                )
            } else {
                None
            }
        })
        .unwrap_or_default()
}

fn causes<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    iter::successors(Some(error), |error| (*error).source())
}

impl From<reqwest::Error> for FetchError {
    fn from(error: reqwest::Error) -> Self {
        Self::Connection(Box::new(error))
    }
}
