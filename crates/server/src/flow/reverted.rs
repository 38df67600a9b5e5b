//! What a restored backup takes back: users and clients as they are now, held against those that
//! were.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use countersign_issuer::Client;
use countersign_issuer::client::Authentication;
use countersign_issuer::record::User;

use crate::store::sqlite::copy::Predecessor;
use crate::store::{SharedStore, StoreError, hash_kind, name_key};

/// How many users are read at once.
const PAGE: u32 = 500;

/// One thing that is again as it was when the backup was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reverted {
    /// Whose.
    pub whose: Whose,
    /// What.
    pub what: Reversion,
}

/// Whom a restore concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The user of this name.
    User(String),
    /// The client of this id.
    Client(String),
}

impl Whose {
    /// The name, or the id.
    pub fn name(&self) -> &str {
        match self {
            Self::User(name) | Self::Client(name) => name,
        }
    }
}

/// What became of a user or a client, or of a part of one.
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
    /// The scope the user may have was changed since the backup.
    Scope {
        /// Until the restore.
        before: String,
        /// From now on.
        now: String,
    },
    /// Disabled since the backup, and able to sign in again.
    EnabledAgain,
    /// Enabled since the backup, and disabled again.
    DisabledAgain,
    /// A client added since the backup, and gone.
    ClientGone,
    /// A client deleted since the backup, and back.
    ClientBack,
    /// The client's secrets or keys were changed since the backup: the older ones, which may have
    /// been replaced because they leaked, are accepted again, and the newer ones are not.
    ClientProof,
    /// What the client may ask for was changed since the backup.
    ClientPolicy,
}

impl Reversion {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Gone => "user_gone",
            Self::Back => "user_back",
            Self::Password => "password",
            Self::Roles { .. } => "roles",
            Self::Scope { .. } => "scope",
            Self::EnabledAgain => "enabled_again",
            Self::DisabledAgain => "disabled_again",
            Self::ClientGone => "client_gone",
            Self::ClientBack => "client_back",
            Self::ClientProof => "client_proof",
            Self::ClientPolicy => "client_policy",
        }
    }
}

/// Everything that differs, users first.
pub(super) async fn compare(
    before: &Predecessor,
    now: &SharedStore,
) -> Result<Vec<Reverted>, StoreError> {
    let mut reverted = compare_users(before, now).await?;
    reverted.extend(compare_clients(before, now).await?);
    Ok(reverted)
}

/// Walks both lists in the order of their names.
async fn compare_users(
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
            whose: Whose::User(is.username.clone()),
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
    if was.scope != is.scope {
        say(Reversion::Scope {
            before: was.scope.clone(),
            now: is.scope.clone(),
        });
    }
    if let Some(what) = access(was.disabled, is.disabled) {
        say(what);
    }
}

/// Who could not sign in, and can again; or the reverse.
fn access(was_disabled: bool, is_disabled: bool) -> Option<Reversion> {
    match (was_disabled, is_disabled) {
        (true, false) => Some(Reversion::EnabledAgain),
        (false, true) => Some(Reversion::DisabledAgain),
        _ => None,
    }
}

/// Clients are few: those that were are held in memory.
async fn compare_clients(
    before: &Predecessor,
    now: &SharedStore,
) -> Result<Vec<Reverted>, StoreError> {
    let mut old = BTreeMap::new();
    let mut after = String::new();
    loop {
        let page = before.clients(&after, PAGE)?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.client_id);
        old.extend(page.into_iter().map(|it| (it.client_id.clone(), it)));
    }
    let mut reverted = Vec::new();
    let mut after = String::new();
    loop {
        let page = now.clients(Some(&after), PAGE).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.client_id);
        for is in &page {
            let found = match old.remove(&is.client_id) {
                None => vec![Reversion::ClientBack],
                Some(was) => client_changes(&was, is),
            };
            reverted.extend(found.into_iter().map(|what| of_client(&is.client_id, what)));
        }
    }
    let gone = old.keys().map(|id| of_client(id, Reversion::ClientGone));
    reverted.extend(gone);
    Ok(reverted)
}

fn client_changes(was: &Client, is: &Client) -> Vec<Reversion> {
    let bare = |client: &Client| Client {
        name: String::new(),
        authentication: Authentication::None,
        disabled: false,
        created_at: is.created_at,
        own_sid: String::new(),
        revision: 0,
        ..client.clone()
    };
    let proof = (was.authentication != is.authentication).then_some(Reversion::ClientProof);
    let policy = (bare(was) != bare(is)).then_some(Reversion::ClientPolicy);
    let access = access(was.disabled, is.disabled);
    [proof, policy, access].into_iter().flatten().collect()
}

fn of_client(client_id: &str, what: Reversion) -> Reverted {
    Reverted {
        whose: Whose::Client(client_id.to_owned()),
        what,
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
            whose: Whose::User(user.username.clone()),
            what,
        })
    }
}
