//! The verbs of the store, against a database of its own each.

#![expect(
    clippy::expect_used,
    reason = "a test whose preparations fail must fail loudly"
)]

use std::sync::Arc;
use std::time::Duration;

use countersign::UnixTime;
use countersign_issuer::marks::Marks;
use countersign_issuer::record::{
    AuditEvent, AuditKind, EndReason, Handle, PasswordHash, Session, User,
};
use countersign_issuer::revoke::RevocationKind;
use countersign_server::store::sqlite::SqliteStore;
use countersign_server::store::{
    Created, Ending, Found, Opened, Rotated, Rotation, Store, StoreError, Which,
};
use tempfile::TempDir;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const CLIENT: &str = "first-party";

struct Fixture {
    folder: TempDir,
    store: Arc<SqliteStore>,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Arc::new(open(&folder).expect("a new database"));
    Fixture { folder, store }
}

fn open(folder: &TempDir) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(&folder.path().join("test.db"))
}

fn user(name: &str) -> User {
    User {
        id: format!("id-of-{name}"),
        username: name.to_owned(),
        password_hash: PasswordHash::from_stored(format!("hash-of-{name}")),
        roles: vec!["reader".into(), "writer".into()],
        disabled: false,
        created_at: NOW,
        password_changed_at: NOW,
    }
}

fn session(user: &User, number: u8) -> Session {
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
        created_at: NOW,
        auth_time: NOW,
        last_used_at: NOW,
        idle_expires_at: NOW.saturating_add(Duration::from_secs(1000)),
        expires_at: NOW.saturating_add(Duration::from_secs(5000)),
        ended_at: None,
        end_reason: None,
    }
}

fn audit(kind: AuditKind) -> AuditEvent {
    AuditEvent::new(NOW, kind)
}

fn ending(reason: EndReason) -> Ending {
    Ending {
        reason,
        kind: AuditKind::SessionEnded,
        at: NOW,
        until: NOW.saturating_add(Duration::from_secs(720)),
        network: None,
        actor: None,
        detail: None,
    }
}

fn rotation(generation: u32) -> Rotation {
    Rotation {
        handle: Handle::new([1; 16]),
        generation,
        presented_mac_key_id: 1,
        client_id: CLIENT.into(),
        mac_key_id: 1,
        idle: Duration::from_secs(1000),
        grace: Duration::from_secs(30),
        now: NOW,
    }
}

impl Fixture {
    async fn add(&self, user: &User) {
        let created = self
            .store
            .create_user(user.clone(), audit(AuditKind::UserCreated))
            .await;
        assert_eq!(created.expect("a working store"), Created::Created);
    }

    async fn open(&self, user: &User, session: &Session) -> Opened {
        self.store
            .open_session(
                session.clone(),
                user.password_hash.clone(),
                None,
                audit(AuditKind::SignedIn),
            )
            .await
            .expect("a working store")
    }

    async fn signed_in(&self) -> (User, Session) {
        let user = user("ada");
        self.add(&user).await;
        let session = session(&user, 1);
        assert_eq!(self.open(&user, &session).await, Opened::Opened);
        (user, session)
    }
}

#[tokio::test]
async fn a_user_is_found_by_name_in_any_case_and_by_id() {
    let f = fixture();
    let ada = user("Ada");
    f.add(&ada).await;
    for name in ["Ada", "ada", "ADA"] {
        assert_eq!(
            f.store.user_by_name(name).await.expect("works"),
            Some(ada.clone()),
            "{name}"
        );
    }
    assert_eq!(f.store.user(&ada.id).await.expect("works"), Some(ada));
    assert_eq!(f.store.user_by_name("adam").await.expect("works"), None);
}

#[tokio::test]
async fn a_name_is_given_once_whatever_its_case() {
    let f = fixture();
    f.add(&user("ada")).await;
    let again = User {
        id: "another".into(),
        ..user("ADA")
    };
    let created = f
        .store
        .create_user(again, audit(AuditKind::UserCreated))
        .await;
    assert_eq!(created.expect("works"), Created::NameTaken);
    assert_eq!(f.store.user("another").await.expect("works"), None);
}

#[tokio::test]
async fn users_are_listed_by_name_in_pages() {
    let f = fixture();
    for name in ["cleo", "ada", "Bob"] {
        f.add(&user(name)).await;
    }
    let names = |users: Vec<User>| users.into_iter().map(|u| u.username).collect::<Vec<_>>();
    assert_eq!(
        names(f.store.users(None, 2).await.expect("works")),
        ["ada", "Bob"]
    );
    assert_eq!(
        names(f.store.users(Some("Bob"), 2).await.expect("works")),
        ["cleo"]
    );
}

#[tokio::test]
async fn a_session_comes_back_as_it_was_stored() {
    let f = fixture();
    let (user, session) = f.signed_in().await;
    assert_eq!(
        f.store.session(session.handle).await.expect("works"),
        Some(session.clone())
    );
    assert_eq!(
        f.store.sessions_of(&user.id, NOW).await.expect("works"),
        [session]
    );
}

#[tokio::test]
async fn no_session_opens_for_a_user_who_changed_while_the_password_was_checked() {
    let f = fixture();
    let ada = user("ada");
    f.add(&ada).await;
    let stale = User {
        password_hash: PasswordHash::from_stored("another"),
        ..ada.clone()
    };
    assert_eq!(f.open(&stale, &session(&ada, 1)).await, Opened::UserChanged);
    let disabled = f.store.disable_user(
        &ada.id,
        ending(EndReason::UserDisabled),
        audit(AuditKind::UserDisabled),
    );
    assert_eq!(disabled.await.expect("works"), Found::Found(vec![]));
    assert_eq!(f.open(&ada, &session(&ada, 1)).await, Opened::UserChanged);
    assert_eq!(
        f.store.session(Handle::new([1; 16])).await.expect("works"),
        None
    );
}

#[tokio::test]
async fn a_sign_in_may_bring_a_better_hash() {
    let f = fixture();
    let ada = user("ada");
    f.add(&ada).await;
    let better = PasswordHash::from_stored("better");
    let opened = f.store.open_session(
        session(&ada, 1),
        ada.password_hash.clone(),
        Some(better.clone()),
        audit(AuditKind::SignedIn),
    );
    assert_eq!(opened.await.expect("works"), Opened::Opened);
    let stored = f
        .store
        .user(&ada.id)
        .await
        .expect("works")
        .expect("still there");
    assert_eq!(stored.password_hash, better);
}

#[tokio::test]
async fn a_rotation_moves_one_generation_on_and_only_once() {
    let f = fixture();
    let (user, _) = f.signed_in().await;
    let Rotated::Rotated(row, of) = f.store.rotate(rotation(0)).await.expect("works") else {
        panic!("the first refresh is current");
    };
    assert_eq!((row.generation, &of), (1, &user));
    assert!(row.marks.inside_grace(0, NOW, Duration::from_secs(30)));
    assert_eq!(
        f.store.session(row.handle).await.expect("works"),
        Some(row.clone())
    );
    let Rotated::NotCurrent(same, _) = f.store.rotate(rotation(0)).await.expect("works") else {
        panic!("the second one is not");
    };
    assert_eq!(same, row);
}

#[tokio::test]
async fn what_does_not_match_changes_nothing() {
    let f = fixture();
    let (_, session) = f.signed_in().await;
    let wrong = [
        Rotation {
            generation: 1,
            ..rotation(0)
        },
        Rotation {
            client_id: "another".into(),
            ..rotation(0)
        },
        Rotation {
            presented_mac_key_id: 2,
            ..rotation(0)
        },
        Rotation {
            now: session.idle_expires_at,
            ..rotation(0)
        },
        Rotation {
            now: session.expires_at,
            ..rotation(0)
        },
    ];
    for rotation in wrong {
        let outcome = f.store.rotate(rotation.clone()).await.expect("works");
        assert!(
            matches!(outcome, Rotated::NotCurrent(..)),
            "{rotation:?}: {outcome:?}"
        );
    }
    let unknown = Rotation {
        handle: Handle::new([9; 16]),
        ..rotation(0)
    };
    assert!(matches!(
        f.store.rotate(unknown).await.expect("works"),
        Rotated::Missing
    ));
    assert_eq!(
        f.store.session(session.handle).await.expect("works"),
        Some(session)
    );
}

#[tokio::test]
async fn of_many_racers_one_rotates() {
    let f = fixture();
    f.signed_in().await;
    let mut racers = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let store = Arc::clone(&f.store);
        racers.spawn(async move { store.rotate(rotation(0)).await.expect("works") });
    }
    let outcomes = racers.join_all().await;
    let rotated = outcomes
        .iter()
        .filter(|o| matches!(o, Rotated::Rotated(..)))
        .count();
    assert_eq!(rotated, 1);
    for outcome in outcomes {
        let (Rotated::Rotated(row, _) | Rotated::NotCurrent(row, _)) = outcome else {
            panic!("the session is there");
        };
        assert_eq!(row.generation, 1);
    }
}

#[tokio::test]
async fn an_ended_session_is_published_and_rotates_no_more() {
    let f = fixture();
    let (_, session) = f.signed_in().await;
    let which = Which::Handle(session.handle);
    let ended = f
        .store
        .end_sessions(which.clone(), ending(EndReason::SignedOut))
        .await;
    assert_eq!(ended.expect("works").len(), 1);
    // Ending twice is not an error, and publishes nothing anew.
    let again = f
        .store
        .end_sessions(which, ending(EndReason::SignedOut))
        .await;
    assert_eq!(again.expect("works"), []);
    assert!(matches!(
        f.store.rotate(rotation(0)).await.expect("works"),
        Rotated::NotCurrent(..)
    ));
    let revoked = f.store.revocations(NOW).await.expect("works");
    assert_eq!(revoked.len(), 1);
    assert_eq!(
        (revoked[0].kind, &revoked[0].value),
        (RevocationKind::Session, &session.sid)
    );
}

#[tokio::test]
async fn a_session_is_ended_by_its_owner_only() {
    let f = fixture();
    let (_, session) = f.signed_in().await;
    let which = Which::Of {
        user_id: "somebody-else".into(),
        sid: session.sid,
    };
    let ended = f
        .store
        .end_sessions(which, ending(EndReason::EndedByOwner))
        .await;
    assert_eq!(ended.expect("works"), []);
}

#[tokio::test]
async fn a_new_password_ends_every_session_but_the_one_to_keep() {
    let f = fixture();
    let (user, first) = f.signed_in().await;
    let second = session(&user, 2);
    assert_eq!(f.open(&user, &second).await, Opened::Opened);
    let changed = f.store.set_password(
        &user.id,
        PasswordHash::from_stored("new"),
        Some(&first.sid),
        ending(EndReason::PasswordChanged),
        audit(AuditKind::PasswordChanged),
    );
    let Found::Found(ended) = changed.await.expect("works") else {
        panic!("the user is there")
    };
    assert_eq!(
        ended.iter().map(|e| &e.sid).collect::<Vec<_>>(),
        [&second.sid]
    );
    assert_eq!(
        f.store.sessions_of(&user.id, NOW).await.expect("works"),
        [first]
    );
}

#[tokio::test]
async fn a_sweep_removes_what_is_long_over_and_nothing_else() {
    let f = fixture();
    let (user, alive) = f.signed_in().await;
    let over = Session {
        idle_expires_at: NOW.saturating_sub(Duration::from_secs(7200)),
        ..session(&user, 2)
    };
    assert_eq!(f.open(&user, &over).await, Opened::Opened);
    f.store
        .end_sessions(Which::Handle(alive.handle), ending(EndReason::SignedOut))
        .await
        .expect("works");
    assert!(
        !f.store
            .sweep(NOW, UnixTime::EPOCH, 100)
            .await
            .expect("works")
    );
    assert_eq!(f.store.session(over.handle).await.expect("works"), None);
    assert!(
        f.store
            .session(alive.handle)
            .await
            .expect("works")
            .is_some()
    );
    assert_eq!(f.store.revocations(NOW).await.expect("works").len(), 1);
    let later = NOW.saturating_add(Duration::from_secs(721));
    f.store
        .sweep(later, UnixTime::EPOCH, 100)
        .await
        .expect("works");
    assert!(f.store.revocations(later).await.expect("works").is_empty());
}

#[tokio::test]
async fn everything_is_there_after_the_database_is_opened_again() {
    let f = fixture();
    let (user, session) = f.signed_in().await;
    let Fixture { folder, store } = f;
    store.close().await;
    drop(store);
    let store = open(&folder).expect("the same database");
    assert_eq!(store.user(&user.id).await.expect("works"), Some(user));
    assert_eq!(
        store.session(session.handle).await.expect("works"),
        Some(session)
    );
}

#[tokio::test]
async fn what_another_process_writes_is_noticed() {
    let f = fixture();
    let before = f.store.foreign_writes().await.expect("works");
    f.add(&user("ada")).await;
    assert_eq!(
        f.store.foreign_writes().await.expect("works"),
        before,
        "our own writes are not"
    );
    let other = open(&f.folder).expect("a second process may open it");
    let created = other
        .create_user(user("bob"), audit(AuditKind::UserCreated))
        .await;
    assert_eq!(created.expect("works"), Created::Created);
    assert_ne!(f.store.foreign_writes().await.expect("works"), before);
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let f = fixture();
    let Fixture { folder, store } = f;
    store.close().await;
    drop(store);
    let path = folder.path().join("test.db");
    let connection = rusqlite::Connection::open(path).expect("the file");
    connection
        .pragma_update(None, "user_version", 999)
        .expect("a newer schema");
    let refused = open(&folder).expect_err("a newer schema is refused");
    assert!(
        matches!(refused, StoreError::NewerSchema { found: 999, .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("schema 999"));
}

#[tokio::test]
async fn the_longest_life_is_never_forgotten() {
    let f = fixture();
    let life = |secs| f.store.longest_access_life(Duration::from_secs(secs));
    assert_eq!(life(600).await.expect("works").as_secs(), 600);
    assert_eq!(life(60).await.expect("works").as_secs(), 600);
    assert_eq!(life(900).await.expect("works").as_secs(), 900);
}

#[tokio::test]
async fn a_failed_write_takes_nobody_else_with_it() {
    let f = fixture();
    let (user, _) = f.signed_in().await;
    // The same handle again cannot be stored; what is written at the same time must be.
    let clash = session(&user, 1);
    let other = session(&user, 2);
    let (failed, opened) = tokio::join!(
        f.store.open_session(
            clash,
            user.password_hash.clone(),
            None,
            audit(AuditKind::SignedIn)
        ),
        f.store.open_session(
            other.clone(),
            user.password_hash.clone(),
            None,
            audit(AuditKind::SignedIn)
        ),
    );
    assert!(failed.is_err());
    assert_eq!(opened.expect("works"), Opened::Opened);
    assert!(
        f.store
            .session(other.handle)
            .await
            .expect("works")
            .is_some()
    );
}
