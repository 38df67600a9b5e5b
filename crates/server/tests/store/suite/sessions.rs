//! Sessions: opened, found, ended, swept.

use countersign::UnixTime;
use countersign_issuer::record::{
    AuditEvent, AuditKind, EndReason, Handle, PasswordHash, Session, User,
};
use countersign_issuer::revoke::RevocationKind;
use countersign_server::store::{Basis, Created, Ending, Found, Opened, Room, Rotated, Which};

use crate::cast::{
    CLIENT, HOUR, audit, basis, client, disabled, ending, in_seconds, now, room, rotation,
    seconds_ago, session, user,
};
use crate::fixture::Fixture;

pub(crate) async fn a_session_comes_back_as_it_was_stored(f: Fixture) {
    let (user, session) = f.signed_in().await;
    let found = f.store.session(session.handle).await.expect("works");
    assert_eq!(found, Some(session.clone()));
    assert_eq!(f.alive_of(&user.id).await, [session]);
}

pub(crate) async fn no_session_opens_for_a_user_who_changed_while_the_password_was_checked(
    f: Fixture,
) {
    let ada = user("ada");
    f.add(&ada).await;
    let stale = User {
        password_hash: PasswordHash::from_stored("another"),
        ..ada.clone()
    };
    assert_eq!(f.open(&stale, &session(&ada, 1)).await, Opened::Changed);
    let ending = ending(EndReason::UserDisabled);
    let disabled = f.store.change_user(
        &ada.id,
        disabled(true),
        ending,
        vec![audit(AuditKind::UserDisabled)],
    );
    assert_eq!(disabled.await.expect("works"), Found::Found(vec![]));
    assert_eq!(f.open(&ada, &session(&ada, 1)).await, Opened::Changed);
    let upgraded = f.store.open_session(
        session(&ada, 1),
        basis(&ada),
        Some(PasswordHash::from_stored("better")),
        room(),
        audit(AuditKind::SignedIn),
    );
    assert_eq!(upgraded.await.expect("works"), Opened::Changed);
    assert_eq!(
        f.store.session(Handle::new([1; 16])).await.expect("works"),
        None
    );
}

/// With and without a better hash: those are two statements on PostgreSQL.
pub(crate) async fn no_session_opens_by_rights_that_have_changed(f: Fixture) {
    let ada = user("ada");
    f.add(&ada).await;
    let shop = client("reports");
    let created = f
        .store
        .create_client(shop.clone(), audit(AuditKind::ClientCreated));
    assert_eq!(created.await.expect("works"), Created::Created);
    let through = |client_id: &str, number| Session {
        client_id: client_id.into(),
        ..session(&ada, number)
    };
    let now = Basis::of(&ada, Some(&shop));
    let other = |change: fn(&mut Basis)| {
        let mut basis = now.clone();
        change(&mut basis);
        basis
    };
    let mut number = 0;
    for (basis, client_id, opens) in [
        (now.clone(), "reports", true),
        (now.clone(), CLIENT, true),
        (other(|it| it.client_revision = None), CLIENT, true),
        (other(|it| it.client_revision = None), "reports", false),
        (other(|it| it.client_revision = Some(1)), "reports", false),
        (other(|it| it.roles.clear()), "reports", false),
        (other(|it| it.roles.push("admin".into())), CLIENT, false),
        (other(|it| it.scope.clear()), "reports", false),
        (other(|it| it.scope.push_str(" more")), CLIENT, false),
    ] {
        for upgrade in [None, Some(ada.password_hash.clone())] {
            number += 1;
            let asked = through(client_id, number);
            let (basis, line) = (basis.clone(), audit(AuditKind::SignedIn));
            let opened = f.store.open_session(asked, basis, upgrade, room(), line);
            let expected = if opens {
                Opened::Opened
            } else {
                Opened::Changed
            };
            assert_eq!(opened.await.expect("works"), expected, "number {number}");
        }
    }
    assert_eq!(f.alive_of(&ada.id).await.len(), 6);
    let lines = f.store.audit_log(0, 100).await.expect("works");
    let signed_in = |(_, line): &&(u64, AuditEvent)| line.kind == AuditKind::SignedIn;
    assert_eq!(
        lines.iter().filter(signed_in).count(),
        6,
        "refused ones leave no line"
    );
    let events = audit(AuditKind::ClientChanged);
    let changed = f.store.change_client(shop, None, events).await;
    assert_eq!(changed.expect("works"), Found::Found(vec![]));
    let late = through("reports", 100);
    let opened = f
        .store
        .open_session(late, now, None, room(), audit(AuditKind::SignedIn));
    assert_eq!(opened.await.expect("works"), Opened::Changed);
    // Roles are read word by word, also where somebody has written them by hand.
    f.database
        .execute("UPDATE users SET roles = ' writer  reader '")
        .await;
    let ada = f.store.user(&ada.id).await.expect("works").expect("there");
    assert_eq!(ada.roles, ["writer", "reader"]);
    assert_eq!(f.open(&ada, &session(&ada, 101)).await, Opened::Opened);
}

pub(crate) async fn a_sign_in_may_bring_a_better_hash(f: Fixture) {
    let ada = user("ada");
    f.add(&ada).await;
    let better = PasswordHash::from_stored("better");
    let opened = f.store.open_session(
        session(&ada, 1),
        basis(&ada),
        Some(better.clone()),
        room(),
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

pub(crate) async fn the_least_recently_used_session_ends_for_one_too_many(f: Fixture) {
    let ada = user("ada");
    let bob = user("bob");
    f.add(&ada).await;
    f.add(&bob).await;
    let open = async |session: Session, most| {
        let basis = basis(&user(&session.user_id[6..]));
        let room = Room { most, ..room() };
        let line = audit(AuditKind::SignedIn);
        let opened = f.store.open_session(session, basis, None, room, line).await;
        let Opened::InPlaceOf(ended) = opened.expect("works") else {
            return Vec::new();
        };
        let mut sids: Vec<_> = ended.into_iter().map(|it| it.sid).collect();
        sids.sort();
        sids
    };
    let used = |number, ago| Session {
        last_used_at: seconds_ago(ago),
        ..session(&ada, number)
    };
    // Neither what has expired nor what is somebody else's takes room.
    let expired = Session {
        idle_expires_at: seconds_ago(1),
        ..used(8, 500)
    };
    for fits in [
        expired,
        session(&bob, 9),
        used(1, 50),
        used(2, 300),
        used(3, 100),
    ] {
        assert_eq!(open(fits, 3).await, [""; 0]);
    }
    assert_eq!(open(session(&ada, 4), 3).await, ["sid-2"]);
    let revoked = f.store.revocations(now()).await.expect("works");
    let revoked: Vec<_> = revoked.iter().map(|it| it.value.as_str()).collect();
    assert_eq!(revoked, ["sid-2"]);
    let lines = f.store.audit_log(0, 100).await.expect("works");
    let ended: Vec<_> = lines
        .iter()
        .filter(|(_, line)| line.kind == AuditKind::SessionEnded)
        .map(|(_, line)| [&line.username, &line.sid, &line.detail].map(Option::as_deref))
        .collect();
    assert_eq!(
        ended,
        [[Some(&*ada.username), Some("sid-2"), Some("crowded")]]
    );
    assert_eq!(open(session(&ada, 5), 1).await, ["sid-1", "sid-3", "sid-4"]);
    let alive = f.alive_of(&bob.id).await;
    assert_eq!(alive.len(), 1);
    // A sign-in that is refused ends nothing.
    let stale = Basis {
        password_hash: PasswordHash::from_stored("another"),
        ..basis(&ada)
    };
    let room = Room { most: 1, ..room() };
    let line = audit(AuditKind::SignedIn);
    let refused = f
        .store
        .open_session(session(&ada, 6), stale, None, room, line);
    assert_eq!(refused.await.expect("works"), Opened::Changed);
    let alive = f.alive_of(&ada.id).await;
    assert_eq!(alive[0].sid, "sid-5");
}

pub(crate) async fn an_ended_session_is_published_and_rotates_no_more(f: Fixture) {
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
    let refused = f.store.rotate(rotation(0)).await.expect("works");
    let Rotated::NotCurrent(row, _) = refused else {
        panic!("it is over: {refused:?}")
    };
    assert_eq!(row.end_reason, Some(EndReason::SignedOut));
    let revoked = f.store.revocations(now()).await.expect("works");
    assert_eq!(revoked.len(), 1);
    assert_eq!(
        (revoked[0].kind, &revoked[0].value),
        (RevocationKind::Session, &session.sid)
    );
    let at = revoked[0].at;
    assert!(at > seconds_ago(600) && at < in_seconds(600), "{at:?}");
}

pub(crate) async fn a_session_is_ended_by_its_owner_only(f: Fixture) {
    let (ada, session) = f.signed_in().await;
    let which = |user_id: &str| Which::Of {
        user_id: user_id.to_owned(),
        sid: session.sid.clone(),
    };
    let end = |which| f.store.end_sessions(which, ending(EndReason::EndedByOwner));
    assert_eq!(end(which("somebody-else")).await.expect("works"), []);
    assert_eq!(end(which(&ada.id)).await.expect("works").len(), 1);
}

pub(crate) async fn everybodys_sessions_end_at_once(f: Fixture) {
    let (ada, _) = f.signed_in().await;
    let bob = user("bob");
    f.add(&bob).await;
    assert_eq!(f.open(&ada, &session(&ada, 2)).await, Opened::Opened);
    assert_eq!(f.open(&bob, &session(&bob, 3)).await, Opened::Opened);
    let end = |which| f.store.end_sessions(which, ending(EndReason::Restored));
    assert_eq!(
        end(Which::Sid("sid-2".into())).await.expect("works").len(),
        1
    );
    assert_eq!(end(Which::Everyone).await.expect("works").len(), 2);
    assert_eq!(end(Which::Everyone).await.expect("works"), []);
    assert_eq!(f.store.revocations(now()).await.expect("works").len(), 3);
}

pub(crate) async fn a_new_password_ends_every_session_but_the_one_to_keep(f: Fixture) {
    let (user, first) = f.signed_in().await;
    let second = session(&user, 2);
    assert_eq!(f.open(&user, &second).await, Opened::Opened);
    let changed = f.store.set_password(
        &user.id,
        None,
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
    assert_eq!(f.alive_of(&user.id).await, [first]);
    let stored = f
        .store
        .user(&user.id)
        .await
        .expect("works")
        .expect("still there");
    assert_eq!(stored.password_hash, PasswordHash::from_stored("new"));
}

pub(crate) async fn living_sessions_are_listed_in_pages(f: Fixture) {
    let (ada, first) = f.signed_in().await;
    let (second, third) = (session(&ada, 2), session(&ada, 3));
    let over = Session {
        idle_expires_at: seconds_ago(1),
        ..session(&ada, 4)
    };
    for session in [&second, &third, &over] {
        assert_eq!(f.open(&ada, session).await, Opened::Opened);
    }
    let page = f.store.sessions(None, 2, now()).await.expect("works");
    assert_eq!(
        page,
        [
            (first, "ada".to_owned()),
            (second.clone(), "ada".to_owned())
        ]
    );
    let page = f
        .store
        .sessions(Some(&second.sid), 2, now())
        .await
        .expect("works");
    assert_eq!(page, [(third, "ada".to_owned())]);
}

pub(crate) async fn a_sweep_removes_what_is_long_over_and_nothing_else(f: Fixture) {
    let (user, alive) = f.signed_in().await;
    let idle = Session {
        idle_expires_at: seconds_ago(7200),
        ..session(&user, 2)
    };
    let old = Session {
        expires_at: seconds_ago(7200),
        ..session(&user, 3)
    };
    let just_over = Session {
        expires_at: seconds_ago(60),
        ..session(&user, 4)
    };
    let long_ended = session(&user, 5);
    for session in [&idle, &old, &just_over, &long_ended] {
        assert_eq!(f.open(&user, session).await, Opened::Opened);
    }
    let now_ended = ending(EndReason::SignedOut);
    let then_ended = Ending {
        at: seconds_ago(7200),
        until: seconds_ago(60),
        ..now_ended.clone()
    };
    for (session, ending) in [(&alive, now_ended), (&long_ended, then_ended)] {
        f.store
            .end_sessions(Which::Handle(session.handle), ending)
            .await
            .expect("works");
    }
    let revoked = async |at| f.store.revocations(at).await.expect("works").len();
    assert_eq!(
        (revoked(now()).await, revoked(UnixTime::EPOCH).await),
        (1, 2)
    );

    assert!(
        !f.store
            .sweep(now(), HOUR, UnixTime::EPOCH, 100)
            .await
            .expect("works")
    );
    for over in [idle, old, long_ended] {
        assert_eq!(f.store.session(over.handle).await.expect("works"), None);
    }
    for remembered in [alive, just_over] {
        assert!(
            f.store
                .session(remembered.handle)
                .await
                .expect("works")
                .is_some()
        );
    }
    assert_eq!(
        (revoked(now()).await, revoked(UnixTime::EPOCH).await),
        (1, 1)
    );
}

/// A few at a time, until all are gone.
pub(crate) async fn a_sweep_says_whether_there_is_more(f: Fixture) {
    let (user, alive) = f.signed_in().await;
    for number in 10..50 {
        let over = match number % 2 {
            0 => Session {
                idle_expires_at: seconds_ago(7200),
                ..session(&user, number)
            },
            _ => Session {
                expires_at: seconds_ago(7200),
                ..session(&user, number)
            },
        };
        assert_eq!(f.open(&user, &over).await, Opened::Opened);
    }
    let mut sweeps = 0;
    while f
        .store
        .sweep(now(), HOUR, UnixTime::EPOCH, 3)
        .await
        .expect("works")
    {
        sweeps += 1;
        assert!(sweeps < 100, "there is always more");
    }
    assert!(
        sweeps >= 6,
        "{sweeps} sweeps of three of a kind cannot have removed forty"
    );
    for number in 10..50 {
        assert_eq!(
            f.store
                .session(Handle::new([number; 16]))
                .await
                .expect("works"),
            None
        );
    }
    assert!(
        f.store
            .session(alive.handle)
            .await
            .expect("works")
            .is_some()
    );
}

/// A token may live longer than the hour for which a late refresh is answered: until then its session
/// can still be ended.
pub(crate) async fn a_session_is_kept_as_long_as_its_tokens_may_live(f: Fixture) {
    let (ada, _) = f.signed_in().await;
    let idle = Session {
        idle_expires_at: seconds_ago(3_700),
        ..session(&ada, 2)
    };
    assert_eq!(f.open(&ada, &idle).await, Opened::Opened);
    let two_hours = 2 * HOUR;
    let swept = f.store.sweep(now(), two_hours, UnixTime::EPOCH, 100).await;
    assert!(!swept.expect("works"));
    let kept = f.store.session(idle.handle).await.expect("works");
    assert!(kept.is_some());
    let which = Which::AllOf { user_id: ada.id };
    let ended = f.store.end_sessions(which, ending(EndReason::UserDisabled));
    assert_eq!(ended.await.expect("works").len(), 2);
}

pub(crate) async fn a_failed_write_takes_nobody_else_with_it(f: Fixture) {
    let (user, _) = f.signed_in().await;
    // The same handle again cannot be stored; what is written at the same time must be.
    let (clash, other) = (session(&user, 1), session(&user, 2));
    let open = |session| {
        f.store.open_session(
            session,
            basis(&user),
            None,
            room(),
            audit(AuditKind::SignedIn),
        )
    };
    let (failed, opened) = tokio::join!(open(clash), open(other.clone()));
    let failed = failed.expect_err("a handle is given once");
    assert!(
        !format!("{failed} {failed:?}").contains("0101"),
        "a handle is a secret: {failed}"
    );
    assert_eq!(opened.expect("works"), Opened::Opened);
    assert!(
        f.store
            .session(other.handle)
            .await
            .expect("works")
            .is_some()
    );
}

pub(crate) async fn the_sessions_of_a_user_come_in_pages_newest_first(f: Fixture) {
    let (ada, bob) = (user("ada"), user("bob"));
    for user in [&ada, &bob] {
        f.add(user).await;
    }
    let began = now().as_secs();
    let opened = async |user: &User, number: u8, ago: u64| {
        let session = Session {
            created_at: UnixTime::from_secs(began - ago),
            ..session(user, number)
        };
        assert_eq!(f.open(user, &session).await, Opened::Opened);
    };
    // Three of one moment among them, and one of somebody else's.
    for (number, ago) in [(5, 0), (1, 10), (4, 10), (2, 10), (3, 90)] {
        opened(&ada, number, ago).await;
    }
    opened(&bob, 9, 20).await;
    let page = async |after: Option<&str>, limit: u32| {
        let page = f.store.sessions_of(&ada.id, after, limit, now()).await;
        match page.expect("works") {
            Found::Found(sessions) => sessions.into_iter().map(|it| it.sid).collect::<Vec<_>>(),
            Found::Missing => vec!["missing".to_owned()],
        }
    };
    assert_eq!(page(None, 2).await, ["sid-5", "sid-1"]);
    assert_eq!(page(Some("sid-1"), 2).await, ["sid-2", "sid-4"]);
    let over = f
        .store
        .end_sessions(Which::Sid("sid-4".into()), ending(EndReason::SignedOut));
    assert_eq!(over.await.expect("works").len(), 1);
    assert_eq!(page(Some("sid-4"), 2).await, ["sid-3"], "over, and known");
    assert_eq!(page(Some("sid-3"), 2).await, [""; 0]);
    assert_eq!(page(Some("sid-9"), 2).await, ["missing"], "somebody else's");
    assert_eq!(page(Some("other"), 2).await, ["missing"]);
}
