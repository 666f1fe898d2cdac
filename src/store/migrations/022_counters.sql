-- Counters of each hour, written with the entries that they count. begin_at is the start of the hour. They count from the upgrade on.
CREATE TABLE hourly_counters (
    begin_at INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    number   INTEGER NOT NULL CHECK (number >= 0),
    PRIMARY KEY (begin_at, kind)
) STRICT, WITHOUT ROWID;
