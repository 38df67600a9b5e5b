//! Who and what appears in the tests.

use std::sync::Arc;
use std::time::Duration;

use countersign::Algorithm;
use countersign::UnixTime;
use countersign_issuer::client::{Authentication, ClientSecretHash, ClientTerms};
use countersign_issuer::marks::Marks;
use countersign_issuer::record::{
    AuditEvent, AuditKind, EndReason, Handle, PasswordHash, Session, User,
};
use countersign_issuer::{Client, GrantType};
use countersign_server::store::{Basis, Ending, Room, Rotation, UserChange};

pub(crate) const CLIENT: &str = "first-party";
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
pub(crate) const GRACE: Duration = Duration::from_secs(30);

/// The true time: a database goes by its own clock where it matters, and that is this one.
pub(crate) fn now() -> UnixTime {
    UnixTime::now()
}

pub(crate) fn in_seconds(seconds: u64) -> UnixTime {
    now().saturating_add(Duration::from_secs(seconds))
}

pub(crate) fn seconds_ago(seconds: u64) -> UnixTime {
    now().saturating_sub(Duration::from_secs(seconds))
}

pub(crate) fn user(name: &str) -> User {
    User {
        id: format!("id-of-{name}"),
        username: name.to_owned(),
        password_hash: PasswordHash::from_stored(format!("hash-of-{name}")),
        roles: vec!["reader".into(), "writer".into()],
        scope: "orders:read orders:write".into(),
        disabled: false,
        created_at: now(),
        password_changed_at: now(),
    }
}

pub(crate) fn session(user: &User, number: u8) -> Session {
    Session {
        handle: Handle::new([number; 16]),
        sid: format!("sid-{number}"),
        user_id: user.id.clone(),
        client_id: CLIENT.into(),
        scope: "orders:read".into(),
        audience: vec!["api".into(), "with \"quotes\" and spaces".into()],
        generation: 0,
        mac_key_id: 1,
        marks: Marks::default(),
        created_at: now(),
        auth_time: now(),
        last_used_at: now(),
        idle_expires_at: in_seconds(1000),
        expires_at: in_seconds(5000),
        ended_at: None,
        end_reason: None,
    }
}

pub(crate) fn client(client_id: &str) -> Client {
    let secrets = vec![
        ClientSecretHash::from_stored([1; 32], Some(in_seconds(60))),
        ClientSecretHash::from_stored([2; 32], None),
    ];
    Client {
        client_id: client_id.to_owned(),
        name: "Nightly \"reports\"".to_owned(),
        authentication: Authentication::Secrets(secrets),
        grant_types: GrantType::ALL.to_vec(),
        scope: "orders:read export".to_owned(),
        audiences: vec!["api".to_owned(), "https://store.example".to_owned()],
        serves: vec!["orders".to_owned()],
        roles: vec!["auditor".to_owned(), "reader".to_owned()],
        terms: ClientTerms {
            session_idle: Some(Duration::from_secs(60)),
            session_absolute: Some(Duration::from_secs(600)),
            access_life: Some(Duration::from_secs(30)),
            algorithm: Some(Algorithm::RS256),
        },
        disabled: false,
        created_at: now(),
        own_sid: format!("own-{client_id}"),
        revision: 0,
    }
}

pub(crate) fn audit(kind: AuditKind) -> AuditEvent {
    AuditEvent::new(now(), kind)
}

pub(crate) fn disabled(disabled: bool) -> UserChange {
    UserChange {
        disabled: Some(disabled),
        ..UserChange::default()
    }
}

pub(crate) fn ending(reason: EndReason) -> Ending {
    Ending {
        reason,
        kind: AuditKind::SessionEnded,
        at: now(),
        until: in_seconds(720),
        network: None,
        actor: None,
        detail: None,
    }
}

/// What a sign-in of this user at the server itself is decided by.
pub(crate) fn basis(user: &User) -> Basis {
    Basis::of(user, None)
}

/// More than any test fills but the one about it.
pub(crate) fn room() -> Room {
    Room {
        most: 100_000,
        ending: ending(EndReason::Crowded),
    }
}

pub(crate) fn rotation(generation: u32) -> Rotation {
    Rotation {
        handle: Handle::new([1; 16]),
        generation,
        presented_mac_key_id: 1,
        client_id: CLIENT.into(),
        audiences: Arc::new(["api".into(), "with \"quotes\" and spaces".into()]),
        mac_key_id: 1,
        idle: Duration::from_secs(1000),
        grace: GRACE,
        now: now(),
    }
}
