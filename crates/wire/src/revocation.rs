//! What was taken back before it expired, as the issuer tells its guards.
//!
//! ```text
//!   GET /revocations                      {"snapshot": "<JWS of a Bulletin>"}
//!   GET /revocations, text/event-stream   data: <JWS of a Bulletin>, again and again
//! ```
//!
//! A stream begins with a snapshot, or, if the request's `Last-Event-ID` is a cursor
//! (`epoch:counter`) the server can go on from, with what came after it. From then on every message
//! joins the one before.
//!
//! No message is larger than a few megabytes. A large snapshot is a first message without `since`,
//! up to some counter, followed at once by news from there, and so are large news. What a message
//! says is true as of its `iat`, and of one that leaves something out because more follows, that is
//! the time before the first thing it leaves out: the age of a guard's news is that of the oldest
//! thing it has not heard, so messages that are cut off cannot pass for all there is. Within an epoch
//! `iat` never falls. A server whose clock is set back begins another epoch.
//!
//! As JSON, an answer is one message. If more follows, it says from where on
//! ([`SnapshotAnswer::next`]): that is the `Last-Event-ID` of the next request. Several servers may
//! stand behind one address, each with an epoch of its own. So a `Last-Event-ID` may hold a cursor
//! of each, with commas between them, and a server goes on from its own.
//!
//! Everything is one kind of message, the [`Bulletin`]: a snapshot, a piece of news, a heartbeat
//! without any. The issuer signs each (header `typ` is [`TYP`]), so that nothing in between can
//! invent or rewrite one. The set they describe is unordered and only grows until its events
//! expire; a guard merges what it gets and can merge the same thing twice.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Display, Formatter};
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// The `typ` in the header of a signed [`Bulletin`].
pub const TYP: &str = "countersign-revocations+jwt";

/// A stream brings a message at least this often, without events if there are none.
pub const HEARTBEAT: Duration = Duration::from_secs(2);

/// What `GET /revocations` answers to `Accept: application/json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotAnswer {
    /// A signed [`Bulletin`], compact JWS; its `since` is absent unless the request had a cursor.
    pub snapshot: String,
    /// The cursor from which there is more, to be sent as `Last-Event-ID`. Absent if this is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The claims of a signed message: what holds at `as_of`.
///
/// `(epoch, counter)` is the cursor. An epoch is one life of one server process's feed and means
/// nothing to anybody else; the counter grows by one with every event in it. `since` says what the
/// message leaves out: nothing if it is absent (then it is a snapshot, up to its counter), else the
/// events up to and including that counter. A guard whose own counter is smaller than `since` has missed something
/// and takes the snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bulletin {
    /// The issuer.
    pub iss: String,
    /// The time of which this holds, in seconds since 1970: the claim `iat`. It is when the issuer
    /// said so, or earlier if more is still to come.
    #[serde(rename = "iat")]
    pub as_of: u64,
    /// The life of the feed this cursor belongs to.
    pub epoch: String,
    /// The number of the newest event that this message brings or follows, 0 before the first.
    pub counter: u64,
    /// Absent in a snapshot; else the counter after which the events below begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// The events, in no order.
    pub events: Vec<Event>,
}

/// One thing that was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Event {
    /// What kind of thing.
    pub kind: Kind,
    /// Which one: the value of that claim or header parameter.
    pub value: String,
    /// When it was taken back, in seconds since 1970; for people, a guard needs only `until`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// When every token it concerns has expired and it can be forgotten, in seconds since 1970.
    pub until: u64,
}

/// What can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A session ended: every token with this claim `sid`.
    Sid,
    /// A user was disabled or deleted: every token with this claim `sub`.
    Sub,
    /// One token was withdrawn: the one with this claim `jti`.
    Jti,
    /// A key was withdrawn: every token with this `kid` in its header.
    Kid,
}

impl Kind {
    /// The claim or header parameter.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sid => "sid",
            Self::Sub => "sub",
            Self::Jti => "jti",
            Self::Kid => "kid",
        }
    }
}

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use super::*;

    #[test]
    fn a_snapshot_has_no_since_and_news_have() {
        let mut bulletin = Bulletin {
            iss: "https://id.example".to_string(),
            as_of: 1_700_000_000,
            epoch: "e1".to_string(),
            counter: 7,
            since: None,
            events: vec![Event {
                kind: Kind::Sid,
                value: "s".to_string(),
                at: Some(1_700_000_000),
                until: 1_700_000_700,
            }],
        };
        let json = r#"{"iss":"https://id.example","iat":1700000000,"epoch":"e1","counter":7,"events":[{"kind":"sid","value":"s","at":1700000000,"until":1700000700}]}"#;
        assert_eq!(serde_json::to_string(&bulletin).expect("plain texts"), json);
        assert_eq!(
            serde_json::from_str::<Bulletin>(json).expect("the same shape"),
            bulletin
        );

        bulletin.since = Some(7);
        bulletin.events.clear();
        let heartbeat = serde_json::to_value(&bulletin).expect("plain texts");
        assert_eq!(heartbeat["since"], 7);
    }

    #[test]
    fn every_kind_is_written_as_it_is_named() {
        for kind in [Kind::Sid, Kind::Sub, Kind::Jti, Kind::Kid] {
            let json = serde_json::to_value(kind).expect("a unit variant");
            assert_eq!(json, kind.to_string());
            assert_eq!(
                serde_json::from_value::<Kind>(json).expect("its own name"),
                kind
            );
        }
        assert!(serde_json::from_str::<Kind>("\"exp\"").is_err());
    }
}
