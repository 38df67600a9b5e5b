-- Endings of more sessions than end at once. What is left of one is ended a few at a time, by whoever
-- comes to it; until then no session it covers is refreshed.
CREATE TABLE endings (
    -- Whose sessions: `user`, `client` or `everyone`.
    whose     TEXT    NOT NULL,
    -- Of user or client; empty for everyone.
    id        TEXT    NOT NULL,
    -- The `sid` of the one session that goes on.
    keep      TEXT,
    -- Whether the user is deleted after the last of their sessions.
    removes   INTEGER NOT NULL,
    -- When some were last ended: what nobody has worked on for a while is taken up by somebody else.
    worked_at INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    until     INTEGER NOT NULL,
    reason    TEXT    NOT NULL,
    event     TEXT    NOT NULL,
    network   TEXT,
    actor     TEXT,
    detail    TEXT,
    PRIMARY KEY (whose, id)
) STRICT, WITHOUT ROWID;

-- Sessions that were opened after such an ending and before the last of it.
CREATE TABLE spared (
    whose TEXT NOT NULL,
    id    TEXT NOT NULL,
    sid   TEXT NOT NULL,
    PRIMARY KEY (whose, id, sid)
) STRICT, WITHOUT ROWID;

-- The next sessions to end are found without a walk over those that have ended.
CREATE INDEX sessions_alive ON sessions (user_id) WHERE ended_at IS NULL;
DROP INDEX sessions_of_client;
CREATE INDEX sessions_of_client ON sessions (client_id)
    WHERE client_id <> 'first-party' AND ended_at IS NULL;

-- For the sweep. None of it is changed by a refresh; what lay idle is found by walking.
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_expired ON sessions (expires_at);
CREATE INDEX revocations_by_end ON revocations (until);
