//! Clients in SQL, and what remembers that an assertion of theirs was used.
//!
//! Every change counts up a fact that other processes look at, so that none goes on with a client as
//! it was.

use std::sync::LazyLock;

use async_trait::async_trait;
use countersign::{Algorithm, UnixTime};
use countersign_issuer::Client;
use countersign_issuer::record::AuditEvent;
use countersign_issuer::revoke::RevocationKind;
use deadpool_postgres::Transaction;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

use super::audit::{APPEND, LINE, Line, line_from};
use super::clock::MICROS;
use super::endings::{self, ended_row};
use super::engine::PostgresStore;
use super::pool::{Finish, Pool, Work};
use super::revocations::REPUBLISH;
use super::rows::{self, Bytes, Text, seconds};
use crate::store::client_row::{self, COLUMNS, ClientRow};
use crate::store::{ClientEnding, Clients, Created, Ended, Ending, Found, StoreError, Whose};

#[async_trait]
impl Clients for PostgresStore {
    async fn create_client(
        &self,
        client: Client,
        audit: AuditEvent,
    ) -> Result<Created, StoreError> {
        create(&self.pool, &client, &audit).await
    }

    async fn client(&self, client_id: &str) -> Result<Option<Client>, StoreError> {
        by_id(&self.pool, client_id).await
    }

    async fn clients(&self, after: Option<&str>, limit: u32) -> Result<Vec<Client>, StoreError> {
        list(&self.pool, after.unwrap_or_default(), limit).await
    }

    async fn change_client(
        &self,
        client: Client,
        ending: Option<ClientEnding>,
        audit: AuditEvent,
    ) -> Result<Found<Vec<Ended>>, StoreError> {
        let asked = ChangeAndEnd {
            change: Change::To(&client),
            ending: ending.as_ref().map(|it| &it.ending),
            own_sid: ending.as_ref().and_then(|it| it.own_sid.as_deref()),
            sessions: ending.as_ref().is_some_and(|it| it.sessions),
            audit: &audit,
            writer: self.follower.writer(),
        };
        let changed = self.follower.unless_lost(asked.run_in(&self.pool).await)?;
        Ok(changed.map(|(_, ended)| ended))
    }

    async fn delete_client(
        &self,
        client_id: &str,
        ending: Ending,
        audit: AuditEvent,
    ) -> Result<Found<(String, Vec<Ended>)>, StoreError> {
        let asked = ChangeAndEnd {
            change: Change::Delete(client_id),
            ending: Some(&ending),
            own_sid: None,
            sessions: true,
            audit: &audit,
            writer: self.follower.writer(),
        };
        self.follower.unless_lost(asked.run_in(&self.pool).await)
    }

    async fn client_algorithms(&self) -> Result<Vec<Algorithm>, StoreError> {
        algorithms(&self.pool).await
    }

    async fn use_assertion(&self, digest: [u8; 32], until: UnixTime) -> Result<bool, StoreError> {
        use_once(&self.pool, &digest, until).await
    }
}

const COUNT: &str = "UPDATE facts SET value = value + 1 WHERE name = 'client_changes'";

/// How many columns a client has.
const WIDTH: usize = 21;

async fn create(db: &Pool, client: &Client, event: &AuditEvent) -> Result<Created, StoreError> {
    // The `sub` of a client must be nobody else's.
    static CREATE: LazyLock<String> = LazyLock::new(|| {
        format!(
            "WITH created AS (
                 INSERT INTO clients ({COLUMNS}) SELECT {}
                 WHERE NOT EXISTS (SELECT 1 FROM users WHERE id = $1::TEXT)
                 ON CONFLICT (client_id) DO NOTHING RETURNING client_id
             ), counted AS (
                 {COUNT} AND EXISTS (SELECT 1 FROM created)
             ), written AS (
                 INSERT INTO audit ({LINE}) SELECT {} FROM created
             )
             SELECT client_id FROM created",
            values(),
            line_from(WIDTH + 1)
        )
    });
    let row = Parameters(ClientRow::of(client)?);
    let line = Line::of(event);
    let texts = row.texts();
    let created = db.query(&CREATE, &line.after(&row.all(&texts))).await?;
    Ok(if created.is_empty() {
        Created::NameTaken
    } else {
        Created::Created
    })
}

async fn by_id(db: &Pool, client_id: &str) -> Result<Option<Client>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM clients WHERE client_id = $1");
    let row = db.query_opt(&sql, &[&Text(client_id)]).await?;
    row.map(|row| read(&row)?.client()).transpose()
}

async fn list(db: &Pool, after: &str, limit: u32) -> Result<Vec<Client>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM clients WHERE client_id > $1 ORDER BY client_id LIMIT $2");
    let found = db.query(&sql, &[&Text(after), &i64::from(limit)]).await?;
    found.iter().map(|row| read(row)?.client()).collect()
}

async fn algorithms(db: &Pool) -> Result<Vec<Algorithm>, StoreError> {
    let sql = "SELECT DISTINCT algorithm FROM clients WHERE algorithm IS NOT NULL ORDER BY 1";
    let found = db.query(sql, &[]).await?;
    found
        .iter()
        .map(|row| client_row::algorithm(rows::get(row, 0)?))
        .collect()
}

async fn use_once(db: &Pool, digest: &[u8; 32], until: UnixTime) -> Result<bool, StoreError> {
    let sql = "INSERT INTO used_assertions (digest, until) VALUES ($1, $2)
         ON CONFLICT (digest) DO NOTHING RETURNING 1";
    let added = db.query(sql, &[&Bytes(digest), &seconds(until)]).await?;
    Ok(!added.is_empty())
}

/// What happens to a client.
#[derive(Clone, Copy)]
enum Change<'a> {
    /// It becomes this one, if it is still of its revision.
    To(&'a Client),
    /// It is deleted.
    Delete(&'a str),
}

/// A change to a client, and the end of what was granted to it if it is one that ends it.
///
/// The change is committed with the end of the first sessions, as many as one statement ends, and
/// with the intent to end the others.
struct ChangeAndEnd<'a> {
    change: Change<'a>,
    ending: Option<&'a Ending>,
    /// What its own tokens are revoked by; of a client that is deleted, the row says it.
    own_sid: Option<&'a str>,
    /// Whether the sessions that were opened for it end.
    sessions: bool,
    audit: &'a AuditEvent,
    writer: i64,
}

impl ChangeAndEnd<'_> {
    async fn run_in(&self, db: &Pool) -> Result<Found<(String, Vec<Ended>)>, StoreError> {
        let row = match self.change {
            Change::To(client) => Some(Parameters(ClientRow::of(client)?)),
            Change::Delete(_) => None,
        };
        let answer = db.transact(&Prepared { row, of: self }).await?;
        let Some((own_sid, ended)) = answer else {
            return Ok(Found::Missing);
        };
        let ended = ended.iter().map(ended_row).collect::<Result<_, _>>()?;
        Ok(Found::Found((own_sid, ended)))
    }

    fn client_id(&self) -> &str {
        match self.change {
            Change::To(client) => &client.client_id,
            Change::Delete(client_id) => client_id,
        }
    }

    /// Revokes the tokens that the client has in its own name.
    async fn revoke_own(
        &self,
        db: &Transaction<'_>,
        own_sid: &str,
        ending: &Ending,
    ) -> Result<(), Error> {
        let own_sid = Text(own_sid);
        let publish = format!(
            "INSERT INTO revocations (kind, value, until, published_at, writer)
             VALUES ($1, $2, $3, {MICROS}, $4) {REPUBLISH}"
        );
        let kind = RevocationKind::Session.as_str();
        let publish = db.prepare_cached(&publish).await?;
        let until = seconds(ending.until);
        db.execute(&publish, &[&kind, &own_sid, &until, &self.writer])
            .await?;
        Ok(())
    }

    /// Ends the sessions that were opened for it.
    async fn end_sessions(&self, db: &Transaction<'_>, ending: &Ending) -> Result<Vec<Row>, Error> {
        let whose = Whose::Client(self.client_id().to_owned());
        endings::begin(db, &whose, None, ending, self.writer).await
    }
}

/// The same with its row made ready.
struct Prepared<'a> {
    row: Option<Parameters>,
    of: &'a ChangeAndEnd<'a>,
}

impl Work for Prepared<'_> {
    /// The `sid` of the client's own tokens and the sessions that were ended, or nothing if there is
    /// no such client.
    type Answer = Option<(String, Vec<Row>)>;

    async fn run(&self, db: &Transaction<'_>) -> Result<(Finish, Self::Answer), Error> {
        static CHANGE: LazyLock<String> = LazyLock::new(|| {
            format!(
                "UPDATE clients SET ({COLUMNS}) = ROW({}) WHERE client_id = $1 AND revision = $21
                 RETURNING own_sid",
                values().replace("$21::BIGINT", "$21::BIGINT + 1")
            )
        });
        let changed = if let Some(row) = &self.row {
            let texts = row.texts();
            let sql = db.prepare_cached(&CHANGE).await?;
            db.query_opt(&sql, &row.all(&texts)).await?
        } else {
            let sql = "DELETE FROM clients WHERE client_id = $1 RETURNING own_sid";
            let id = Text(self.of.client_id());
            db.query_opt(&db.prepare_cached(sql).await?, &[&id]).await?
        };
        let Some(changed) = changed else {
            return Ok((Finish::RollBack, None));
        };
        let own_sid: String = changed.try_get(0)?;
        db.execute(&db.prepare_cached(COUNT).await?, &[]).await?;
        let written = db.prepare_cached(&APPEND).await?;
        db.execute(&written, &Line::of(self.of.audit).after(&[]))
            .await?;
        let mut ended = Vec::new();
        if let Some(ending) = self.of.ending {
            let revoked = match self.of.change {
                Change::To(_) => self.of.own_sid,
                Change::Delete(_) => Some(own_sid.as_str()),
            };
            if let Some(revoked) = revoked {
                self.of.revoke_own(db, revoked, ending).await?;
            }
            if self.of.sessions {
                ended = self.of.end_sessions(db, ending).await?;
            }
        }
        Ok((Finish::Commit, Some((own_sid, ended))))
    }
}

/// The values of a row, numbered from 1 on.
fn values() -> String {
    let types = [
        "TEXT", "TEXT", "TEXT", "BYTEA", "BIGINT", "BYTEA", "BIGINT", "TEXT", "TEXT", "TEXT",
        "TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "TEXT", "BOOLEAN", "BIGINT", "TEXT",
        "BIGINT",
    ];
    let numbered = types.iter().zip(1..);
    let values: Vec<_> = numbered
        .map(|(kind, number)| format!("${number}::{kind}"))
        .collect();
    values.join(", ")
}

/// A row as the parameters of a statement.
struct Parameters(ClientRow);

/// The parameters that must be wrapped, so that they do not print.
struct Wrapped<'a> {
    texts: [Text<'a>; 9],
    secrets: [Option<Bytes<'a>>; 2],
    jwks: Option<Text<'a>>,
    algorithm: Option<Text<'a>>,
}

impl Parameters {
    fn texts(&self) -> Wrapped<'_> {
        let row = &self.0;
        let [one, other] = &row.secrets;
        Wrapped {
            texts: [
                Text(&row.client_id),
                Text(&row.name),
                Text(&row.authentication),
                Text(&row.grant_types),
                Text(&row.scope),
                Text(&row.roles),
                Text(&row.audiences),
                Text(&row.serves),
                Text(&row.own_sid),
            ],
            secrets: [one.as_deref().map(Bytes), other.as_deref().map(Bytes)],
            jwks: row.jwks.as_deref().map(Text),
            algorithm: row.algorithm.as_deref().map(Text),
        }
    }

    fn all<'p>(&'p self, wrapped: &'p Wrapped<'p>) -> Vec<&'p (dyn ToSql + Sync)> {
        let row = &self.0;
        let Wrapped {
            texts:
                [
                    id,
                    name,
                    authentication,
                    grant_types,
                    scope,
                    roles,
                    audiences,
                    serves,
                    own_sid,
                ],
            secrets: [secret1, secret2],
            jwks,
            algorithm,
        } = wrapped;
        let [secret1_until, secret2_until] = &row.secrets_until;
        vec![
            id,
            name,
            authentication,
            secret1,
            secret1_until,
            secret2,
            secret2_until,
            jwks,
            grant_types,
            scope,
            roles,
            audiences,
            serves,
            &row.session_idle,
            &row.session_absolute,
            &row.access_life,
            algorithm,
            &row.disabled,
            &row.created_at,
            own_sid,
            &row.revision,
        ]
    }
}

fn read(row: &Row) -> Result<ClientRow, StoreError> {
    Ok(ClientRow {
        client_id: rows::get(row, 0)?,
        name: rows::get(row, 1)?,
        authentication: rows::get(row, 2)?,
        secrets: [rows::get(row, 3)?, rows::get(row, 5)?],
        secrets_until: [rows::get(row, 4)?, rows::get(row, 6)?],
        jwks: rows::get(row, 7)?,
        grant_types: rows::get(row, 8)?,
        scope: rows::get(row, 9)?,
        roles: rows::get(row, 10)?,
        audiences: rows::get(row, 11)?,
        serves: rows::get(row, 12)?,
        session_idle: rows::get(row, 13)?,
        session_absolute: rows::get(row, 14)?,
        access_life: rows::get(row, 15)?,
        algorithm: rows::get(row, 16)?,
        disabled: rows::get(row, 17)?,
        created_at: rows::get(row, 18)?,
        own_sid: rows::get(row, 19)?,
        revision: rows::get(row, 20)?,
    })
}
