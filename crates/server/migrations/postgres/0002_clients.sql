-- Clients: programs that ask for tokens, for themselves or for users.

CREATE TABLE clients (
    client_id        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name             TEXT    NOT NULL,
    -- How it proves who it is: `none`, `secrets` or `keys`.
    authentication   TEXT    NOT NULL,
    -- SHA-256 of its secrets, the older one first, and when each ceases to be accepted.
    secret1          BYTEA,
    secret1_until    BIGINT,
    secret2          BYTEA,
    secret2_until    BIGINT,
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
    session_idle     BIGINT,
    session_absolute BIGINT,
    access_life      BIGINT,
    algorithm        TEXT,
    disabled         BOOLEAN NOT NULL DEFAULT FALSE,
    created_at       BIGINT  NOT NULL,
    -- Rises by one with every change.
    revision         BIGINT  NOT NULL
);

-- Client assertions that were used, until they have expired by themselves.
CREATE TABLE used_assertions (
    digest BYTEA  NOT NULL PRIMARY KEY,
    until  BIGINT NOT NULL
);

CREATE INDEX used_assertions_by_end ON used_assertions (until);

-- The scope a user's tokens may have.
ALTER TABLE users ADD COLUMN scope TEXT NOT NULL DEFAULT '';

-- To end the sessions of a client; those of the server's own sign-in need not be found by it.
CREATE INDEX sessions_of_client ON sessions (client_id) WHERE client_id <> 'first-party';

-- Counted up by every change of a client, so that other processes notice.
INSERT INTO facts (name, value) VALUES ('client_changes', 0);
