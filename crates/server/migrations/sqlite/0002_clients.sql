-- Clients: programs that ask for tokens, for themselves or for users.

CREATE TABLE clients (
    client_id        TEXT    NOT NULL PRIMARY KEY,
    name             TEXT    NOT NULL,
    -- How it proves who it is: `none`, `secrets` or `keys`.
    authentication   TEXT    NOT NULL,
    -- SHA-256 of its secrets, the older one first, and when each ceases to be accepted.
    secret1          BLOB,
    secret1_until    INTEGER,
    secret2          BLOB,
    secret2_until    INTEGER,
    -- Its public keys as a JWK Set.
    jwks             TEXT,
    -- Words separated by single spaces, as in a scope.
    grant_types      TEXT    NOT NULL,
    scope            TEXT    NOT NULL,
    roles            TEXT    NOT NULL,
    -- JSON arrays: an audience may be any text.
    audiences        TEXT    NOT NULL,
    serves           TEXT    NOT NULL,
    -- Seconds; NULL where the server's setting holds.
    session_idle     INTEGER,
    session_absolute INTEGER,
    access_life      INTEGER,
    algorithm        TEXT,
    disabled         INTEGER NOT NULL DEFAULT 0,
    created_at       INTEGER NOT NULL,
    -- Rises by one with every change.
    revision         INTEGER NOT NULL
) STRICT;

-- Client assertions that were used, until they have expired by themselves.
CREATE TABLE used_assertions (
    digest BLOB    NOT NULL PRIMARY KEY,
    until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX used_assertions_by_end ON used_assertions (until);

-- The scope a user's tokens may have.
ALTER TABLE users ADD COLUMN scope TEXT NOT NULL DEFAULT '';

-- To end the sessions of a client; those of the server's own sign-in need not be found by it.
CREATE INDEX sessions_of_client ON sessions (client_id) WHERE client_id <> 'first-party';
