//! A database of its own for each test, on either engine.

use std::sync::Arc;

use countersign_issuer::record::{AuditKind, Handle, Session, User};
use countersign_server::store::postgres::PostgresStore;
use countersign_server::store::sqlite::SqliteStore;
use countersign_server::store::{Basis, Created, Found, Opened, Store, StoreError};
use tempfile::TempDir;

use crate::cast::{audit, now, room, session, user};
use crate::cluster;

pub(crate) struct Fixture {
    pub(crate) database: Database,
    pub(crate) store: Arc<dyn Store>,
}

pub(crate) enum Database {
    Sqlite(TempDir),
    Postgres(String),
}

impl Fixture {
    pub(crate) async fn sqlite() -> Option<Self> {
        Some(
            Self::over(Database::Sqlite(
                tempfile::tempdir().expect("a temporary folder"),
            ))
            .await,
        )
    }

    /// None if PostgreSQL is to be done without.
    pub(crate) async fn postgres() -> Option<Self> {
        let cluster = cluster::shared()?;
        Some(Self::over(Database::Postgres(cluster.new_database().await)).await)
    }

    async fn over(database: Database) -> Self {
        let store = database.open().await.expect("a new database");
        Self { database, store }
    }

    /// The same database, as another process sees it.
    pub(crate) async fn another(&self) -> Arc<dyn Store> {
        self.database
            .open()
            .await
            .expect("a second process may open it")
    }

    pub(crate) async fn add(&self, user: &User) {
        let created = self
            .store
            .create_user(user.clone(), audit(AuditKind::UserCreated))
            .await;
        assert_eq!(created.expect("a working store"), Created::Created);
    }

    /// Decided by this user and by the client as it is stored.
    pub(crate) async fn open(&self, user: &User, session: &Session) -> Opened {
        let client = self.store.client(&session.client_id).await;
        let basis = Basis::of(user, client.expect("a working store").as_ref());
        let opened = self.store.open_session(
            session.clone(),
            basis,
            None,
            room(),
            audit(AuditKind::SignedIn),
        );
        opened.await.expect("a working store")
    }

    pub(crate) async fn signed_in(&self) -> (User, Session) {
        let user = user("ada");
        self.add(&user).await;
        let session = session(&user, 1);
        assert_eq!(self.open(&user, &session).await, Opened::Opened);
        (user, session)
    }
}

impl Fixture {
    /// The sessions of a user that are alive, newest first.
    pub(crate) async fn alive_of(&self, user_id: &str) -> Vec<Session> {
        let found = self.store.sessions_of(user_id, None, 1_000, now()).await;
        match found.expect("works") {
            Found::Found(sessions) => sessions,
            Found::Missing => panic!("no cursor was asked with"),
        }
    }

    /// More sessions than end at once, on either engine: `many-1` and so on.
    pub(crate) async fn crowd(&self, user: &User, client_id: &str, count: usize) {
        let now = now().as_secs();
        let columns = "handle, sid, user_id, client_id, scope, audience, generation, mac_key_id,
             created_at, auth_time, last_used_at, idle_expires_at, expires_at";
        let rest = format!(
            "'{}', '{client_id}', '', '[]', 0, 1, {now}, {now}, {now}, {now} + 1000, {now} + 1000",
            user.id
        );
        let rows = match &self.database {
            Database::Sqlite(_) => format!(
                "WITH RECURSIVE numbers (number) AS
                     (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {count})
                 INSERT INTO sessions ({columns})
                 SELECT CAST(printf('crowd%011d', number) AS BLOB), 'many-' || number, {rest}
                 FROM numbers"
            ),
            Database::Postgres(_) => format!(
                "INSERT INTO sessions ({columns})
                 SELECT convert_to('crowd' || lpad(number::TEXT, 11, '0'), 'UTF8'),
                     'many-' || number, {rest}
                 FROM generate_series(1, {count}) AS number"
            ),
        };
        self.database.execute(&rows).await;
    }
}

/// The handle of the session of this number in the crowd.
pub(crate) fn in_the_crowd(number: usize) -> Handle {
    let text = format!("crowd{number:011}");
    Handle::new(text.as_bytes().try_into().expect("sixteen bytes"))
}

impl Database {
    /// Something that no verb does.
    pub(crate) async fn execute(&self, sql: &str) {
        match self {
            Self::Sqlite(folder) => {
                let connection = rusqlite::Connection::open(folder.path().join("test.db"));
                let connection = connection.expect("the file");
                connection.execute_batch(sql).expect("works");
            }
            Self::Postgres(url) => {
                let db = cluster::connect(url).await;
                let sql = format!("SET search_path TO countersign; {sql}");
                db.batch_execute(&sql).await.expect("works");
            }
        }
    }

    pub(crate) async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        countersign_witness::listen();
        Ok(match self {
            Self::Sqlite(folder) => Arc::new(SqliteStore::open(&folder.path().join("test.db"))?),
            Self::Postgres(url) => Arc::new(PostgresStore::connect(url).await?),
        })
    }

    /// Writes a schema number as a newer program would.
    pub(crate) async fn claim_schema(&self, number: u32) {
        match self {
            Self::Sqlite(folder) => {
                let connection = rusqlite::Connection::open(folder.path().join("test.db"));
                let connection = connection.expect("the file");
                connection
                    .pragma_update(None, "user_version", number)
                    .expect("a newer schema");
            }
            Self::Postgres(url) => {
                let sql = format!("UPDATE countersign.schema_steps SET taken = {number}");
                cluster::connect(url)
                    .await
                    .batch_execute(&sql)
                    .await
                    .expect("a newer schema");
            }
        }
    }
}
