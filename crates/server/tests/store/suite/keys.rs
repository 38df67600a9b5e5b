//! Keys: stored, changed step by step, sealed anew.

use std::time::Duration;

use countersign::Algorithm;
use countersign_issuer::record::{AuditKind, KeyState, MacKeyRecord, Sealed, SigningKeyRecord};
use countersign_issuer::revoke::{Revocation, RevocationKind};
use countersign_server::store::{KeyName, KeyRowChange};

use crate::cast::{audit, in_seconds, now, seconds_ago};
use crate::fixture::Fixture;

fn signing(kid: &str, state: KeyState) -> SigningKeyRecord {
    SigningKeyRecord {
        kid: kid.to_owned(),
        algorithm: Algorithm::ES256,
        sealed: Some(Sealed::from_stored(kid.as_bytes())),
        state,
        created_at: seconds_ago(100),
        signing_at: (state != KeyState::Pending).then(now),
        retiring_at: None,
        gone_at: None,
    }
}

fn mac(id: u32) -> MacKeyRecord {
    MacKeyRecord {
        id,
        sealed: Sealed::from_stored([7; 60]),
        created_at: now(),
        retired_at: None,
    }
}

fn new(record: &SigningKeyRecord) -> KeyRowChange {
    let audit = audit(AuditKind::KeyCreated);
    KeyRowChange::Signing {
        record: record.clone(),
        from: None,
        revocation: None,
        audit,
    }
}

fn new_mac(record: &MacKeyRecord) -> KeyRowChange {
    KeyRowChange::MacCreated {
        record: record.clone(),
        audit: audit(AuditKind::MacKeyCreated),
    }
}

pub(crate) async fn keys_come_back_as_they_were_stored(f: Fixture) {
    assert_eq!(f.store.keys().await.expect("works"), (vec![], vec![]));
    let (current, next) = (
        signing("b", KeyState::Signing),
        signing("a", KeyState::Pending),
    );
    let (first, second) = (mac(1), mac(u32::MAX));
    let changes = vec![new(&current), new(&next), new_mac(&first), new_mac(&second)];
    assert!(f.store.change_keys(changes).await.expect("works"));
    let (mut signing, macs) = f.store.keys().await.expect("works");
    signing.sort_by(|one, other| one.kid.cmp(&other.kid));
    assert_eq!(
        (signing, macs),
        (vec![next, current], vec![first, second.clone()])
    );

    let retired_at = now();
    let changes = vec![
        KeyRowChange::MacRetired {
            id: second.id,
            at: retired_at,
        },
        KeyRowChange::MacDeleted { id: 1 },
    ];
    assert!(f.store.change_keys(changes).await.expect("works"));
    let (_, macs) = f.store.keys().await.expect("works");
    assert_eq!(
        macs,
        [MacKeyRecord {
            retired_at: Some(retired_at),
            ..second
        }]
    );
}

pub(crate) async fn a_step_is_taken_once(f: Fixture) {
    let (mine, theirs) = (
        signing("mine", KeyState::Pending),
        signing("theirs", KeyState::Pending),
    );
    assert!(f.store.change_keys(vec![new(&mine)]).await.expect("works"));
    // Another process planned the same step, and made another key for it.
    assert!(
        !f.store
            .change_keys(vec![new(&theirs)])
            .await
            .expect("works")
    );
    assert!(
        f.store
            .change_keys(vec![new_mac(&mac(1))])
            .await
            .expect("works")
    );
    assert!(
        !f.store
            .change_keys(vec![new_mac(&mac(1))])
            .await
            .expect("works")
    );
    let withdrawn = || KeyRowChange::Signing {
        record: SigningKeyRecord {
            state: KeyState::Withdrawn,
            sealed: None,
            ..mine.clone()
        },
        from: Some(KeyState::Pending),
        revocation: Some(Revocation {
            kind: RevocationKind::Key,
            value: mine.kid.clone(),
            at: now(),
            until: in_seconds(1000),
        }),
        audit: audit(AuditKind::KeyWithdrawn),
    };
    assert!(f.store.change_keys(vec![withdrawn()]).await.expect("works"));
    assert!(!f.store.change_keys(vec![withdrawn()]).await.expect("works"));
    let revoked = f.store.revocations(now()).await.expect("works");
    assert_eq!(revoked.len(), 1);
    assert_eq!(
        (revoked[0].kind, &revoked[0].value),
        (RevocationKind::Key, &mine.kid)
    );
    let (signing, _) = f.store.keys().await.expect("works");
    assert_eq!(
        (signing[0].state, &signing[0].sealed),
        (KeyState::Withdrawn, &None)
    );
}

pub(crate) async fn a_change_that_fails_half_way_is_undone(f: Fixture) {
    let changes = vec![
        new(&signing("first", KeyState::Pending)),
        KeyRowChange::MacRetired { id: 99, at: now() },
    ];
    assert!(!f.store.change_keys(changes).await.expect("works"));
    assert_eq!(f.store.keys().await.expect("works"), (vec![], vec![]));
    assert_eq!(f.store.audit_log(0, 10).await.expect("works"), []);
}

pub(crate) async fn a_key_is_sealed_anew_if_it_is_still_what_it_was(f: Fixture) {
    let (key, mac) = (signing("key", KeyState::Signing), mac(1));
    assert!(
        f.store
            .change_keys(vec![new(&key), new_mac(&mac)])
            .await
            .expect("works")
    );
    let reseal = |key: KeyName, from: &[u8], to: &[u8]| KeyRowChange::Resealed {
        key,
        from: Sealed::from_stored(from),
        to: Sealed::from_stored(to),
    };
    let changes = vec![
        reseal(KeyName::Signing("key".into()), b"key", b"anew"),
        reseal(KeyName::Mac(1), &[7; 60], b"anew"),
    ];
    assert!(f.store.change_keys(changes.clone()).await.expect("works"));
    assert!(
        !f.store.change_keys(changes).await.expect("works"),
        "it is no longer what it was"
    );
    let (signing, macs) = f.store.keys().await.expect("works");
    assert_eq!(signing[0].sealed, Some(Sealed::from_stored(*b"anew")));
    assert_eq!(macs[0].sealed, Sealed::from_stored(*b"anew"));
}

pub(crate) async fn a_longer_life_is_remembered_until_its_last_token_is_gone(f: Fixture) {
    let life = async |secs| {
        let life = Duration::from_secs(secs);
        let longest = f.store.longest_access_life(life, now()).await;
        longest.expect("works").as_secs()
    };
    let pass = async |seconds: u64| {
        let sql = format!("UPDATE access_lives SET used_at = used_at - {seconds}");
        f.database.execute(&sql).await;
    };
    assert_eq!(life(600).await, 600);
    assert_eq!(life(60).await, 600);
    assert_eq!(life(7_200).await, 7_200);
    assert_eq!(life(600).await, 7_200);
    // Half an hour, in which a server may have gone on making them, and their own life.
    pass(8_900).await;
    assert_eq!(life(600).await, 7_200);
    pass(200).await;
    assert_eq!(life(600).await, 600);
    assert_eq!(life(7_200).await, 7_200, "in use again");
    assert_eq!(life(600).await, 7_200);
}

/// Whoever makes tokens says so often enough to be believed.
pub(crate) async fn a_life_in_use_is_marked_again(f: Fixture) {
    let life = |secs| (Duration::from_secs(secs), now());
    for _ in 0..6 {
        let (long, at) = life(7_200);
        let longest = f.store.longest_access_life(long, at).await;
        assert_eq!(longest.expect("works"), long);
        let sql = "UPDATE access_lives SET used_at = used_at - 2000";
        f.database.execute(sql).await;
    }
    let (short, at) = life(60);
    let longest = f.store.longest_access_life(short, at).await;
    assert_eq!(longest.expect("works").as_secs(), 7_200);
}
