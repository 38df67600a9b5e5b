//! What a restored backup takes back: users as they are now, held against users as they were.

use std::cmp::Ordering;

use countersign_issuer::record::User;

use crate::store::sqlite::copy::Predecessor;
use crate::store::{SharedStore, StoreError, hash_kind, name_key};

/// How many users are read at once.
const PAGE: u32 = 500;

/// One thing that is again as it was when the backup was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reverted {
    /// Whose.
    pub username: String,
    /// What.
    pub what: Reversion,
}

/// What became of a user, or of a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reversion {
    /// Added since the backup, and gone.
    Gone,
    /// Deleted since the backup, and back.
    Back,
    /// The password was changed since the backup, and the older one is valid again.
    Password,
    /// The roles were changed since the backup.
    Roles {
        /// Until the restore.
        before: Vec<String>,
        /// From now on.
        now: Vec<String>,
    },
    /// Disabled since the backup, and able to sign in again.
    EnabledAgain,
    /// Enabled since the backup, and disabled again.
    DisabledAgain,
}

impl Reversion {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Gone => "user_gone",
            Self::Back => "user_back",
            Self::Password => "password",
            Self::Roles { .. } => "roles",
            Self::EnabledAgain => "enabled_again",
            Self::DisabledAgain => "disabled_again",
        }
    }
}

/// Walks both lists in the order of their names.
pub(super) async fn compare(
    before: &Predecessor,
    now: &SharedStore,
) -> Result<Vec<Reverted>, StoreError> {
    let mut reverted = Vec::new();
    let (mut old, mut new) = (Page::default(), Page::default());
    loop {
        if old.is_read() {
            old = old.next(before.users(&old.after, PAGE)?);
        }
        if new.is_read() {
            new = new.next(now.users(Some(&new.after), PAGE).await?);
        }
        match (old.peek(), new.peek()) {
            (None, None) => return Ok(reverted),
            (Some(was), Some(is)) => match name_key(&was.username).cmp(&name_key(&is.username)) {
                Ordering::Less => reverted.extend(old.pass(Reversion::Gone)),
                Ordering::Greater => reverted.extend(new.pass(Reversion::Back)),
                Ordering::Equal => {
                    changes(was, is, &mut reverted);
                    old.at += 1;
                    new.at += 1;
                }
            },
            (Some(_), None) => reverted.extend(old.pass(Reversion::Gone)),
            (None, Some(_)) => reverted.extend(new.pass(Reversion::Back)),
        }
    }
}

fn changes(was: &User, is: &User, reverted: &mut Vec<Reverted>) {
    let mut say = |what| {
        reverted.push(Reverted {
            username: is.username.clone(),
            what,
        });
    };
    if was.id != is.id {
        // Another person under the same name.
        say(Reversion::Gone);
        say(Reversion::Back);
        return;
    }
    if password_differs(was, is) {
        say(Reversion::Password);
    }
    if was.roles != is.roles {
        say(Reversion::Roles {
            before: was.roles.clone(),
            now: is.roles.clone(),
        });
    }
    match (was.disabled, is.disabled) {
        (true, false) => say(Reversion::EnabledAgain),
        (false, true) => say(Reversion::DisabledAgain),
        _ => {}
    }
}

/// A hash that was only made anew at a sign-in is of the same password, but of another kind. Of the
/// same kind it is of another one, even if both were set in the same second.
fn password_differs(was: &User, is: &User) -> bool {
    let (old, new) = (&was.password_hash, &is.password_hash);
    was.password_changed_at != is.password_changed_at
        || (old != new && hash_kind(old) == hash_kind(new))
}

/// A few users of a long list.
#[derive(Default)]
struct Page {
    users: Vec<User>,
    at: usize,
    after: String,
    last: bool,
}

impl Page {
    fn is_read(&self) -> bool {
        self.at >= self.users.len() && !self.last
    }

    fn next(&self, users: Vec<User>) -> Self {
        Self {
            at: 0,
            last: users.len() < PAGE as usize,
            after: users
                .last()
                .map_or_else(|| self.after.clone(), |user| name_key(&user.username)),
            users,
        }
    }

    fn peek(&self) -> Option<&User> {
        self.users.get(self.at)
    }

    /// Goes past the next user, to whom this happened as a whole.
    fn pass(&mut self, what: Reversion) -> Option<Reverted> {
        let user = self.users.get(self.at)?;
        self.at += 1;
        Some(Reverted {
            username: user.username.clone(),
            what,
        })
    }
}
