//! The compare-and-swap of a refresh.

use std::sync::Arc;

use countersign_issuer::record::{Handle, Session};
use countersign_server::store::{Opened, Rotated, Rotation};

use crate::cast::{GRACE, now, rotation, session};
use crate::fixture::Fixture;

pub(crate) async fn a_rotation_moves_one_generation_on_and_only_once(f: Fixture) {
    let (user, _) = f.signed_in().await;
    let Rotated::Rotated(row, of) = f.store.rotate(rotation(0)).await.expect("works") else {
        panic!("the first refresh is current");
    };
    assert_eq!((row.generation, &of), (1, &user));
    assert!(row.marks.inside_grace(0, now(), GRACE));
    assert_eq!(
        f.store.session(row.handle).await.expect("works"),
        Some(row.clone())
    );
    let Rotated::NotCurrent(same, of) = f.store.rotate(rotation(0)).await.expect("works") else {
        panic!("the second one is not");
    };
    assert_eq!((same, of), (row, user));
}

pub(crate) async fn a_rotation_may_change_the_mac_key(f: Fixture) {
    let (_, session) = f.signed_in().await;
    let changing = Rotation {
        mac_key_id: 2,
        ..rotation(0)
    };
    let Rotated::Rotated(row, _) = f.store.rotate(changing).await.expect("works") else {
        panic!("the first refresh is current");
    };
    assert_eq!((row.generation, row.mac_key_id), (1, 2));
    let with_the_old = f.store.rotate(rotation(1)).await.expect("works");
    assert!(
        matches!(with_the_old, Rotated::NotCurrent(..)),
        "{with_the_old:?}"
    );
    let with_the_new = Rotation {
        presented_mac_key_id: 2,
        mac_key_id: 2,
        ..rotation(1)
    };
    let Rotated::Rotated(row, _) = f.store.rotate(with_the_new).await.expect("works") else {
        panic!("the token of the new key is current");
    };
    assert_eq!(
        f.store.session(session.handle).await.expect("works"),
        Some(row)
    );
}

pub(crate) async fn what_does_not_match_changes_nothing(f: Fixture) {
    let (user, alive) = f.signed_in().await;
    let idle = Session {
        idle_expires_at: now(),
        ..session(&user, 2)
    };
    let expired = Session {
        expires_at: now(),
        ..session(&user, 3)
    };
    for session in [&idle, &expired] {
        assert_eq!(f.open(&user, session).await, Opened::Opened);
    }
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
            client_id: "first-party\0".into(),
            ..rotation(0)
        },
        Rotation {
            audiences: Arc::new(["api".into()]),
            ..rotation(0)
        },
        Rotation {
            presented_mac_key_id: 2,
            ..rotation(0)
        },
        Rotation {
            handle: idle.handle,
            ..rotation(0)
        },
        Rotation {
            handle: expired.handle,
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
    for session in [alive, idle, expired] {
        assert_eq!(
            f.store.session(session.handle).await.expect("works"),
            Some(session)
        );
    }
}

pub(crate) async fn of_many_racers_one_rotates(f: Fixture) {
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
