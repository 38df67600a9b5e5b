//! What can be refused, and what can go wrong. No HTTP here: the server turns a refusal into a
//! status.
//!
//! [`Refused`] is an answer to the one who asked; every variant has a stable
//! [`code`](Refused::code) and the [`OauthError`] it belongs under. [`IssuerError`] is trouble on
//! our own side: it is for the operator's log, and the one who asked learns nothing of it but that
//! it happened.

use alloc::string::String;
use core::time::Duration;

use countersign::{TokenError, crypto::CryptoError, key::KeyError, sign::SignError};

/// A request was understood and is not granted.
///
/// Exhaustive on purpose: who makes statuses of refusals, or counts them, decides about a new one too.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Unknown name, wrong password or disabled user: never said which.
    #[error("the user name or the password is not right")]
    InvalidCredentials,
    /// Too many failures before this one.
    #[error("too many attempts; wait {} s and try again", .retry_after.as_secs())]
    TooManyAttempts {
        /// How long to wait, at least one second.
        retry_after: Duration,
    },
    /// Not a refresh token, or not one of this server's.
    #[error("the refresh token is not one of this server's; sign in again")]
    UnknownRefreshToken,
    /// A genuine token whose session is no longer stored.
    #[error("the session is gone; sign in again")]
    UnknownSession,
    /// The session was ended: signed out, password changed, user disabled, an administrator's act.
    #[error("the session has been ended; sign in again")]
    SessionEnded,
    /// The session was unused for too long, or is too old altogether.
    #[error("the session has expired; sign in again")]
    SessionExpired,
    /// The token was issued to another client.
    #[error("the token was issued to another client")]
    WrongClient,
    /// More scope was asked for than the session was granted.
    #[error("the scope asked for is more than the session was granted")]
    WrongScope,
    /// A token replaced longer than the grace ago: the session has been ended.
    #[error(
        "the refresh token had been replaced before; the session has been ended, sign in again"
    )]
    RefreshReused,
    /// A token this database never gave out: the session has been ended.
    #[error(
        "the refresh token is ahead of this server's records; the session has been ended, sign in again"
    )]
    RollbackOrForgery,
    /// Unknown client, wrong secret or disabled client: never said which.
    #[error("the client or its secret is not right")]
    InvalidClient,
    /// The client's signature about itself does not prove anything.
    #[error("the client assertion cannot be accepted: {0}")]
    BadAssertion(#[from] AssertionFault),
    /// The client may not come for tokens in this way.
    #[error("the client may not use this grant type")]
    UnauthorizedClient,
    /// A token of a kind that cannot be revoked (RFC 7009 §2.2.1).
    #[error("a token of this kind cannot be revoked")]
    UnsupportedTokenType,
    /// As many tokens of one `sid` were taken back one by one as may be (RFC 7009 §2.2.1 lets a server
    /// say that it will not now).
    #[error(
        "as many tokens with this one's sid were taken back one by one as may be; it expires by itself, or wait {} s",
        .retry_after.as_secs()
    )]
    TooManyRevocations {
        /// How long until another one may be taken back.
        retry_after: Duration,
    },
    /// More scope was asked for than may be granted.
    #[error("the scope asked for is more than may be granted")]
    InvalidScope,
    /// An audience was asked for that there are no tokens for.
    #[error("there are no tokens to be had for this audience")]
    InvalidTarget,
    /// A password of no characters.
    #[error("the password is empty")]
    PasswordEmpty,
    /// A password longer than [`Password::MAX_CHARS`](crate::Password::MAX_CHARS).
    #[error("the password is longer than {limit} characters")]
    PasswordTooLong {
        /// The bound in characters.
        limit: usize,
    },
    /// A new password shorter than the policy allows.
    #[error("the password is too short: it needs at least {least} characters")]
    PasswordTooShort {
        /// The least number of characters.
        least: usize,
    },
    /// A new password that is the user's name.
    #[error("the password is the user name")]
    PasswordIsName,
}

impl Refused {
    /// The stable reason code: in bodies, logs, metrics and the documentation.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidCredentials => "invalid_credentials",
            Self::TooManyAttempts { .. } => "too_many_attempts",
            Self::UnknownRefreshToken => "unknown_refresh_token",
            Self::UnknownSession => "unknown_session",
            Self::SessionEnded => "session_ended",
            Self::SessionExpired => "session_expired",
            Self::WrongClient => "wrong_client",
            Self::WrongScope => "wrong_scope",
            Self::RefreshReused => "refresh_reused",
            Self::RollbackOrForgery => "rollback_or_forgery",
            Self::InvalidClient => "invalid_client",
            Self::BadAssertion(fault) => fault.code(),
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::TooManyRevocations { .. } => "too_many_revocations",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::PasswordEmpty => "password_empty",
            Self::PasswordTooLong { .. } => "password_too_long",
            Self::PasswordTooShort { .. } => "password_too_short",
            Self::PasswordIsName => "password_is_name",
        }
    }

    /// What it is in the words of OAuth: everything of one name is answered and counted alike.
    pub const fn oauth_error(&self) -> OauthError {
        match self {
            Self::InvalidCredentials => OauthError::InvalidCredentials,
            Self::TooManyAttempts { .. } => OauthError::TooManyAttempts,
            Self::UnknownRefreshToken
            | Self::UnknownSession
            | Self::SessionEnded
            | Self::SessionExpired
            | Self::WrongClient
            | Self::RefreshReused
            | Self::RollbackOrForgery => OauthError::InvalidGrant,
            Self::InvalidClient | Self::BadAssertion(_) => OauthError::InvalidClient,
            Self::UnauthorizedClient => OauthError::UnauthorizedClient,
            Self::UnsupportedTokenType => OauthError::UnsupportedTokenType,
            Self::TooManyRevocations { .. } => OauthError::TemporarilyUnavailable,
            Self::WrongScope | Self::InvalidScope => OauthError::InvalidScope,
            Self::InvalidTarget => OauthError::InvalidTarget,
            Self::PasswordEmpty
            | Self::PasswordTooLong { .. }
            | Self::PasswordTooShort { .. }
            | Self::PasswordIsName => OauthError::InvalidRequest,
        }
    }
}

/// The `error` of an answer's body (RFC 6749 §4.1.2.1 and §5.2, RFC 7009 §2.2.1, RFC 8707 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OauthError {
    /// Our own, for the first-party sign-in that OAuth does not know.
    InvalidCredentials,
    /// Our own as well.
    TooManyAttempts,
    /// The refresh token is no good, and no request with it can come to anything any more.
    InvalidGrant,
    /// The client did not prove who it is.
    InvalidClient,
    /// The client may not do this.
    UnauthorizedClient,
    /// A token of this kind cannot be revoked.
    UnsupportedTokenType,
    /// Not now.
    TemporarilyUnavailable,
    /// More scope than may be granted.
    InvalidScope,
    /// An audience there are no tokens for.
    InvalidTarget,
    /// The request itself is wrong.
    InvalidRequest,
}

impl OauthError {
    /// As it stands in the body.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidCredentials => "invalid_credentials",
            Self::TooManyAttempts => "too_many_attempts",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidClient => "invalid_client",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidRequest => "invalid_request",
        }
    }
}

/// What is wrong with a client assertion (RFC 7523 §3).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AssertionFault {
    /// It is no token that the client's keys and id could have made for this server, or its time is
    /// over.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// It is about somebody else than the client that made it.
    #[error("its subject is not the client")]
    Subject,
    /// It could be shown to another server as well.
    #[error("it must be meant for this server alone, by its issuer or its token endpoint")]
    SeveralAudiences,
    /// It is good for longer than its id would be remembered.
    #[error("it must expire within an hour")]
    TooLong,
    /// Its `jti` is empty.
    #[error("it has no id")]
    NoId,
    /// It was shown before.
    #[error("it was used before; make a new one for every request")]
    Used,
}

impl AssertionFault {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Token(error) => error.reason().code(),
            Self::Subject => "assertion_subject",
            Self::SeveralAudiences => "assertion_audiences",
            Self::TooLong => "assertion_too_long",
            Self::NoId => "assertion_id",
            Self::Used => "assertion_used",
        }
    }
}

/// Something is wrong with the server's own keys, rows or settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// The master key's text is neither 43 characters of base64url nor 64 of hexadecimal.
    #[error(
        "the master key must be 32 bytes, written as 43 characters of base64url or 64 of hexadecimal"
    )]
    MasterKeyText,
    /// A stored key does not open.
    #[error(
        "{what} does not open under this master key: it was sealed under another one, or altered; give the master key this database was made with"
    )]
    WrongMasterKey {
        /// Which key: its kind and id.
        what: String,
    },
    /// A stored key opens to something that is no key.
    #[error("the signing key {kid} is damaged: {source}")]
    DamagedKey {
        /// The key's id.
        kid: String,
        /// What is wrong with it.
        source: KeyError,
    },
    /// A key that should be published has no private half any more.
    #[error("the signing key {kid} has lost its private half; withdraw it")]
    MissingKey {
        /// The key's id.
        kid: String,
    },
    /// No key of the ring signs.
    #[error("no key of the ring can sign now; make one with `countersign key rotate`")]
    NoSigningKey,
    /// A key id that the ring does not hold.
    #[error("there is no signing key {kid} that could be withdrawn")]
    UnknownKey {
        /// The id that was asked for.
        kid: String,
    },
    /// A session's row names a MAC key that is not loaded: another process made it a moment ago, or
    /// it is gone.
    #[error("the MAC key {id} is not loaded; load the MAC keys again")]
    UnknownMacKey {
        /// The key's id.
        id: u32,
    },
    /// There is no MAC key to make tokens with.
    #[error("there is no MAC key to make refresh tokens with")]
    NoMacKey,
    /// The hash parameters lie below the floor or above what the function takes.
    #[error("Argon2id parameters m={memory_kib} KiB, t={passes}, p={lanes} are not allowed: {why}")]
    PasswordParameters {
        /// Memory in KiB.
        memory_kib: u32,
        /// Passes over it.
        passes: u32,
        /// Lanes.
        lanes: u32,
        /// Which bound they miss.
        why: &'static str,
    },
    /// The life of sessions is set to something that cannot be.
    #[error("this session policy cannot be: {why}")]
    SessionPolicy {
        /// Which rule it breaks.
        why: &'static str,
    },
    /// The hash function failed; with checked parameters only for want of memory.
    #[error("the password could not be hashed: {why}")]
    Hashing {
        /// What the hash function said.
        why: String,
    },
    /// A key could not be made.
    #[error("a signing key could not be made: {0}")]
    Key(#[from] KeyError),
    /// A token could not be signed.
    #[error("the token could not be signed: {0}")]
    Sign(#[from] SignError),
    /// The crypto backend failed.
    #[error("the crypto backend failed: {0}")]
    Crypto(#[from] CryptoError),
}

impl IssuerError {
    /// The stable code, for logs and metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MasterKeyText => "master_key_text",
            Self::WrongMasterKey { .. } => "wrong_master_key",
            Self::DamagedKey { .. } => "damaged_key",
            Self::MissingKey { .. } => "missing_key",
            Self::NoSigningKey => "no_signing_key",
            Self::UnknownKey { .. } => "unknown_key",
            Self::UnknownMacKey { .. } => "unknown_mac_key",
            Self::NoMacKey => "no_mac_key",
            Self::PasswordParameters { .. } => "password_parameters",
            Self::SessionPolicy { .. } => "session_policy",
            Self::Hashing { .. } => "hashing",
            Self::Key(_) => "key",
            Self::Sign(_) => "sign",
            Self::Crypto(_) => "crypto",
        }
    }
}
