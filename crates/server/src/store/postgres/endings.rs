//! Endings in SQL: of one session by a statement, of many a batch in a transaction.
//!
//! An ending of many first takes the row of whose they are: whoever is signing in at that moment holds
//! it, and only a statement that begins after their session was committed can see that session and end
//! it. Whoever goes on with an ending holds its own row, so two processes never end the same batch.
//!
//! Whoever began to sign in before that was committed, and had to wait for it, does not see the ending
//! and so is not spared: the session ends with a later batch, as if it had been opened a moment before
//! the ending rather than a moment after, and until then it is one that is over to whoever asks. Both
//! are right, because the two went on at the same time; a sign-in that begins after it is always spared.
//! Where the password, a role or the right to sign in was taken, nothing is opened at all.

use std::sync::LazyLock;

use async_trait::async_trait;
use countersign::UnixTime;
use countersign_issuer::record::{AuditKind, EndReason};
use countersign_issuer::revoke::RevocationKind;
use deadpool_postgres::Transaction;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

use super::audit::{LINE, NAME_OF_ENDED};
use super::clock::{MICROS, SECONDS};
use super::engine::PostgresStore;
use super::pool::{Finish, Pool, Work};
use super::revocations::REPUBLISH;
use super::rows::{self, Text, seconds, seconds_of, text};
use crate::store::endings::LEFT_ALONE;
use crate::store::{Batch, Ended, Ending, Endings, StoreError, Whose};

/// How many sessions one statement ends at most: all at once may be more than one statement is given
/// time for, and others wait for what it holds.
pub(super) const AT_ONCE: u32 = 2000;

#[async_trait]
impl Endings for PostgresStore {
    async fn endings_left(&self, _now: UnixTime) -> Result<Vec<Whose>, StoreError> {
        left(&self.pool).await
    }

    async fn end_more(&self, whose: &Whose, _now: UnixTime) -> Result<Option<Batch>, StoreError> {
        let more = end_more(&self.pool, whose, self.follower.writer()).await;
        self.follower.unless_lost(more)
    }
}

/// Whether the user goes when the last of their sessions has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Afterwards {
    Stays,
    Removed,
}

/// Ends sessions where that is all there is to do.
pub(super) async fn begin_alone(
    db: &Pool,
    whose: &Whose,
    ending: &Ending,
    writer: i64,
) -> Result<Vec<Ended>, StoreError> {
    let begin = Begin {
        whose,
        ending,
        writer,
    };
    let ended = db.transact(&begin).await?;
    ended.iter().map(ended_row).collect()
}

struct Begin<'a> {
    whose: &'a Whose,
    ending: &'a Ending,
    writer: i64,
}

impl Work for Begin<'_> {
    type Answer = Vec<Row>;

    async fn run(&self, db: &Transaction<'_>) -> Result<(Finish, Vec<Row>), Error> {
        if let Whose::User(id) = self.whose {
            let held = "SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE";
            let held = db.prepare_cached(held).await?;
            db.query_opt(&held, &[&Text(id)]).await?;
        }
        let ended = begin(db, self.whose, None, self.ending, self.writer).await?;
        Ok((Finish::Commit, ended))
    }
}

/// Ends the first sessions of `whose` but `keep`, and writes down what is left, if there may be more.
/// The row of user or client is held.
pub(super) async fn begin(
    db: &Transaction<'_>,
    whose: &Whose,
    keep: Option<&str>,
    ending: &Ending,
    writer: i64,
) -> Result<Vec<Row>, Error> {
    let (word, id) = whose.stored();
    // An ending that was begun before would spare other sessions than this one does.
    let sql = "DELETE FROM spared WHERE whose = $1 AND id = $2";
    let sql = db.prepare_cached(sql).await?;
    db.execute(&sql, &[&word, &Text(id)]).await?;
    let ended = end_some(db, whose, keep, ending, writer).await?;
    if ended.len() < AT_ONCE as usize {
        let sql = "DELETE FROM endings WHERE whose = $1 AND id = $2 AND NOT removes";
        let sql = db.prepare_cached(sql).await?;
        db.execute(&sql, &[&word, &Text(id)]).await?;
    } else {
        note(db, whose, keep, Afterwards::Stays, ending).await?;
    }
    Ok(ended)
}

/// Writes down that what is left of an ending is to be ended.
pub(super) async fn note(
    db: &Transaction<'_>,
    whose: &Whose,
    keep: Option<&str>,
    afterwards: Afterwards,
    ending: &Ending,
) -> Result<(), Error> {
    static NOTE: LazyLock<String> = LazyLock::new(|| {
        format!(
            "INSERT INTO endings (whose, id, keep, removes, worked_at, at, until, reason, event,
                                  network, actor, detail)
             VALUES ($1, $2, $3, $4, {SECONDS}, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT (whose, id) DO UPDATE
             SET keep = excluded.keep, removes = endings.removes OR excluded.removes,
                 worked_at = excluded.worked_at, at = excluded.at,
                 until = greatest(endings.until, excluded.until), reason = excluded.reason,
                 event = excluded.event, network = excluded.network, actor = excluded.actor,
                 detail = excluded.detail"
        )
    });
    let (word, id) = whose.stored();
    let sql = db.prepare_cached(&NOTE).await?;
    db.execute(
        &sql,
        &[
            &word,
            &Text(id),
            &keep.map(Text),
            &(afterwards == Afterwards::Removed),
            &seconds(ending.at),
            &seconds(ending.until),
            &ending.reason.as_str(),
            &ending.kind.as_str(),
            &text(ending.network.as_ref()),
            &text(ending.actor.as_ref()),
            &text(ending.detail.as_ref()),
        ],
    )
    .await?;
    Ok(())
}

/// Sessions past their expiry are ended as well: their last access token may outlive them by a
/// moment.
async fn end_some(
    db: &Transaction<'_>,
    whose: &Whose,
    keep: Option<&str>,
    ending: &Ending,
    writer: i64,
) -> Result<Vec<Row>, Error> {
    static OF_USER: LazyLock<String> = LazyLock::new(|| end_some_sql("user", "user_id = $9"));
    static OF_CLIENT: LazyLock<String> = LazyLock::new(|| {
        let theirs = "client_id = $9 AND client_id <> 'first-party'";
        end_some_sql("client", theirs)
    });
    static OF_EVERYONE: LazyLock<String> =
        LazyLock::new(|| end_some_sql("everyone", "$9::TEXT = ''"));
    let sql = match whose {
        Whose::User(_) => &OF_USER,
        Whose::Client(_) => &OF_CLIENT,
        Whose::Everyone => &OF_EVERYONE,
    };
    let values = EndingValues::of(ending, writer);
    let (_, id) = whose.stored();
    let sql = db.prepare_cached(sql).await?;
    db.query(&sql, &values.before(&[&Text(id), &keep.map(Text)]))
        .await
}

/// Like [`end_sql`], no more than [`AT_ONCE`]. The order is that of the index of those alive, so that
/// nobody walks over all that have ended.
fn end_some_sql(word: &str, theirs: &str) -> String {
    end_sql(&format!(
        "handle IN (SELECT handle FROM sessions
                    WHERE ended_at IS NULL AND {theirs} AND sid IS DISTINCT FROM $10::TEXT
                      AND NOT EXISTS (SELECT 1 FROM spared
                          WHERE spared.whose = '{word}' AND spared.id = $9
                            AND spared.sid = sessions.sid)
                    ORDER BY user_id LIMIT {AT_ONCE})"
    ))
}

/// Ends the sessions for which `condition` holds, publishes each end and writes it down. The
/// parameters of the condition are numbered from 9 on.
pub(super) fn end_sql(condition: &str) -> String {
    format!(
        "WITH ended AS (
             UPDATE sessions SET ended_at = $1, end_reason = $2
             WHERE ended_at IS NULL AND {condition} RETURNING sid, user_id
         ), published AS (
             INSERT INTO revocations (kind, value, until, published_at, writer)
             SELECT '{kind}', sid, $3::BIGINT, {MICROS}, $4::BIGINT FROM ended {REPUBLISH}
         ), written AS (
             INSERT INTO audit ({LINE})
             SELECT $1::BIGINT, $5::TEXT, user_id, {NAME_OF_ENDED}, sid, $6::TEXT, $7::TEXT,
                 $8::TEXT, {MICROS}
             FROM ended
         )
         SELECT sid, user_id FROM ended",
        kind = RevocationKind::Session.as_str()
    )
}

/// The parameters of [`end_sql`].
pub(super) struct EndingValues<'a> {
    at: i64,
    reason: &'static str,
    until: i64,
    writer: i64,
    event: &'static str,
    actor: Option<Text<'a>>,
    network: Option<Text<'a>>,
    detail: String,
}

impl<'a> EndingValues<'a> {
    pub(super) fn of(ending: &'a Ending, writer: i64) -> Self {
        Self {
            at: seconds(ending.at),
            reason: ending.reason.as_str(),
            until: seconds(ending.until),
            writer,
            event: ending.kind.as_str(),
            actor: text(ending.actor.as_ref()),
            network: text(ending.network.as_ref()),
            detail: match &ending.detail {
                Some(detail) => format!("{} {detail}", ending.reason).replace('\0', "\u{fffd}"),
                None => ending.reason.to_string(),
            },
        }
    }

    /// Those of something else, then these and some more.
    pub(super) fn after_and<'p>(
        &'p self,
        more: &[&'p (dyn ToSql + Sync)],
        mut all: Vec<&'p (dyn ToSql + Sync)>,
    ) -> Vec<&'p (dyn ToSql + Sync)> {
        all.extend(self.before(more));
        all
    }

    /// These, and then those of the condition.
    pub(super) fn before<'p>(
        &'p self,
        condition: &[&'p (dyn ToSql + Sync)],
    ) -> Vec<&'p (dyn ToSql + Sync)> {
        let mut all: Vec<&(dyn ToSql + Sync)> = vec![
            &self.at,
            &self.reason,
            &self.until,
            &self.writer,
            &self.event,
            &self.actor,
            &self.network,
            &self.detail,
        ];
        all.extend(condition);
        all
    }
}

pub(super) fn ended_row(row: &Row) -> Result<Ended, StoreError> {
    Ok(Ended {
        sid: rows::get(row, 0)?,
        user_id: rows::get(row, 1)?,
    })
}

async fn left(db: &Pool) -> Result<Vec<Whose>, StoreError> {
    let sql = format!(
        "SELECT whose, id FROM endings WHERE worked_at <= {SECONDS} - $1::BIGINT ORDER BY worked_at"
    );
    let rows = db.query(&sql, &[&seconds_of(LEFT_ALONE)]).await?;
    rows.iter()
        .map(|row| Whose::from_stored(rows::get(row, 0)?, rows::get(row, 1)?))
        .collect()
}

async fn end_more(db: &Pool, whose: &Whose, writer: i64) -> Result<Option<Batch>, StoreError> {
    let (word, id) = whose.stored();
    let sql = "SELECT keep, removes, at, until, reason, event, network, actor, detail FROM endings
         WHERE whose = $1 AND id = $2";
    let Some(row) = db.query_opt(sql, &[&word, &Text(id)]).await? else {
        return Ok(None);
    };
    let noted = Noted::read(&row)?;
    let (at, until) = (noted.ending.at, noted.ending.until);
    let more = More {
        whose,
        noted,
        writer,
    };
    let Some(ended) = db.transact(&more).await? else {
        return Ok(None);
    };
    let ended = ended.iter().map(ended_row).collect::<Result<_, _>>()?;
    Ok(Some(Batch { ended, at, until }))
}

/// An ending as it was written down.
struct Noted {
    ending: Ending,
    keep: Option<String>,
    afterwards: Afterwards,
}

impl Noted {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let unknown = |place| StoreError::Corrupt {
            place,
            detail: "a word this program does not know".to_owned(),
        };
        let (reason, event): (&str, &str) = (rows::get(row, 4)?, rows::get(row, 5)?);
        Ok(Self {
            keep: rows::get(row, 0)?,
            afterwards: if rows::get(row, 1)? {
                Afterwards::Removed
            } else {
                Afterwards::Stays
            },
            ending: Ending {
                at: rows::time(row, 2)?,
                until: rows::time(row, 3)?,
                reason: EndReason::from_stored(reason).ok_or_else(|| unknown("endings.reason"))?,
                kind: AuditKind::from_stored(event).ok_or_else(|| unknown("endings.event"))?,
                network: rows::get(row, 6)?,
                actor: rows::get(row, 7)?,
                detail: rows::get(row, 8)?,
            },
        })
    }
}

/// One more batch.
struct More<'a> {
    whose: &'a Whose,
    noted: Noted,
    writer: i64,
}

impl Work for More<'_> {
    /// The sessions that were ended, or nothing if that was all.
    type Answer = Option<Vec<Row>>;

    async fn run(&self, db: &Transaction<'_>) -> Result<(Finish, Self::Answer), Error> {
        static HELD: LazyLock<String> = LazyLock::new(|| {
            format!("UPDATE endings SET worked_at = {SECONDS} WHERE whose = $1 AND id = $2")
        });
        let (word, id) = self.whose.stored();
        let held = db.prepare_cached(&HELD).await?;
        if db.execute(&held, &[&word, &Text(id)]).await? == 0 {
            return Ok((Finish::RollBack, None));
        }
        let (keep, ending) = (self.noted.keep.as_deref(), &self.noted.ending);
        let ended = end_some(db, self.whose, keep, ending, self.writer).await?;
        if !ended.is_empty() || !self.is_removed(db).await? {
            return Ok((Finish::Commit, Some(ended)));
        }
        for table in ["endings", "spared"] {
            let sql = format!("DELETE FROM {table} WHERE whose = $1 AND id = $2");
            let sql = db.prepare_cached(&sql).await?;
            db.execute(&sql, &[&word, &Text(id)]).await?;
        }
        Ok((Finish::Commit, None))
    }
}

impl More<'_> {
    /// Deletes a user whose sessions have ended, those first, a batch at a time; whether that is done.
    async fn is_removed(&self, db: &Transaction<'_>) -> Result<bool, Error> {
        let (Whose::User(id), Afterwards::Removed) = (self.whose, self.noted.afterwards) else {
            return Ok(true);
        };
        let some = "DELETE FROM sessions WHERE handle IN
                 (SELECT handle FROM sessions WHERE user_id = $1 LIMIT $2)";
        let some = db.prepare_cached(some).await?;
        let deleted = db.execute(&some, &[&Text(id), &i64::from(AT_ONCE)]).await?;
        if deleted >= u64::from(AT_ONCE) {
            return Ok(false);
        }
        let user = db.prepare_cached("DELETE FROM users WHERE id = $1").await?;
        db.execute(&user, &[&Text(id)]).await?;
        Ok(true)
    }
}
