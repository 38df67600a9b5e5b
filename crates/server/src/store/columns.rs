//! What both engines store alike: the columns of a row in the order they are read, and values in the
//! form they are written in.

use std::time::Duration;

use countersign::UnixTime;
use countersign_issuer::marks::Marks;

/// The columns of a user, in the order in which both engines read them.
pub(super) const USER: &str = "users.id, users.username, users.password_hash, users.roles, \
     users.disabled, users.created_at, users.password_changed_at, users.scope";

/// How many columns [`USER`] has.
pub(super) const USER_COLUMNS: usize = 8;

/// What covers a session of those endings that are not finished, as a condition on both tables. There
/// are hardly ever any: a choice between the three would have them looked up by each, and what was
/// found put into a table of its own that is made for every refresh.
macro_rules! covered {
    () => {
        "CASE endings.whose WHEN 'user' THEN endings.id = sessions.user_id
             WHEN 'client' THEN endings.id = sessions.client_id
             ELSE endings.whose = 'everyone' END
         AND coalesce(endings.keep, '') <> sessions.sid
         AND NOT EXISTS (SELECT 1 FROM spared WHERE spared.whose = endings.whose
             AND spared.id = endings.id AND spared.sid = sessions.sid)"
    };
}

/// The columns of a session, in the order in which both engines read them. One that is among those
/// an ending has left for later has ended when that was begun.
pub(super) const SESSION: &str = concat!(
    "sessions.handle, sessions.sid, sessions.user_id, sessions.client_id, sessions.scope,
     sessions.audience, sessions.generation, sessions.mac_key_id,
     sessions.mark1_generation, sessions.mark1_at, sessions.mark2_generation, sessions.mark2_at,
     sessions.mark3_generation, sessions.mark3_at, sessions.mark4_generation, sessions.mark4_at,
     sessions.created_at, sessions.auth_time, sessions.last_used_at, sessions.idle_expires_at,
     sessions.expires_at, coalesce(sessions.ended_at, (SELECT min(endings.at) FROM endings WHERE ",
    covered!(),
    ")) AS ended_at, sessions.end_reason"
);

/// A session that has not ended, nor is among those an ending has left for later.
pub(super) const NOT_ENDED: &str = concat!(
    "sessions.ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM endings WHERE ",
    covered!(),
    ")"
);

/// How many columns [`SESSION`] has.
pub(super) const SESSION_COLUMNS: usize = 23;

/// The roles of a user, as they are stored, one by one.
pub(super) fn roles(stored: &str) -> Vec<String> {
    let names = stored.split(' ').filter(|role| !role.is_empty());
    names.map(str::to_owned).collect()
}

/// The eight values in which four marks are stored, newest first.
pub(super) fn mark_values(marks: &Marks) -> [Option<i64>; 8] {
    let mut values = [None; 8];
    for (pair, mark) in values.chunks_exact_mut(2).zip(marks.as_array()) {
        if let (Some(mark), [generation, at]) = (mark, pair) {
            *generation = Some(i64::from(mark.generation));
            *at = Some(seconds(mark.replaced_at));
        }
    }
    values
}

/// A time as it is stored.
pub(super) fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// A length of time as it is stored.
pub(super) fn seconds_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
