//! Users taken over from another system, with the password hashes they have there.
//!
//! A hash is kept as it is and replaced by one of ours when its owner signs in next. An import that
//! was cut short is simply run again: a user's id is derived from name and hash as they stood in the
//! file, so that a line is recognised whatever has become of its user since, a new password
//! included, and a line that names somebody else's user is told apart from it.

use std::collections::HashSet;

use countersign::{UnixTime, base64url, crypto};
use countersign_issuer::record::{AuditEvent, AuditKind, PasswordHash, User};
use countersign_issuer::revoke::RevocationKind;

use super::names::{LONGEST, are_roles, is_username};
use crate::config::Config;
use crate::installation::{self, OpenError};
use crate::store::{Created, SharedStore, StoreError, name_key};

/// How many ids of a line are tried when its user is looked for.
const RECOGNISED: usize = 16;

/// Takes users over into one installation.
#[derive(Clone, Debug)]
pub struct Importer {
    store: SharedStore,
}

/// A user as another system described it, whose name, roles and hash can be used here.
#[derive(Clone, Debug)]
pub struct ForeignUser {
    username: String,
    password_hash: PasswordHash,
    roles: Vec<String>,
    disabled: bool,
}

/// Why a user cannot be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForeignRefused {
    /// The name cannot be one.
    #[error("a user name has 1 to {LONGEST} bytes and no spaces or control characters")]
    BadName,
    /// A role's name cannot be one.
    #[error("a role has no spaces or control characters, and is not empty")]
    BadRole,
    /// The password hash cannot be checked here.
    #[error(transparent)]
    Hash(#[from] countersign_issuer::ImportRefused),
}

/// What became of a user that was to be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imported {
    /// The user exists now.
    Added,
    /// An earlier import, or an earlier line, added this very user.
    AlreadyThere,
    /// There is a user of that name who did not come from this line.
    NameTaken,
}

impl ForeignUser {
    /// Holds the description against what can be stored and checked here.
    ///
    /// # Errors
    /// [`ForeignRefused`], which repeats nothing of it.
    pub fn new(
        username: &str,
        password_hash: &str,
        roles: Vec<String>,
        disabled: bool,
    ) -> Result<Self, ForeignRefused> {
        if !is_username(username) {
            return Err(ForeignRefused::BadName);
        }
        if !are_roles(&roles) {
            return Err(ForeignRefused::BadRole);
        }
        Ok(Self {
            username: username.to_owned(),
            password_hash: PasswordHash::import(password_hash)?,
            roles,
            disabled,
        })
    }

    /// The ids a user of this line may have, in the order in which they are given: the same for the
    /// same line of a file, and for no other. The first is for the first time; whoever is deleted
    /// and taken over again gets the next, as long as the first one is revoked.
    fn ids(&self) -> impl Iterator<Item = String> + use<> {
        let described = [
            "countersign imported user v1",
            &name_key(&self.username),
            self.password_hash.as_str(),
        ];
        // A name holds no zero byte, and a hash neither.
        let described = described.join("\0");
        (0..).map(move |time: u32| {
            let digest = match time {
                0 => crypto::sha256(described.as_bytes()),
                _ => crypto::sha256(format!("{described}\0{time}").as_bytes()),
            };
            base64url::encode(digest.first_chunk::<16>().unwrap_or(&[0; 16]))
        })
    }

    fn into_user(self, revoked: &HashSet<String>, now: UnixTime) -> User {
        let free = self.ids().find(|id| !revoked.contains(id));
        User {
            // As many ids as numbers: one of them is free.
            id: free.unwrap_or_default(),
            username: self.username,
            password_hash: self.password_hash,
            roles: self.roles,
            scope: String::new(),
            disabled: self.disabled,
            created_at: now,
            password_changed_at: now,
        }
    }
}

impl ForeignRefused {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::BadName => "bad_username",
            Self::BadRole => "bad_role",
            Self::Hash(refused) => refused.code(),
        }
    }
}

impl Importer {
    /// Opens the installation that `config` describes, and makes it if it is not there yet.
    ///
    /// # Errors
    /// [`OpenError`] when the database cannot be opened, or is there without its master key.
    pub async fn open(config: &Config) -> Result<Self, OpenError> {
        let (store, _) = installation::open(config).await?;
        Ok(Self { store })
    }

    /// Takes users over in one transaction; the answers are in their order.
    ///
    /// # Errors
    /// [`StoreError`]; then none of them was taken over.
    pub async fn import(&self, users: Vec<ForeignUser>) -> Result<Vec<Imported>, StoreError> {
        let now = UnixTime::now();
        let revoked = self.revoked_ids(now).await?;
        let names: Vec<_> = users
            .iter()
            .map(|user| (user.username.clone(), user.ids()))
            .collect();
        let users: Vec<_> = users
            .into_iter()
            .map(|user| user.into_user(&revoked, now))
            .collect();
        let audit = AuditEvent {
            detail: Some(users.len().to_string()),
            ..AuditEvent::new(now, AuditKind::UsersImported)
        };
        let created = self.store.import_users(users, audit).await?;
        let mut outcomes = Vec::with_capacity(names.len());
        for (created, (name, ids)) in created.into_iter().zip(names) {
            outcomes.push(match created {
                Created::Created => Imported::Added,
                Created::NameTaken => match self.store.user_by_name(&name).await? {
                    Some(user) if ids.take(RECOGNISED).any(|id| id == user.id) => {
                        Imported::AlreadyThere
                    }
                    _ => Imported::NameTaken,
                },
            });
        }
        Ok(outcomes)
    }

    /// The ids of users who were deleted so lately that a token of theirs may be alive. Nobody gets
    /// one of them: the revocation that keeps those tokens out would keep the new user out too.
    async fn revoked_ids(&self, now: UnixTime) -> Result<HashSet<String>, StoreError> {
        let live = self.store.revocations(now).await?.into_iter();
        let users = live.filter(|one| one.kind == RevocationKind::Subject);
        Ok(users.map(|one| one.value).collect())
    }

    /// Writes out what waits, before the program ends.
    pub async fn close(&self) {
        self.store.close().await;
    }
}

#[cfg(test)]
mod tests {
    use countersign_issuer::Password;

    use super::*;

    const HASH: &str = "pbkdf2:sha256:1000$c2FsdA$\
                        0000000000000000000000000000000000000000000000000000000000000000";

    fn user(name: &str) -> ForeignUser {
        ForeignUser::new(name, HASH, Vec::new(), false).expect("a user")
    }

    #[test]
    fn a_user_is_the_same_by_name_in_any_case_and_by_hash() {
        let other = HASH.replace("$00", "$01");
        let changed = ForeignUser::new("ada", &other, Vec::new(), false).expect("a user");
        let first = |user: &ForeignUser| user.ids().next().expect("an id");
        assert_eq!(first(&user("ada")), first(&user("Ada")));
        assert_ne!(first(&user("ada")), first(&user("adb")));
        assert_ne!(first(&user("ada")), first(&changed));
        assert_eq!(first(&user("ada")).len(), 22);
    }

    /// Otherwise guards would refuse the new user's tokens for those of the deleted one.
    #[tokio::test]
    async fn a_user_who_is_deleted_and_taken_over_again_is_not_kept_out() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = Config {
            database: crate::Database::Sqlite(folder.path().join("test.db")),
            ..Config::default()
        };
        let importer = Importer::open(&config).await.expect("an installation");
        let directory = crate::Directory::open(&config).await.expect("the same");
        let import = async || importer.import(vec![user("ada")]).await.expect("works");
        let mut ids = HashSet::new();
        for _ in 0..3 {
            assert_eq!(import().await, [Imported::Added]);
            assert_eq!(import().await, [Imported::AlreadyThere]);
            let ada = directory.user("ada").await.expect("a user");
            let revoked = importer.revoked_ids(UnixTime::now()).await.expect("works");
            assert!(!revoked.contains(&ada.id), "a guard would refuse it");
            assert!(ids.insert(ada.id));
            directory.delete("ada").await.expect("deleted");
        }
        let stranger = Password::new("correct horse battery staple").expect("a password");
        directory.add("ada", stranger, vec![]).await.expect("added");
        assert_eq!(import().await, [Imported::NameTaken]);
    }

    #[test]
    fn what_cannot_be_stored_or_checked_is_refused_by_name() {
        let refused = |name: &str, hash: &str, roles: &[&str]| {
            let roles = roles.iter().map(|role| (*role).to_owned()).collect();
            ForeignUser::new(name, hash, roles, false)
                .expect_err("a refusal")
                .code()
        };
        let costly = HASH.replace(":1000", ":99000000");
        assert_eq!(refused("", HASH, &[]), "bad_username");
        assert_eq!(refused("a b", HASH, &[]), "bad_username");
        assert_eq!(refused(&"a".repeat(129), HASH, &[]), "bad_username");
        assert_eq!(refused("ada", HASH, &["a b"]), "bad_role");
        assert_eq!(refused("ada", "plain", &[]), "unknown_password_hash");
        assert_eq!(refused("ada", &costly, &[]), "password_hash_out_of_bounds");
    }
}
