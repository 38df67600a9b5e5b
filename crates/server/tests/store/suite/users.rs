//! Users: made, found, changed, deleted.

use countersign_issuer::record::{AuditKind, EndReason, PasswordHash, User};
use countersign_issuer::revoke::RevocationKind;
use countersign_server::store::{Created, Found, Opened, UserChange, Which};

use crate::cast::{audit, disabled, ending, now, session, user};
use crate::fixture::Fixture;

pub(crate) async fn a_user_is_found_by_name_in_any_case_and_by_id(f: Fixture) {
    let ada = user("Ada");
    f.add(&ada).await;
    for name in ["Ada", "ada", "ADA"] {
        let found = f.store.user_by_name(name).await.expect("works");
        assert_eq!(found, Some(ada.clone()), "{name}");
    }
    assert_eq!(f.store.user(&ada.id).await.expect("works"), Some(ada));
    assert_eq!(f.store.user_by_name("adam").await.expect("works"), None);
    assert!(f.store.ping().await.is_ok());
}

pub(crate) async fn a_name_is_given_once_whatever_its_case(f: Fixture) {
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
    let lines = f.store.audit_log(0, 10).await.expect("works");
    assert_eq!(
        lines.len(),
        1,
        "nothing is written down of what did not happen"
    );
}

pub(crate) async fn users_are_listed_by_name_in_pages(f: Fixture) {
    for name in ["cleo", "ada", "Bob", "b-side"] {
        f.add(&user(name)).await;
    }
    let names = |users: Vec<User>| users.into_iter().map(|u| u.username).collect::<Vec<_>>();
    assert_eq!(
        names(f.store.users(None, 2).await.expect("works")),
        ["ada", "b-side"]
    );
    assert_eq!(
        names(f.store.users(Some("b-side"), 2).await.expect("works")),
        ["Bob", "cleo"]
    );
    assert_eq!(
        names(f.store.users(Some("BOB"), 2).await.expect("works")),
        ["cleo"]
    );
}

pub(crate) async fn users_are_imported_as_far_as_their_names_are_free(f: Fixture) {
    f.add(&user("ada")).await;
    let (bob, bob_again) = (
        user("bob"),
        User {
            id: "another".into(),
            ..user("BOB")
        },
    );
    let ada_again = User {
        id: "a-third".into(),
        ..user("ada")
    };
    let users = vec![ada_again, bob.clone(), bob_again, user("cleo")];
    let imported = f
        .store
        .import_users(users, audit(AuditKind::UsersImported))
        .await;
    let outcomes = [
        Created::NameTaken,
        Created::Created,
        Created::NameTaken,
        Created::Created,
    ];
    assert_eq!(imported.expect("works"), outcomes);
    assert_eq!(
        f.store.user_by_name("bob").await.expect("works"),
        Some(bob.clone())
    );
    let log = f.store.audit_log(0, 10).await.expect("works");
    let kinds: Vec<_> = log.iter().map(|(_, event)| event.kind).collect();
    assert_eq!(kinds, [AuditKind::UserCreated, AuditKind::UsersImported]);
    let added = log.last().and_then(|(_, event)| event.detail.clone());
    assert_eq!(added.as_deref(), Some("2"), "as many as were added");

    let nothing_new = vec![User {
        id: "a-fourth".into(),
        ..bob
    }];
    let imported = f
        .store
        .import_users(nothing_new, audit(AuditKind::UsersImported))
        .await;
    assert_eq!(imported.expect("works"), [Created::NameTaken]);
    assert_eq!(
        f.store
            .import_users(vec![], audit(AuditKind::UsersImported))
            .await
            .ok(),
        Some(vec![])
    );
    assert_eq!(f.store.audit_log(0, 10).await.expect("works").len(), 2);
}

pub(crate) async fn of_each_kind_of_hash_one_is_known(f: Fixture) {
    assert_eq!(f.store.password_kinds().await.expect("works"), []);
    let hashes = [
        "$2b$12$saltandhash",
        "$2b$10$saltandhash",
        "$2b$12$anotherhash",
    ];
    for (number, hash) in hashes.into_iter().enumerate() {
        let password_hash = PasswordHash::from_stored(hash);
        f.add(&User {
            password_hash,
            ..user(&format!("user{number}"))
        })
        .await;
    }
    let kinds = f.store.password_kinds().await.expect("works");
    let mut costs: Vec<_> = kinds
        .iter()
        .map(|hash| hash.as_str()[..6].to_owned())
        .collect();
    costs.sort();
    assert_eq!(costs, ["$2b$10", "$2b$12"]);
}

pub(crate) async fn a_user_changes_and_each_change_is_written_down(f: Fixture) {
    let (ada, ada_session) = f.signed_in().await;
    let roles = vec!["reader".to_owned(), "writer".to_owned(), "admin".to_owned()];
    let change = async |change: UserChange, kind: AuditKind| {
        let ending = ending(EndReason::UserDisabled);
        let changed = f
            .store
            .change_user(&ada.id, change, ending, vec![audit(kind)]);
        changed.await.expect("works")
    };
    let more = UserChange {
        roles: Some(roles.clone()),
        ..UserChange::default()
    };
    let changed = change(more, AuditKind::UserChanged).await;
    assert_eq!(changed, Found::Found(vec![]), "nothing was taken away");
    let kept_out = change(disabled(true), AuditKind::UserDisabled).await;
    let Found::Found(ended) = kept_out else {
        panic!("the user is there")
    };
    assert_eq!(ended.len(), 1);
    assert_eq!(
        (&ended[0].sid, &ended[0].user_id),
        (&ada_session.sid, &ada.id)
    );
    let expected = User {
        roles: roles.clone(),
        disabled: true,
        ..ada.clone()
    };
    assert_eq!(f.store.user(&ada.id).await.expect("works"), Some(expected));
    let enabled = change(disabled(false), AuditKind::UserEnabled).await;
    assert_eq!(enabled, Found::Found(vec![]));
    assert_eq!(
        f.store.user(&ada.id).await.expect("works"),
        Some(User {
            roles,
            ..ada.clone()
        })
    );

    let lines = f.store.audit_log(0, 10).await.expect("works");
    let kinds: Vec<_> = lines.iter().map(|(_, event)| event.kind).collect();
    let expected = [
        AuditKind::UserCreated,
        AuditKind::SignedIn,
        AuditKind::UserChanged,
        AuditKind::UserDisabled,
        AuditKind::SessionEnded,
        AuditKind::UserEnabled,
    ];
    assert_eq!(kinds, expected);
    assert_eq!(lines[4].1.sid, Some(ada_session.sid));
    assert_eq!(lines[4].1.detail.as_deref(), Some("user_disabled"));
}

pub(crate) async fn a_role_that_is_taken_away_ends_every_session(f: Fixture) {
    let (ada, _) = f.signed_in().await;
    let change = async |roles: &[&str], disabled: Option<bool>| {
        let change = UserChange {
            roles: Some(roles.iter().map(|role| (*role).to_owned()).collect()),
            disabled,
            ..UserChange::default()
        };
        let audit = vec![
            audit(AuditKind::UserChanged),
            audit(AuditKind::UserDisabled),
        ];
        let ending = ending(EndReason::RoleTaken);
        let changed = f.store.change_user(&ada.id, change, ending, audit).await;
        let Found::Found(ended) = changed.expect("works") else {
            panic!("the user is there")
        };
        ended.into_iter().map(|one| one.sid).collect::<Vec<_>>()
    };
    // In another order, and with one more: nothing is lost.
    let kept: [String; 0] = [];
    assert_eq!(change(&["writer", "admin", "reader"], None).await, kept);
    assert_eq!(change(&["reader", "writers"], None).await, ["sid-1"]);
    let revoked = f.store.revocations(now()).await.expect("works");
    let revoked: Vec<_> = revoked.into_iter().map(|one| one.value).collect();
    assert_eq!(revoked, ["sid-1"], "and the guards hear of it");

    // Both halves of a change, and a line for each of them.
    let ada_now = f.store.user(&ada.id).await.expect("works").expect("there");
    let lines = async || f.store.audit_log(0, 100).await.expect("works").len();
    let before = lines().await;
    assert_eq!(f.open(&ada_now, &session(&ada, 2)).await, Opened::Opened);
    assert_eq!(change(&["reader"], Some(true)).await, ["sid-2"]);
    let ada_now = f.store.user(&ada.id).await.expect("works").expect("there");
    assert_eq!(
        (&ada_now.roles[..], ada_now.disabled),
        (&["reader".to_owned()][..], true)
    );
    assert_eq!(
        lines().await - before,
        4,
        "sign-in, roles, disabled, session"
    );
}

/// A thief who knows the old password, and an administrator who resets it meanwhile.
pub(crate) async fn a_password_is_changed_by_its_owner_only_while_it_is_the_one_checked(
    f: Fixture,
) {
    let (ada, _) = f.signed_in().await;
    let hash = |text: &str| PasswordHash::from_stored(text);
    let set = async |checked: Option<PasswordHash>, new: &str| {
        let line = audit(AuditKind::PasswordChanged);
        let ending = ending(EndReason::PasswordChanged);
        let changed = f
            .store
            .set_password(&ada.id, checked, hash(new), None, ending, line);
        matches!(changed.await.expect("works"), Found::Found(_))
    };
    let stored = async || f.store.user(&ada.id).await.expect("works").expect("there");
    let checked = Some(ada.password_hash.clone());
    assert!(set(None, "the administrator's").await);
    assert!(!set(checked, "the thief's").await);
    assert_eq!(stored().await.password_hash, hash("the administrator's"));
    let lines = f.store.audit_log(0, 100).await.expect("works");
    let changes = lines
        .iter()
        .filter(|(_, line)| line.kind == AuditKind::PasswordChanged);
    assert_eq!(changes.count(), 1, "nothing is written down of the thief's");

    let checked = Some(hash("the administrator's"));
    assert!(set(checked, "the owner's").await);
    let kept_out = f.store.change_user(
        &ada.id,
        disabled(true),
        ending(EndReason::UserDisabled),
        vec![],
    );
    assert!(matches!(kept_out.await.expect("works"), Found::Found(_)));
    assert!(!set(Some(hash("the owner's")), "a disabled user's").await);
    assert_eq!(stored().await.password_hash, hash("the owner's"));
}

pub(crate) async fn a_deleted_user_is_gone_with_every_session_and_revoked(f: Fixture) {
    let (ada, ada_session) = f.signed_in().await;
    let ending = ending(EndReason::UserDeleted);
    let deleted = f
        .store
        .delete_user(&ada.id, ending, audit(AuditKind::UserDeleted))
        .await;
    let Found::Found(ended) = deleted.expect("works") else {
        panic!("the user is there")
    };
    assert_eq!(ended.len(), 1);
    assert_eq!(f.store.user(&ada.id).await.expect("works"), None);
    assert_eq!(
        f.store.session(ada_session.handle).await.expect("works"),
        None
    );
    let mut revoked: Vec<_> = f.store.revocations(now()).await.expect("works");
    revoked.sort_by_key(|revocation| revocation.kind.as_str());
    let revoked: Vec<_> = revoked
        .iter()
        .map(|one| (one.kind, one.value.as_str()))
        .collect();
    let expected = [
        (RevocationKind::Session, ada_session.sid.as_str()),
        (RevocationKind::Subject, ada.id.as_str()),
    ];
    assert_eq!(revoked, expected);
}

pub(crate) async fn what_is_not_there_is_missing(f: Fixture) {
    let id = "nobody";
    let end = || ending(EndReason::UserDeleted);
    let line = || audit(AuditKind::UserChanged);
    let hash = PasswordHash::from_stored("new");
    let changed = f
        .store
        .set_password(id, None, hash, None, end(), line())
        .await;
    assert_eq!(changed.expect("works"), Found::Missing);
    assert_eq!(
        f.store
            .change_user(id, disabled(true), end(), vec![line()])
            .await
            .expect("works"),
        Found::Missing
    );
    assert_eq!(
        f.store.delete_user(id, end(), line()).await.expect("works"),
        Found::Missing
    );
    assert_eq!(f.store.audit_log(0, 10).await.expect("works"), []);
    assert_eq!(f.store.revocations(now()).await.expect("works"), []);
}

/// PostgreSQL's text cannot hold one. Whatever reaches the store from outside is looked up or
/// written down all the same.
pub(crate) async fn a_nul_in_what_somebody_typed_is_no_failure(f: Fixture) {
    let ada = user("ada");
    f.add(&ada).await;
    assert_eq!(f.store.user_by_name("ada\0").await.expect("works"), None);
    assert_eq!(f.store.user("\0").await.expect("works"), None);
    let sid = Which::Of {
        user_id: ada.id.clone(),
        sid: "sid\0".into(),
    };
    assert_eq!(
        f.store
            .end_sessions(sid, ending(EndReason::EndedByOwner))
            .await
            .ok(),
        Some(vec![])
    );
    let mut refused = audit(AuditKind::SignInRefused);
    refused.username = Some("ada\0".into());
    f.store.audit(refused).await.expect("written down");
    let lines = f.store.audit_log(0, 10).await.expect("works");
    let name = lines[1].1.username.as_deref().expect("a name");
    assert!(
        name.starts_with("ada") && name.chars().count() == 4,
        "{name:?}"
    );
    let mut odd = session(&ada, 1);
    odd.scope = "a\0b".into();
    assert_eq!(f.open(&ada, &odd).await, Opened::Opened);
}
