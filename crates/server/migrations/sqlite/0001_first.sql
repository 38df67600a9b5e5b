-- Times are whole seconds since 1970, UTC. Sealed columns are AES-256-GCM under the master key.

CREATE TABLE users (
    id                  TEXT    NOT NULL PRIMARY KEY,
    username            TEXT    NOT NULL,
    -- The name in the form it is compared in, so that `Ada` and `ada` are one user.
    name_key            TEXT    NOT NULL UNIQUE,
    password_hash       TEXT    NOT NULL,
    -- The hash up to its salt: its function and cost. Refusals are padded to the costliest.
    hash_kind           TEXT    NOT NULL,
    -- Names separated by single spaces, as in a scope.
    roles               TEXT    NOT NULL DEFAULT '',
    disabled            INTEGER NOT NULL DEFAULT 0,
    created_at          INTEGER NOT NULL,
    password_changed_at INTEGER NOT NULL
) STRICT;

CREATE INDEX users_by_hash_kind ON users (hash_kind);

-- One row a session, however often it is refreshed: no token and no hash of one is kept.
-- No index covers a column that a refresh changes, so a refresh writes one leaf page.
CREATE TABLE sessions (
    handle            BLOB    NOT NULL PRIMARY KEY,
    sid               TEXT    NOT NULL UNIQUE,
    user_id           TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id         TEXT    NOT NULL,
    scope             TEXT    NOT NULL,
    -- Audiences as a JSON array: an audience may be any text.
    audience          TEXT    NOT NULL,
    generation        INTEGER NOT NULL,
    mac_key_id        INTEGER NOT NULL,
    -- Four marks, newest first: a generation and when it was replaced.
    mark1_generation  INTEGER,
    mark1_at          INTEGER,
    mark2_generation  INTEGER,
    mark2_at          INTEGER,
    mark3_generation  INTEGER,
    mark3_at          INTEGER,
    mark4_generation  INTEGER,
    mark4_at          INTEGER,
    created_at        INTEGER NOT NULL,
    auth_time         INTEGER NOT NULL,
    last_used_at      INTEGER NOT NULL,
    idle_expires_at   INTEGER NOT NULL,
    expires_at        INTEGER NOT NULL,
    ended_at          INTEGER,
    end_reason        TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_of_user ON sessions (user_id);

CREATE TABLE signing_keys (
    kid           TEXT    NOT NULL PRIMARY KEY,
    algorithm     TEXT    NOT NULL,
    state         TEXT    NOT NULL,
    -- Destroyed (NULL) when the key is gone or withdrawn.
    sealed        BLOB,
    created_at    INTEGER NOT NULL,
    signing_at    INTEGER,
    retiring_at   INTEGER,
    gone_at       INTEGER
) STRICT;

CREATE TABLE mac_keys (
    id         INTEGER NOT NULL PRIMARY KEY,
    sealed     BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    retired_at INTEGER
) STRICT;

-- What guards must refuse before it expires by itself.
CREATE TABLE revocations (
    kind         TEXT    NOT NULL,
    value        TEXT    NOT NULL,
    until        INTEGER NOT NULL,
    published_at INTEGER NOT NULL,
    PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;

CREATE INDEX revocations_by_time ON revocations (published_at);

-- Append-only; each row is written in the transaction of what it records.
CREATE TABLE audit (
    id        INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at        INTEGER NOT NULL,
    event     TEXT    NOT NULL,
    user_id   TEXT,
    username  TEXT,
    sid       TEXT,
    actor     TEXT,
    network   TEXT,
    detail    TEXT
) STRICT;

CREATE INDEX audit_by_time ON audit (at);

-- Facts about the installation as a whole, such as the longest access-token life ever announced.
CREATE TABLE facts (
    name  TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;
