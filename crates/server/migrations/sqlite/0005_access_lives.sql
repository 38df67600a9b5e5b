-- How long access tokens live, or have: each length once, and when it was last in use. What ends is
-- remembered for as long as any token may be alive, and no longer.
CREATE TABLE access_lives (
    life    INTEGER NOT NULL PRIMARY KEY,
    used_at INTEGER NOT NULL
) STRICT;

INSERT INTO access_lives (life, used_at)
    SELECT value, CAST(strftime('%s', 'now') AS INTEGER) FROM facts
    WHERE name = 'longest_access_life';
DELETE FROM facts WHERE name = 'longest_access_life';
