//! The rows, as plain data.
//!
//! A store reads and writes these; the other modules decide what goes into them. Nothing here knows
//! SQL, and nothing here decides. Fields that would help a thief do not print: the `Debug` of a row
//! is safe to log.

use alloc::{string::String, vec::Vec};
use core::fmt;

use countersign::{Algorithm, UnixTime};

use crate::marks::Marks;

/// A person (or a script) who signs in with a name and a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The stable id, the `sub` of every token of this user. Never reused.
    pub id: String,
    /// The name typed at sign-in, unique in the store.
    pub username: String,
    /// What the password is checked against.
    pub password_hash: PasswordHash,
    /// Role names, the `roles` claim.
    pub roles: Vec<String>,
    /// The scope the user's tokens may have, words separated by single spaces.
    pub scope: String,
    /// A disabled user signs in nowhere and refreshes nothing.
    pub disabled: bool,
    /// When the user was created.
    pub created_at: UnixTime,
    /// When the password was last set by its owner or an administrator; a rehash does not count.
    pub password_changed_at: UnixTime,
}

/// A stored password hash: a PHC string of our own making, or one of the forms other systems left
/// behind.
///
/// It is not a password, but with it one can be guessed offline, so it does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The text a store holds. It is not looked at here: a text of no known form matches no
    /// password.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text to store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(redacted)")
    }
}

/// One sign-in, kept alive by refreshes. One row for its whole life, whatever the number of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// What the refresh token names. Never part of an access token.
    pub handle: Handle,
    /// What access tokens, lists and revocations name: the `sid` claim.
    pub sid: String,
    /// Whose session it is.
    pub user_id: String,
    /// The client it was opened for.
    pub client_id: String,
    /// Granted scope, words separated by single spaces (RFC 6749 §3.3); may be empty.
    pub scope: String,
    /// Who the access tokens are for: the `aud` claim.
    pub audience: Vec<String>,
    /// The generation of the one refresh token that may be exchanged.
    pub generation: u32,
    /// The MAC key that token was made with.
    pub mac_key_id: u32,
    /// When earlier generations were replaced, newest first.
    pub marks: Marks,
    /// When the session was opened.
    pub created_at: UnixTime,
    /// When the user last proved who they are: the `auth_time` claim.
    pub auth_time: UnixTime,
    /// When the session was opened or last refreshed.
    pub last_used_at: UnixTime,
    /// Unused until then, it is over. Moves with every refresh, never past `expires_at`.
    pub idle_expires_at: UnixTime,
    /// Over then in any case.
    pub expires_at: UnixTime,
    /// Set when it was ended before its time, together with `end_reason`.
    pub ended_at: Option<UnixTime>,
    /// Why it was ended.
    pub end_reason: Option<EndReason>,
}

/// Sixteen random bytes that name a session in its refresh tokens and nowhere else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle([u8; 16]);

impl Handle {
    /// Sixteen random bytes from a cryptographic generator, or the ones a store holds.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, to store or to look up.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle(redacted)")
    }
}

/// A signing key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeyRecord {
    /// The key id, unique in the store.
    pub kid: String,
    /// The one algorithm it signs with.
    pub algorithm: Algorithm,
    /// The private half under the master key; `None` once it is destroyed (states gone and
    /// withdrawn).
    pub sealed: Option<Sealed>,
    /// Where it stands in its life.
    pub state: KeyState,
    /// When it was made, and published.
    pub created_at: UnixTime,
    /// When it began to sign.
    pub signing_at: Option<UnixTime>,
    /// When it ceased to sign.
    pub retiring_at: Option<UnixTime>,
    /// When it left the key set, by schedule or because it was withdrawn.
    pub gone_at: Option<UnixTime>,
}

/// A key that authenticates refresh tokens and device tokens, as it is stored. The oldest one not
/// retired makes tokens; the others are accepted, the newer ones because another server process may
/// use them already, the older ones until no token they made can be alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacKeyRecord {
    /// Rises by one with every new key.
    pub id: u32,
    /// The 32 bytes under the master key.
    pub sealed: Sealed,
    /// When it was made.
    pub created_at: UnixTime,
    /// When the next one took its place.
    pub retired_at: Option<UnixTime>,
}

/// Bytes encrypted under the master key. Useless without it, and still not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// The bytes a store holds.
    pub fn from_stored(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// One line of the audit log: written in the transaction of what it records, never changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// When it happened.
    pub at: UnixTime,
    /// What happened.
    pub kind: AuditKind,
    /// The user it concerns, when that is known.
    pub user_id: Option<String>,
    /// The user's name. A name that nobody has is not kept: it may be a password, typed into the
    /// wrong field.
    pub username: Option<String>,
    /// The session it concerns.
    pub sid: Option<String>,
    /// The user id of who did it, when that is somebody else (an administrator).
    pub actor: Option<String>,
    /// The network address it came from, as text.
    pub network: Option<String>,
    /// What else there is to say: a reason, a class, a key id. Never a secret.
    pub detail: Option<String>,
}

impl AuditEvent {
    /// An event with nothing but its time and kind; set the fields that are known.
    pub const fn new(at: UnixTime, kind: AuditKind) -> Self {
        Self {
            at,
            kind,
            user_id: None,
            username: None,
            sid: None,
            actor: None,
            network: None,
            detail: None,
        }
    }
}

/// Declares an enum that is stored as text: each variant beside the word that stands for it.
macro_rules! stored_as_text {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$variant_meta])* $variant),+ }

        impl $name {
            /// The word that is stored and shown.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The variant a stored word stands for, `None` for a word of no meaning here (a newer
            /// version's row).
            pub fn from_stored(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

stored_as_text! {
    /// The life of a signing key, in order.
    KeyState {
        /// Published, not used yet: every verifier shall know it before it signs.
        Pending = "pending",
        /// Makes the tokens of its algorithm.
        Signing = "signing",
        /// Published until the last token it signed has expired.
        Retiring = "retiring",
        /// Out of the key set, private half destroyed.
        Gone = "gone",
        /// Taken out of the key set at once because it leaked, private half destroyed.
        Withdrawn = "withdrawn",
    }
}

stored_as_text! {
    /// Why a session was ended before its time.
    EndReason {
        /// Its owner signed out.
        SignedOut = "signed_out",
        /// Its owner ended it from another session.
        EndedByOwner = "ended_by_owner",
        /// An administrator ended it.
        EndedByAdmin = "ended_by_admin",
        /// The password was changed in another session.
        PasswordChanged = "password_changed",
        /// The user was disabled.
        UserDisabled = "user_disabled",
        /// The user was deleted.
        UserDeleted = "user_deleted",
        /// A role was taken from the user: no token that names it shall live on.
        RoleTaken = "role_taken",
        /// The user's scope was made smaller: no token that names what was taken shall live on.
        ScopeTaken = "scope_taken",
        /// The client it was opened for signed out, by revoking its refresh token.
        RevokedByClient = "revoked_by_client",
        /// The client it was opened for was disabled, deleted or given less.
        ClientChanged = "client_changed",
        /// A refresh token replaced longer than the grace ago came back: it was stolen, or its
        /// thief was first.
        RefreshReused = "refresh_reused",
        /// A refresh token came in that this database never gave out.
        RollbackOrForgery = "rollback_or_forgery",
        /// Its user signed in again and had more than are allowed at once: it was the least recently
        /// used one.
        Crowded = "crowded",
        /// The database was restored from a backup.
        Restored = "restored",
    }
}

stored_as_text! {
    /// What an audit event records.
    AuditKind {
        /// A password was right and a session was opened.
        SignedIn = "signed_in",
        /// A name or a password was wrong, or the user is disabled.
        SignInRefused = "sign_in_refused",
        /// An attempt was turned away unhashed, because of those before it.
        SignInThrottled = "sign_in_throttled",
        /// A session was ended; the detail is its [`EndReason`].
        SessionEnded = "session_ended",
        /// A stolen refresh token came back; the detail is its class.
        RefreshReused = "refresh_reused",
        /// A refresh token came in that this database never gave out.
        RollbackOrForgery = "rollback_or_forgery",
        /// Grace answers went to another network in three generations running: perhaps a thief
        /// behind his victim.
        RefreshShadowed = "refresh_shadowed",
        /// A password was changed by its owner or an administrator.
        PasswordChanged = "password_changed",
        /// A user was created.
        UserCreated = "user_created",
        /// A user's name or roles were changed.
        UserChanged = "user_changed",
        /// A user was disabled.
        UserDisabled = "user_disabled",
        /// A user was enabled again.
        UserEnabled = "user_enabled",
        /// A user was deleted.
        UserDeleted = "user_deleted",
        /// Users were imported; the detail is how many.
        UsersImported = "users_imported",
        /// A client was created; the detail begins with its id, as it does in all that follow.
        ClientCreated = "client_created",
        /// What a client may ask for was changed; the detail names the fields that were.
        ClientChanged = "client_changed",
        /// A client's secret was replaced.
        ClientSecretRotated = "client_secret_rotated",
        /// A client was disabled.
        ClientDisabled = "client_disabled",
        /// A client was enabled again.
        ClientEnabled = "client_enabled",
        /// A client was deleted.
        ClientDeleted = "client_deleted",
        /// Somebody did not prove to be the client they named. The detail is the client, if there is
        /// one of that name, and the reason; or how many more there were in a minute that had many.
        ClientRefused = "client_refused",
        /// An access token was revoked by its client; the detail is the client and the token's id.
        TokenRevoked = "token_revoked",
        /// A signing key was made and published.
        KeyCreated = "key_created",
        /// A signing key began to sign.
        KeyPromoted = "key_promoted",
        /// A signing key ceased to sign.
        KeyRetired = "key_retired",
        /// A signing key left the key set and its private half was destroyed.
        KeyDestroyed = "key_destroyed",
        /// A leaked signing key was withdrawn.
        KeyWithdrawn = "key_withdrawn",
        /// A new MAC key took over.
        MacKeyCreated = "mac_key_created",
        /// The keys were sealed under a new master key.
        MasterKeyChanged = "master_key_changed",
        /// The database was restored from a backup.
        Restored = "restored",
    }
}
