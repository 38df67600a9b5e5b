-- How long access tokens live, or have: each length once, and when it was last in use, by the clock of
-- the database. What ends is remembered for as long as any token may be alive, and no longer.
CREATE TABLE access_lives (
    life    BIGINT NOT NULL PRIMARY KEY,
    used_at BIGINT NOT NULL
);

INSERT INTO access_lives (life, used_at)
    SELECT value, floor(extract(epoch from statement_timestamp()))::BIGINT FROM facts
    WHERE name = 'longest_access_life';
DELETE FROM facts WHERE name = 'longest_access_life';
