//! Endings of more sessions than end at once.

use countersign_issuer::record::{AuditKind, EndReason, Handle, PasswordHash, User};
use countersign_server::store::{Created, Ended, Found, Opened, Rotated, Rotation, Which, Whose};

use crate::cast::{audit, client, ending, now, rotation, session, user};
use crate::fixture::{Fixture, in_the_crowd};

/// More than two batches of either engine.
const MANY: usize = 4_500;

fn all_of(user: &User) -> (Which, Whose) {
    let which = Which::AllOf {
        user_id: user.id.clone(),
    };
    (which, Whose::User(user.id.clone()))
}

impl Fixture {
    /// A user in a crowd, half of whose sessions are a client's.
    async fn crowded(&self) -> User {
        let ada = user("ada");
        self.add(&ada).await;
        self.crowd(&ada, "first-party", MANY).await;
        ada
    }

    async fn begin_to_end_all_of(&self, user: &User) -> Vec<Ended> {
        let (which, _) = all_of(user);
        let why = ending(EndReason::EndedByOwner);
        self.store.end_sessions(which, why).await.expect("works")
    }

    /// Goes on until nothing is left; how many ended, batch by batch.
    async fn finish(&self, whose: &Whose) -> Vec<usize> {
        let mut batches = Vec::new();
        while let Some(batch) = self.store.end_more(whose, now()).await.expect("works") {
            batches.push(batch.ended.len());
        }
        batches
    }

    async fn refresh(&self, handle: Handle) -> Rotated {
        let rotation = Rotation {
            handle,
            ..rotation(0)
        };
        self.store.rotate(rotation).await.expect("works")
    }

    async fn is_refreshed(&self, handle: Handle) -> bool {
        matches!(self.refresh(handle).await, Rotated::Rotated(..))
    }

    async fn alive(&self, user: &User) -> Vec<String> {
        let found = self.alive_of(&user.id).await;
        found.into_iter().map(|it| it.sid).collect()
    }
}

pub(crate) async fn very_many_sessions_end_a_batch_at_a_time(f: Fixture) {
    let ada = f.crowded().await;
    let first = f.begin_to_end_all_of(&ada).await;
    assert!(first.len() < MANY / 2, "{} at once", first.len());
    let published = f.store.revocations(now()).await.expect("works");
    assert_eq!(published.len(), first.len(), "as they are committed");

    let (_, whose) = all_of(&ada);
    let batches = f.finish(&whose).await;
    assert!(batches.iter().all(|batch| *batch <= first.len()));
    assert_eq!(first.len() + batches.iter().sum::<usize>(), MANY);
    let published = f.store.revocations(now()).await.expect("works");
    assert_eq!(published.len(), MANY, "each is told of");
    let lines = f.store.audit_log(0, 10_000).await.expect("works");
    let ended = lines.iter().filter(|(_, it)| {
        it.kind == AuditKind::SessionEnded
            && it.detail.as_deref() == Some("ended_by_owner")
            && it.username.as_ref() == Some(&ada.username)
    });
    assert_eq!(ended.count(), MANY, "and written down once, with its name");
    assert_eq!(f.store.end_more(&whose, now()).await.expect("works"), None);
}

pub(crate) async fn what_is_left_of_an_ending_is_refreshed_no_more(f: Fixture) {
    let ada = f.crowded().await;
    assert!(f.is_refreshed(in_the_crowd(MANY)).await);
    let first = f.begin_to_end_all_of(&ada).await;
    let left = (1..=MANY)
        .find(|number| !first.iter().any(|it| it.sid == format!("many-{number}")))
        .expect("some are left");
    let Rotated::NotCurrent(row, _) = f.refresh(in_the_crowd(left)).await else {
        panic!("its owner has signed out everywhere")
    };
    assert!(row.is_ended(), "and that is what whoever asks is told");
    assert_eq!(f.alive(&ada).await, [""; 0]);
    let listed = f.store.sessions(None, 10, now()).await.expect("works");
    assert_eq!(listed, []);
    let found = f.store.session(in_the_crowd(left)).await.expect("works");
    assert!(found.expect("there").is_ended());
}

pub(crate) async fn a_session_opened_meanwhile_goes_on(f: Fixture) {
    let ada = f.crowded().await;
    f.begin_to_end_all_of(&ada).await;
    let new = session(&ada, 1);
    assert_eq!(f.open(&ada, &new).await, Opened::Opened);
    assert_eq!(f.alive(&ada).await, [new.sid.as_str()]);
    assert!(f.is_refreshed(new.handle).await);
    let (_, whose) = all_of(&ada);
    f.finish(&whose).await;
    assert_eq!(f.alive(&ada).await, [new.sid.as_str()]);
    let again = f.begin_to_end_all_of(&ada).await;
    assert_eq!(again.len(), 1, "the next time it ends with the others");
}

pub(crate) async fn an_ending_that_was_cut_short_is_taken_up(f: Fixture) {
    let ada = f.crowded().await;
    let first = f.begin_to_end_all_of(&ada).await;
    let (_, whose) = all_of(&ada);
    let left = f.store.endings_left(now()).await.expect("works");
    assert_eq!(left, [], "whoever began it is given a moment to go on");
    let Fixture { database, store } = f;
    store.close().await;
    drop(store);
    database
        .execute("UPDATE endings SET worked_at = worked_at - 60")
        .await;
    let store = database.open().await.expect("the same database");
    let f = Fixture { database, store };
    let left = f.store.endings_left(now()).await.expect("works");
    assert_eq!(left, std::slice::from_ref(&whose));
    let batch = f.store.end_more(&whose, now()).await.expect("works");
    assert!(batch.expect("there is more").until > now());
    let left = f.store.endings_left(now()).await.expect("works");
    assert_eq!(left, [], "it is gone on with");
    f.finish(&whose).await;
    assert_eq!(f.begin_to_end_all_of(&ada).await, [], "nothing is left");
    assert!(first.len() < MANY);
}

pub(crate) async fn the_session_to_keep_is_kept_through_every_batch(f: Fixture) {
    let ada = f.crowded().await;
    let kept = format!("many-{MANY}");
    let better = PasswordHash::from_stored("better");
    let event = audit(AuditKind::PasswordChanged);
    let why = ending(EndReason::PasswordChanged);
    let changed = f
        .store
        .set_password(&ada.id, None, better, Some(&kept), why, event);
    let Found::Found(first) = changed.await.expect("works") else {
        panic!("she is there")
    };
    assert!(first.len() < MANY - 1);
    assert!(f.is_refreshed(in_the_crowd(MANY)).await);
    let (_, whose) = all_of(&ada);
    f.finish(&whose).await;
    assert_eq!(f.alive(&ada).await, [kept]);
}

/// The first one would end what the second one keeps.
pub(crate) async fn an_ending_after_another_says_what_is_kept(f: Fixture) {
    let ada = f.crowded().await;
    f.begin_to_end_all_of(&ada).await;
    let (new, other) = (session(&ada, 1), session(&ada, 2));
    for session in [&new, &other] {
        assert_eq!(f.open(&ada, session).await, Opened::Opened);
    }
    let better = PasswordHash::from_stored("better");
    let event = audit(AuditKind::PasswordChanged);
    let why = ending(EndReason::PasswordChanged);
    let changed = f
        .store
        .set_password(&ada.id, None, better, Some(&new.sid), why, event);
    assert!(matches!(changed.await.expect("works"), Found::Found(_)));
    assert!(f.is_refreshed(new.handle).await);
    assert!(!f.is_refreshed(other.handle).await);
    let (_, whose) = all_of(&ada);
    f.finish(&whose).await;
    assert_eq!(f.alive(&ada).await, [new.sid]);
}

pub(crate) async fn a_user_with_very_many_sessions_is_deleted_with_the_last(f: Fixture) {
    let ada = f.crowded().await;
    let why = ending(EndReason::UserDeleted);
    let event = audit(AuditKind::UserDeleted);
    let gone = f.store.delete_user(&ada.id, why, event).await;
    let Found::Found(first) = gone.expect("works") else {
        panic!("she is there")
    };
    let left = f.store.user(&ada.id).await.expect("works");
    assert!(left.expect("there until then").disabled);
    let (_, whose) = all_of(&ada);
    let batches = f.finish(&whose).await;
    assert_eq!(first.len() + batches.iter().sum::<usize>(), MANY);
    assert_eq!(f.store.user(&ada.id).await.expect("works"), None);
    let row = f.store.session(in_the_crowd(1)).await.expect("works");
    assert_eq!(row, None, "and every row");
}

pub(crate) async fn a_client_with_very_many_sessions_is_deleted(f: Fixture) {
    let ada = user("ada");
    f.add(&ada).await;
    let event = audit(AuditKind::ClientCreated);
    let created = f.store.create_client(client("app"), event).await;
    assert_eq!(created.expect("works"), Created::Created);
    f.crowd(&ada, "app", MANY).await;
    let why = ending(EndReason::ClientChanged);
    let event = audit(AuditKind::ClientDeleted);
    let gone = f.store.delete_client("app", why, event).await;
    let Found::Found((_, first)) = gone.expect("works") else {
        panic!("it is there")
    };
    assert_eq!(f.store.client("app").await.expect("works"), None);
    assert_eq!(f.alive(&ada).await, [""; 0]);
    let batches = f.finish(&Whose::Client("app".to_owned())).await;
    assert_eq!(first.len() + batches.iter().sum::<usize>(), MANY);
}
