//! The verbs about endings that take longer than one change may: whose sessions end without number,
//! sees them end a batch at a time.
//!
//! The first batch ends with the change that is the reason for it, a password set or a user disabled,
//! and if it is full the intent is written down with it. From that moment no session it covers is
//! refreshed, and each further batch is its own change, published as it is committed. Whoever
//! began it goes on until nothing is left; if nobody has for a few seconds, any process takes it up.

use std::time::Duration;

use async_trait::async_trait;
use countersign::UnixTime;

use super::change::Ended;
use super::error::StoreError;

/// For so long an ending is left to whoever has ended some of it last.
pub(super) const LEFT_ALONE: Duration = Duration::from_secs(5);

/// What was begun and is not finished.
#[async_trait]
pub trait Endings: Send + Sync {
    /// The endings that nobody has worked on for a few seconds.
    async fn endings_left(&self, now: UnixTime) -> Result<Vec<Whose>, StoreError>;

    /// Ends some more of the sessions that an ending has left. Nothing, if there is no such ending or
    /// it is finished now; a user who was to be deleted after it then is.
    async fn end_more(&self, whose: &Whose, now: UnixTime) -> Result<Option<Batch>, StoreError>;
}

/// Whose sessions end, all at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Whose {
    /// Those of the user with this id.
    User(String),
    /// Those opened for the client with this id, which is not the server's own.
    Client(String),
    /// Every one there is.
    Everyone,
}

impl Whose {
    /// The word and the id it is stored under.
    pub(super) fn stored(&self) -> (&'static str, &str) {
        match self {
            Self::User(id) => ("user", id),
            Self::Client(id) => ("client", id),
            Self::Everyone => ("everyone", ""),
        }
    }

    pub(super) fn from_stored(whose: &str, id: String) -> Result<Self, StoreError> {
        match whose {
            "user" => Ok(Self::User(id)),
            "client" => Ok(Self::Client(id)),
            "everyone" => Ok(Self::Everyone),
            _ => Err(StoreError::Corrupt {
                place: "endings.whose",
                detail: "a word this program does not know".to_owned(),
            }),
        }
    }
}

/// Some sessions of many, ended together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Which; none if what was left were rows to be deleted.
    pub ended: Vec<Ended>,
    /// When the ending was begun.
    pub at: UnixTime,
    /// Until when a token of such a session may still be alive.
    pub until: UnixTime,
}
