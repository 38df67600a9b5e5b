//! The verbs about users.

use async_trait::async_trait;
use countersign_issuer::record::{AuditEvent, PasswordHash, User};

use super::change::{Created, Ended, Ending, Found};
use super::error::StoreError;

/// Who may sign in, and with what.
#[async_trait]
pub trait Users: Send + Sync {
    /// Adds a user.
    async fn create_user(&self, user: User, audit: AuditEvent) -> Result<Created, StoreError>;

    /// Adds users, all or as many as have a free name, in one transaction; the answers are in the
    /// order of the users. One audit line stands for all of them.
    async fn import_users(
        &self,
        users: Vec<User>,
        audit: AuditEvent,
    ) -> Result<Vec<Created>, StoreError>;

    /// One stored hash of each kind there is: a kind is the function and its cost.
    async fn password_kinds(&self) -> Result<Vec<PasswordHash>, StoreError>;

    /// The user with this name, compared without regard to case.
    async fn user_by_name(&self, username: &str) -> Result<Option<User>, StoreError>;

    /// The user with this id.
    async fn user(&self, id: &str) -> Result<Option<User>, StoreError>;

    /// Up to `limit` users whose names come after `after`, in the order of their names.
    async fn users(&self, after: Option<&str>, limit: u32) -> Result<Vec<User>, StoreError>;

    /// Sets a password hash, and ends the user's sessions as `ending` says (all but `keep`).
    /// `checked` is the hash that the owner's old password was checked against: if it is no longer
    /// the user's, or the user was disabled meanwhile, nothing changes and the user is as good as
    /// missing. An administrator checks none.
    async fn set_password(
        &self,
        user_id: &str,
        checked: Option<PasswordHash>,
        hash: PasswordHash,
        keep: Option<&str>,
        ending: Ending,
        audit: AuditEvent,
    ) -> Result<Found<Vec<Ended>>, StoreError>;

    /// Changes a user as `change` says, and ends every session if that takes something away: a
    /// role, or the right to sign in at all. The user's id itself is not revoked: whoever is let
    /// back in would be kept out until that revocation expired. Each line of `audit` is written.
    async fn change_user(
        &self,
        user_id: &str,
        change: UserChange,
        ending: Ending,
        audit: Vec<AuditEvent>,
    ) -> Result<Found<Vec<Ended>>, StoreError>;

    /// Deletes a user with every session, and publishes the user's own revocation. Whoever adds
    /// users gives no id again for which such a revocation is alive.
    async fn delete_user(
        &self,
        user_id: &str,
        ending: Ending,
        audit: AuditEvent,
    ) -> Result<Found<Vec<Ended>>, StoreError>;
}

/// What is to be different about a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserChange {
    /// Instead of the roles there are.
    pub roles: Option<Vec<String>>,
    /// Instead of the scope there is.
    pub scope: Option<String>,
    /// Whether the user is kept out.
    pub disabled: Option<bool>,
}

impl UserChange {
    /// Whether somebody who has these `roles` and this `scope`, as they are stored, loses something
    /// by it.
    pub(crate) fn takes_away(&self, roles: &str, scope: &str) -> bool {
        let role_kept = |role: &str| match &self.roles {
            Some(new) => new.iter().any(|new| new == role),
            None => true,
        };
        let word_kept = |word: &str| match &self.scope {
            Some(new) => new.split(' ').any(|new| new == word),
            None => true,
        };
        self.disabled == Some(true)
            || !roles.split_whitespace().all(role_kept)
            || !scope.split_whitespace().all(word_kept)
    }
}

/// The kind of a stored hash: everything before its salt, which is the function and its cost.
pub(crate) fn hash_kind(hash: &PasswordHash) -> &str {
    let text = hash.as_str();
    let bcrypt = ["$2a$", "$2b$", "$2y$"]
        .iter()
        .any(|mark| text.contains(mark));
    // bcrypt writes salt and hash as one part, everyone else as two.
    let parts_of_the_user = if bcrypt { 1 } else { 2 };
    let kind = text.rsplitn(parts_of_the_user + 1, '$').last();
    kind.unwrap_or_default()
}

/// Names are one user's whatever their case.
pub(crate) fn name_key(username: &str) -> String {
    username.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_a_function_and_its_cost_and_nothing_of_the_user() {
        let kinds = [
            (
                "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
                "$argon2id$v=19$m=19456,t=2,p=1",
            ),
            ("$2b$12$saltsaltsaltsaltsaltsahashhashhash", "$2b$12"),
            (
                "bcrypt_sha256$$2b$12$saltsaltsaltsaltsahash",
                "bcrypt_sha256$$2b$12",
            ),
            ("scrypt:32768:8:1$salt$00ff", "scrypt:32768:8:1"),
            ("pbkdf2_sha256$600000$salt$aGFzaA=", "pbkdf2_sha256$600000"),
        ];
        for (hash, kind) in kinds {
            assert_eq!(hash_kind(&PasswordHash::from_stored(hash)), kind);
        }
    }
}
