-- Endings of more sessions than end at once. What is left of one is ended a few at a time, by whoever
-- comes to it; until then no session it covers is refreshed.
CREATE TABLE endings (
    -- Whose sessions: `user`, `client` or `everyone`.
    whose     TEXT COLLATE "C" NOT NULL,
    -- Of user or client; empty for everyone.
    id        TEXT COLLATE "C" NOT NULL,
    -- The `sid` of the one session that goes on.
    keep      TEXT COLLATE "C",
    -- Whether the user is deleted after the last of their sessions.
    removes   BOOLEAN NOT NULL,
    -- When some were last ended, by the clock of the database: what nobody has worked on for a while
    -- is taken up by somebody else.
    worked_at BIGINT  NOT NULL,
    at        BIGINT  NOT NULL,
    until     BIGINT  NOT NULL,
    reason    TEXT    NOT NULL,
    event     TEXT    NOT NULL,
    network   TEXT,
    actor     TEXT,
    detail    TEXT,
    PRIMARY KEY (whose, id)
);

-- Sessions that were opened after such an ending and before the last of it.
CREATE TABLE spared (
    whose TEXT COLLATE "C" NOT NULL,
    id    TEXT COLLATE "C" NOT NULL,
    sid   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (whose, id, sid)
);

-- The next sessions to end are found without a walk over those that have ended. A refresh changes
-- none of these columns.
CREATE INDEX sessions_alive ON sessions (user_id) WHERE ended_at IS NULL;
DROP INDEX sessions_of_client;
CREATE INDEX sessions_of_client ON sessions (client_id)
    WHERE client_id <> 'first-party' AND ended_at IS NULL;
