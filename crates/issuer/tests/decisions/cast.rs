//! The people and things most tests need.

use std::{sync::LazyLock, time::Duration};

use countersign::UnixTime;
use countersign_issuer::{
    Asked, Handle, MacKeys, MasterKey, NewPassword, NewSession, Password, PasswordHash,
    PasswordHasher, PasswordParameters, PasswordPolicy, Session, SessionPolicy, User, UserGrant,
    record::MacKeyRecord,
};

pub(crate) const PASSWORD: &str = "correct horse battery stäple";
pub(crate) const CLIENT: &str = "first-party";

pub(crate) fn at(secs: u64) -> UnixTime {
    UnixTime::from_secs(1_800_000_000 + secs)
}

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn password(text: &str) -> Password {
    Password::new(text).unwrap()
}

/// The cheapest parameters that are allowed.
pub(crate) fn parameters() -> PasswordParameters {
    PasswordParameters::new(7_168, 5, 1).unwrap()
}

/// Ada, whose password is [`PASSWORD`], hashed with [`parameters`].
pub(crate) static ADA: LazyLock<User> = LazyLock::new(|| {
    let new = NewPassword::choose(password(PASSWORD), "ada", PasswordPolicy::default()).unwrap();
    let hash = PasswordHasher::new(parameters())
        .hash(&new, [7; 16])
        .unwrap();
    user("ada", hash)
});

pub(crate) fn user(name: &str, password_hash: PasswordHash) -> User {
    User {
        id: format!("id-of-{name}"),
        username: name.to_owned(),
        password_hash,
        roles: vec!["admin".to_owned()],
        scope: "read write".to_owned(),
        disabled: false,
        created_at: at(0),
        password_changed_at: at(0),
    }
}

/// What Ada's password is good for.
pub(crate) static GRANT: LazyLock<UserGrant> = LazyLock::new(|| {
    let proof = PasswordHasher::new(parameters())
        .check(Some(&ADA), &password(PASSWORD))
        .unwrap();
    UserGrant::from_password(proof, at(0))
});

pub(crate) fn master() -> MasterKey {
    MasterKey::from_text(&"0f".repeat(32)).unwrap()
}

/// MAC keys with ids 1 to 3, none of them retired.
pub(crate) static MAC_RECORDS: LazyLock<Vec<MacKeyRecord>> = LazyLock::new(|| {
    (1..=3)
        .map(|id| MacKeyRecord::generate(id, &master(), at(0)).unwrap())
        .collect()
});

/// The first keys up to this id; the last one makes tokens, those before it are retired.
pub(crate) fn mac_keys(id: u32) -> MacKeys {
    let retired_at = |record: &MacKeyRecord| (record.id < id).then_some(at(0));
    let known = MAC_RECORDS.iter().filter(|record| record.id <= id);
    let records: Vec<_> = known
        .map(|record| MacKeyRecord {
            retired_at: retired_at(record),
            ..record.clone()
        })
        .collect();
    MacKeys::open_all(&records, &master()).unwrap()
}

/// Ada's session, opened at 0.
pub(crate) fn session() -> Session {
    let new = NewSession {
        handle: Handle::new([3; 16]),
        sid: "sid-1".to_owned(),
        client_id: CLIENT.to_owned(),
        scope: None,
        audience: vec!["https://api.example".to_owned()],
        mac_key_id: 1,
    };
    GRANT
        .open_session(new, &SessionPolicy::default(), at(0))
        .unwrap()
}

pub(crate) const ASKED: Asked<'static> = Asked {
    client_id: CLIENT,
    scope: None,
};
