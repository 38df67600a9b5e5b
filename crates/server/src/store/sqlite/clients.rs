//! Clients in SQL, and what remembers that an assertion of theirs was used.

use async_trait::async_trait;
use countersign::{Algorithm, UnixTime};
use countersign_issuer::Client;
use countersign_issuer::record::AuditEvent;
use countersign_issuer::revoke::{Revocation, RevocationKind};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::engine::SqliteStore;
use super::rows::seconds;
use super::{audit, endings, revocations};
use crate::store::client_row::{self, COLUMNS, ClientRow};
use crate::store::{ClientEnding, Clients, Created, Ended, Ending, Found, StoreError, Whose};

#[async_trait]
impl Clients for SqliteStore {
    async fn create_client(
        &self,
        client: Client,
        audit: AuditEvent,
    ) -> Result<Created, StoreError> {
        self.writer
            .write(move |db| create(db, &client, &audit))
            .await
    }

    async fn client(&self, client_id: &str) -> Result<Option<Client>, StoreError> {
        let client_id = client_id.to_owned();
        self.readers.read(move |db| by_id(db, &client_id)).await
    }

    async fn clients(&self, after: Option<&str>, limit: u32) -> Result<Vec<Client>, StoreError> {
        let after = after.unwrap_or_default().to_owned();
        self.readers.read(move |db| list(db, &after, limit)).await
    }

    async fn change_client(
        &self,
        client: Client,
        ending: Option<ClientEnding>,
        audit: AuditEvent,
    ) -> Result<Found<Vec<Ended>>, StoreError> {
        self.writer
            .write(move |db| change(db, &client, ending.as_ref(), &audit))
            .await
    }

    async fn delete_client(
        &self,
        client_id: &str,
        ending: Ending,
        audit: AuditEvent,
    ) -> Result<Found<(String, Vec<Ended>)>, StoreError> {
        let client_id = client_id.to_owned();
        self.writer
            .write(move |db| delete(db, &client_id, &ending, &audit))
            .await
    }

    async fn client_algorithms(&self) -> Result<Vec<Algorithm>, StoreError> {
        self.readers.read(algorithms).await
    }

    async fn use_assertion(&self, digest: [u8; 32], until: UnixTime) -> Result<bool, StoreError> {
        self.writer
            .write(move |db| use_once(db, &digest, until))
            .await
    }
}

fn create(db: &Connection, client: &Client, event: &AuditEvent) -> Result<Created, StoreError> {
    let row = ClientRow::of(client)?;
    // The `sub` of a client must be nobody else's.
    let sql = format!(
        "INSERT INTO clients ({COLUMNS})
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
                ?19, ?20, ?21
         WHERE NOT EXISTS (SELECT 1 FROM users WHERE id = ?1)
         ON CONFLICT (client_id) DO NOTHING"
    );
    if write(db, &sql, &row)? == 0 {
        return Ok(Created::NameTaken);
    }
    audit::append(db, event)?;
    Ok(Created::Created)
}

fn by_id(db: &Connection, client_id: &str) -> Result<Option<Client>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM clients WHERE client_id = ?1");
    let row = db
        .prepare_cached(&sql)?
        .query_row([client_id], read)
        .optional()?;
    row.map(ClientRow::client).transpose()
}

pub(super) fn list(db: &Connection, after: &str, limit: u32) -> Result<Vec<Client>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM clients WHERE client_id > ?1 ORDER BY client_id LIMIT ?2");
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map(params![after, limit], read)?;
    rows.map(|row| row?.client()).collect()
}

fn algorithms(db: &Connection) -> Result<Vec<Algorithm>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT DISTINCT algorithm FROM clients WHERE algorithm IS NOT NULL ORDER BY algorithm",
    )?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    names.map(|name| client_row::algorithm(&name?)).collect()
}

fn change(
    db: &Connection,
    client: &Client,
    ending: Option<&ClientEnding>,
    event: &AuditEvent,
) -> Result<Found<Vec<Ended>>, StoreError> {
    let row = ClientRow::of(client)?;
    let sql = format!(
        "UPDATE clients SET ({COLUMNS}) =
             (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
              ?19, ?20, ?21 + 1)
         WHERE client_id = ?1 AND revision = ?21"
    );
    if write(db, &sql, &row)? == 0 {
        return Ok(Found::Missing);
    }
    audit::append(db, event)?;
    let Some(it) = ending else {
        return Ok(Found::Found(Vec::new()));
    };
    if let Some(own_sid) = &it.own_sid {
        revoke_own(db, own_sid, &it.ending)?;
    }
    let ended = if it.sessions {
        end_sessions(db, &client.client_id, &it.ending)?
    } else {
        Vec::new()
    };
    Ok(Found::Found(ended))
}

fn delete(
    db: &Connection,
    client_id: &str,
    ending: &Ending,
    event: &AuditEvent,
) -> Result<Found<(String, Vec<Ended>)>, StoreError> {
    let deleted = db
        .prepare_cached("DELETE FROM clients WHERE client_id = ?1 RETURNING own_sid")?
        .query_row([client_id], |row| row.get::<_, String>(0))
        .optional()?;
    let Some(own_sid) = deleted else {
        return Ok(Found::Missing);
    };
    audit::append(db, event)?;
    revoke_own(db, &own_sid, ending)?;
    let ended = end_sessions(db, client_id, ending)?;
    Ok(Found::Found((own_sid, ended)))
}

/// Revokes the tokens that a client has in its own name.
fn revoke_own(db: &Connection, own_sid: &str, ending: &Ending) -> Result<(), StoreError> {
    let revocation = Revocation {
        kind: RevocationKind::Session,
        value: own_sid.to_owned(),
        at: ending.at,
        until: ending.until,
    };
    revocations::publish(db, &revocation, ending.at)
}

/// Ends every session that was opened for the client.
fn end_sessions(
    db: &Connection,
    client_id: &str,
    ending: &Ending,
) -> Result<Vec<Ended>, StoreError> {
    endings::begin(db, &Whose::Client(client_id.to_owned()), None, ending)
}

fn use_once(db: &Connection, digest: &[u8; 32], until: UnixTime) -> Result<bool, StoreError> {
    let added = db
        .prepare_cached(
            "INSERT INTO used_assertions (digest, until) VALUES (?1, ?2)
             ON CONFLICT (digest) DO NOTHING",
        )?
        .execute(params![digest, seconds(until)])?;
    Ok(added > 0)
}

fn write(db: &Connection, sql: &str, row: &ClientRow) -> Result<usize, StoreError> {
    let [secret1, secret2] = &row.secrets;
    let [secret1_until, secret2_until] = row.secrets_until;
    Ok(db.prepare_cached(sql)?.execute(params![
        row.client_id,
        row.name,
        row.authentication,
        secret1,
        secret1_until,
        secret2,
        secret2_until,
        row.jwks,
        row.grant_types,
        row.scope,
        row.roles,
        row.audiences,
        row.serves,
        row.session_idle,
        row.session_absolute,
        row.access_life,
        row.algorithm,
        row.disabled,
        row.created_at,
        row.own_sid,
        row.revision,
    ])?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<ClientRow> {
    Ok(ClientRow {
        client_id: row.get(0)?,
        name: row.get(1)?,
        authentication: row.get(2)?,
        secrets: [row.get(3)?, row.get(5)?],
        secrets_until: [row.get(4)?, row.get(6)?],
        jwks: row.get(7)?,
        grant_types: row.get(8)?,
        scope: row.get(9)?,
        roles: row.get(10)?,
        audiences: row.get(11)?,
        serves: row.get(12)?,
        session_idle: row.get(13)?,
        session_absolute: row.get(14)?,
        access_life: row.get(15)?,
        algorithm: row.get(16)?,
        disabled: row.get(17)?,
        created_at: row.get(18)?,
        own_sid: row.get(19)?,
        revision: row.get(20)?,
    })
}
