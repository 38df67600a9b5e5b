//! A user, or a client, with more sessions than one statement is given time to end.

use countersign_issuer::record::{AuditKind, EndReason};
use countersign_server::store::{Created, Ended, Found, Which, Whose};

use super::fixture;
use crate::cast::{audit, client, disabled, ending, now, user};
use crate::cluster;
use crate::fixture::Fixture;

/// More than three batches.
const MANY: usize = 7_000;

/// Sessions without number, in a database so slow that the end of all of them takes longer than any
/// statement is given.
async fn crowded() -> Option<(Fixture, tokio_postgres::Client)> {
    let (f, url) = fixture().await?;
    let ada = user("ada");
    f.add(&ada).await;
    let created = f
        .store
        .create_client(client("app"), audit(AuditKind::ClientCreated));
    assert_eq!(created.await.expect("works"), Created::Created);
    let admin = cluster::connect(&url).await;
    let sql = format!(
        "SET search_path TO countersign;
         INSERT INTO sessions (handle, sid, user_id, client_id, scope, audience, generation,
             mac_key_id, created_at, auth_time, last_used_at, idle_expires_at, expires_at)
         SELECT decode(md5(number::TEXT), 'hex'), 'many-' || number, '{}', 'app', '', '[]', 0, 1,
             {now}, {now}, {now}, {now} + 1000, {now} + 1000
         FROM generate_series(1, {MANY}) AS number;
         CREATE FUNCTION dawdle() RETURNS TRIGGER LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_sleep(0.0006); RETURN NEW; END';
         CREATE TRIGGER dawdle BEFORE UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION dawdle();",
        ada.id,
        now = now().as_secs(),
    );
    admin.batch_execute(&sql).await.expect("many sessions");
    Some((f, admin))
}

async fn count(admin: &tokio_postgres::Client, what: &str) -> i64 {
    let row = admin
        .query_one(&format!("SELECT count(*) FROM {what}"), &[])
        .await;
    row.expect("a number").get(0)
}

async fn go_on(f: &Fixture, whose: &Whose, ended: &mut Vec<Ended>) {
    while let Some(batch) = f.store.end_more(whose, now()).await.expect("works") {
        ended.extend(batch.ended);
    }
}

const ALIVE: &str = "sessions WHERE ended_at IS NULL";

#[tokio::test]
async fn a_user_with_very_many_sessions_is_disabled_and_deleted() {
    let Some((f, admin)) = crowded().await else {
        return;
    };
    let ada = user("ada");
    let audits = vec![audit(AuditKind::UserDisabled)];
    let ending = ending(EndReason::UserDisabled);
    let changed = f
        .store
        .change_user(&ada.id, disabled(true), ending.clone(), audits);
    let Found::Found(mut ended) = changed.await.expect("works") else {
        panic!("she is there")
    };
    let whose = Whose::User(ada.id.clone());
    go_on(&f, &whose, &mut ended).await;
    assert_eq!(ended.len(), MANY, "each is told of");
    assert_eq!(count(&admin, ALIVE).await, 0);
    let published = f.store.revocations(now()).await.expect("works");
    assert_eq!(published.len(), MANY);

    let gone = f
        .store
        .delete_user(&ada.id, ending, audit(AuditKind::UserDeleted));
    assert_eq!(gone.await.expect("works"), Found::Found(vec![]));
    go_on(&f, &whose, &mut ended).await;
    assert_eq!(ended.len(), MANY, "nothing ends twice");
    assert_eq!(f.store.user(&ada.id).await.expect("works"), None);
    assert_eq!(count(&admin, "sessions").await, 0);
}

#[tokio::test]
async fn a_client_with_very_many_sessions_is_deleted() {
    let Some((f, admin)) = crowded().await else {
        return;
    };
    let gone = f.store.delete_client(
        "app",
        ending(EndReason::ClientChanged),
        audit(AuditKind::ClientDeleted),
    );
    let Found::Found((_, mut ended)) = gone.await.expect("works") else {
        panic!("it is there")
    };
    go_on(&f, &Whose::Client("app".to_owned()), &mut ended).await;
    assert_eq!(ended.len(), MANY);
    assert_eq!(count(&admin, ALIVE).await, 0);
    assert_eq!(f.store.client("app").await.expect("works"), None);
}

/// The commit is there and its answer is not: whoever asks again ends nothing, and so publishes
/// nothing. The process finds what it published itself.
#[tokio::test]
async fn an_ending_whose_answer_was_lost_is_looked_for() {
    let Some((f, admin)) = crowded().await else {
        return;
    };
    let before = f.store.foreign_writes().await.expect("works");
    assert_eq!(f.store.foreign_writes().await.expect("works"), before);
    // A statement that fails is all the store knows of an answer that was lost.
    let locked = "ALTER TABLE sessions RENAME TO elsewhere";
    admin.batch_execute(locked).await.expect("gone");
    let which = Which::Sid("many-1".to_owned());
    let lost = f
        .store
        .end_sessions(which, ending(EndReason::EndedByAdmin))
        .await;
    assert!(lost.is_err());
    let after = f.store.foreign_writes().await.expect("works");
    assert!(after > before, "it looks at everything once more");
}
