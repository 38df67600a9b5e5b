//! A database of the first release, with something in every table, under today's program.

use std::sync::Arc;

use countersign::UnixTime;
use countersign_issuer::Client;
use countersign_issuer::record::{AuditKind, EndReason, Handle, KeyState, User};
use countersign_issuer::revoke::RevocationKind;
use countersign_server::store::{Created, Found, Opened, Rotated, Rotation, UserChange, Which};

use crate::cast::{HOUR, audit, client, ending, now, session, user};
use crate::fixture::{Database, Fixture};

/// One row and more in every table there was: text that both engines read.
fn rows(now: u64) -> String {
    let (past, future) = (now - 1_000, now + 100_000);
    let bytes = |byte: u8, count: usize| format!("{byte:02x}").repeat(count);
    let session = |number: u8, client: &str, generation: u32, ended: &str| {
        format!(
            "INSERT INTO sessions VALUES (HEX'{}', 'sid-{number}', 'id-ada', '{client}', 'read',
                 '[\"api\"]', {generation}, 1, 1, {past}, NULL, NULL, NULL, NULL, NULL, NULL, {past},
                 {past}, {past}, {future}, {future}, {ended});",
            bytes(number, 16)
        )
    };
    [
        "INSERT INTO users (id, username, name_key, password_hash, hash_kind, roles, disabled,
             created_at, password_changed_at)
         VALUES ('id-ada', 'Ada', 'ada', '$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA',
                 '$argon2id$v=19$m=19456,t=2,p=1', 'admin reader', BOOL'0', 1000, 2000),
                ('id-bob', 'Bob', 'bob', '$2b$12$saltsaltsaltsaltsaltsahashhashhash', '$2b$12', '',
                 BOOL'1', 1000, 2000);"
            .to_owned(),
        session(1, "first-party", 2, "NULL, NULL"),
        session(2, "first-party", 7, "NULL, NULL"),
        session(3, "first-party", 1, &format!("{past}, 'signed_out'")),
        format!(
            "INSERT INTO signing_keys VALUES
                 ('kid-1', 'ES256', 'signing', HEX'{sealed}', 1000, 1001, NULL, NULL),
                 ('kid-2', 'ES256', 'pending', HEX'{sealed}', 1000, NULL, NULL, NULL),
                 ('kid-3', 'ES256', 'withdrawn', NULL, 1000, 1001, NULL, 1002);
             INSERT INTO mac_keys VALUES (1, HEX'{sealed}', 1000, NULL);
             INSERT INTO facts (name, value) VALUES ('longest_access_life', 7200);",
            sealed = bytes(9, 60)
        ),
        format!(
            "INSERT INTO revocations (kind, value, until, published_at{{writer}})
             VALUES ('sid', 'sid-3', {future}, {past}{{nobody}});
             INSERT INTO audit (at, event, user_id, username, sid, network, detail{{written}})
             VALUES ({past}, 'signed_in', 'id-ada', 'Ada', 'sid-1', '192.0.2.1', NULL{{zero}}),
                    ({past}, 'session_ended', 'id-ada', NULL, 'sid-3', NULL, 'signed_out'{{zero}});"
        ),
    ]
    .concat()
}

impl Database {
    /// A database as the first release made it.
    async fn of_the_first_release(&self) {
        let rows = rows(now().as_secs());
        match self {
            Self::Sqlite(folder) => {
                let file = folder.path().join("test.db");
                for name in ["test.db", "test.db-wal", "test.db-shm"] {
                    // Those that are there go; which are depends on how it was closed.
                    let _ = std::fs::remove_file(folder.path().join(name));
                }
                let db = rusqlite::Connection::open(file).expect("a file");
                let schema = include_str!("../../../migrations/sqlite/0001_first.sql");
                db.execute_batch(schema).expect("the first schema");
                let rows = rows.replace("HEX'", "x'").replace("BOOL'", "'");
                let rows = ["{writer}", "{nobody}", "{written}", "{zero}"]
                    .iter()
                    .fold(rows, |rows, place| rows.replace(place, ""));
                db.execute_batch(&rows).expect("rows");
                db.pragma_update(None, "user_version", 1).expect("schema 1");
                db.pragma_update(None, "journal_mode", "WAL").expect("WAL");
            }
            Self::Postgres(url) => {
                let db = crate::cluster::connect(url).await;
                let schema = include_str!("../../../migrations/postgres/0001_first.sql");
                let begin = "DROP SCHEMA countersign CASCADE; CREATE SCHEMA countersign;
                    SET search_path TO countersign;
                    CREATE TABLE schema_steps
                        (only_row BIGINT NOT NULL PRIMARY KEY CHECK (only_row = 1),
                         taken BIGINT NOT NULL);
                    INSERT INTO schema_steps VALUES (1, 1);";
                let rows = rows
                    .replace("HEX'", "BYTEA '\\x")
                    .replace("BOOL'", "BOOLEAN '")
                    .replace("{writer}", ", writer")
                    .replace("{nobody}", ", 0")
                    .replace("{written}", ", written_at")
                    .replace("{zero}", ", 0");
                for sql in [begin, schema, &rows] {
                    db.batch_execute(sql).await.expect("the first schema");
                }
            }
        }
    }
}

pub(crate) async fn what_the_first_release_stored_is_there_and_in_use(f: Fixture) {
    let Fixture { database, store } = f;
    store.close().await;
    drop(store);
    database.of_the_first_release().await;
    let store = database.open().await.expect("it is brought up to date");
    let f = Fixture { database, store };

    let ada = f.store.user_by_name("ADA").await.expect("works");
    let ada = ada.expect("she is there");
    let expected = User {
        id: "id-ada".into(),
        username: "Ada".into(),
        roles: vec!["admin".into(), "reader".into()],
        scope: String::new(),
        disabled: false,
        created_at: UnixTime::from_secs(1_000),
        password_changed_at: UnixTime::from_secs(2_000),
        ..ada.clone()
    };
    assert_eq!(ada, expected, "with no scope until she is given one");
    let bob = f.store.user("id-bob").await.expect("works").expect("bob");
    assert!(bob.disabled);
    assert_eq!(f.store.password_kinds().await.expect("works").len(), 2);
    let change = UserChange {
        scope: Some("read write".into()),
        ..UserChange::default()
    };
    let over = ending(EndReason::ScopeTaken);
    let lines = vec![audit(AuditKind::UserChanged)];
    let given = f.store.change_user("id-ada", change, over, lines).await;
    assert_eq!(given.expect("works"), Found::Found(vec![]));

    let alive = f.alive_of("id-ada").await;
    assert_eq!(alive.len(), 2);
    let rotation = Rotation {
        handle: Handle::new([1; 16]),
        generation: 2,
        presented_mac_key_id: 1,
        client_id: Client::FIRST_PARTY.into(),
        audiences: Arc::new(["api".into()]),
        mac_key_id: 1,
        idle: std::time::Duration::from_secs(60),
        grace: std::time::Duration::from_secs(30),
        now: now(),
    };
    let rotated = f.store.rotate(rotation).await.expect("works");
    let Rotated::Rotated(rotated, _) = rotated else {
        panic!("its refresh token is as good as before: {rotated:?}");
    };
    assert_eq!((rotated.generation, rotated.sid.as_str()), (3, "sid-1"));
    let which = Which::Handle(Handle::new([2; 16]));
    let ended = f
        .store
        .end_sessions(which, ending(EndReason::SignedOut))
        .await;
    assert_eq!(ended.expect("works").len(), 1);

    let revoked = f.store.revocations(now()).await.expect("works");
    for sid in ["sid-2", "sid-3"] {
        let named = |it: &&_| matches!(it, countersign_issuer::revoke::Revocation { kind: RevocationKind::Session, value, .. } if value == sid);
        assert_eq!(revoked.iter().filter(named).count(), 1, "{sid}");
    }
    let (signing, macs) = f.store.keys().await.expect("works");
    let mut states: Vec<_> = signing.iter().map(|key| key.state).collect();
    states.sort();
    assert_eq!(&states[..2], [KeyState::Pending, KeyState::Signing]);
    assert_eq!(macs.len(), 1);
    let day = std::time::Duration::from_secs(600);
    let longest = f
        .store
        .longest_access_life(day, now())
        .await
        .expect("works");
    assert_eq!(longest.as_secs(), 7_200);
    let lines = f.store.audit_log(0, 100).await.expect("works");
    let kinds: Vec<_> = lines.iter().map(|(_, line)| line.kind).collect();
    assert_eq!(&kinds[..2], [AuditKind::SignedIn, AuditKind::SessionEnded]);

    // What there was nothing of before.
    let created = f
        .store
        .create_client(client("shop"), audit(AuditKind::ClientCreated));
    assert_eq!(created.await.expect("works"), Created::Created);
    let carol = user("carol");
    f.add(&carol).await;
    let through = countersign_issuer::record::Session {
        client_id: "shop".into(),
        ..session(&carol, 9)
    };
    assert_eq!(f.open(&carol, &through).await, Opened::Opened);
    let event = audit(AuditKind::ClientDeleted);
    let over = ending(EndReason::ClientChanged);
    let deleted = f.store.delete_client("shop", over, event).await;
    let Found::Found((_, ended)) = deleted.expect("works") else {
        panic!("it is there");
    };
    assert_eq!(ended.len(), 1);
    assert!(
        !f.store
            .sweep(now(), HOUR, UnixTime::EPOCH, 100)
            .await
            .expect("works")
    );
}

/// Clients of the release that first had them are given what their own tokens are revoked by.
pub(crate) async fn clients_from_before_have_each_a_sid_of_their_own(f: Fixture) {
    for id in ["one", "other"] {
        let created = f
            .store
            .create_client(client(id), audit(AuditKind::ClientCreated));
        assert_eq!(created.await.expect("works"), Created::Created);
    }
    let Fixture { database, store } = f;
    store.close().await;
    drop(store);
    let back = "ALTER TABLE clients DROP COLUMN own_sid; DROP TABLE endings; DROP TABLE spared;
        DROP TABLE access_lives;
        DROP INDEX IF EXISTS sessions_alive;";
    match &database {
        Database::Sqlite(folder) => {
            let file = folder.path().join("test.db");
            let db = rusqlite::Connection::open(file).expect("the file");
            db.execute_batch(back).expect("as it was");
            let more = "DROP INDEX sessions_ended; DROP INDEX sessions_expired;
                DROP INDEX revocations_by_end;";
            db.execute_batch(more).expect("as it was");
            db.pragma_update(None, "user_version", 2).expect("schema 2");
        }
        Database::Postgres(url) => {
            let db = crate::cluster::connect(url).await;
            let sql =
                format!("SET search_path TO countersign; {back} UPDATE schema_steps SET taken = 2");
            db.batch_execute(&sql).await.expect("as it was");
        }
    }
    let store = database.open().await.expect("it is brought up to date");
    let clients = store.clients(None, 10).await.expect("works");
    let sids: Vec<_> = clients.iter().map(|it| it.own_sid.as_str()).collect();
    assert_eq!(sids.len(), 2);
    assert!(sids.iter().all(|sid| sid.len() == 32), "{sids:?}");
    assert_ne!(sids[0], sids[1]);
}
