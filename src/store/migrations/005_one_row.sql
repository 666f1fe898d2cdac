-- Two tokens never share a status index: a revocation of one would be the other's.
CREATE UNIQUE INDEX one_token_per_status_index ON mints (list, idx);

-- One row decides about a token: its uses, and its end. An end may stand before the first use. A token is ended when it is revoked or
-- suspended. The row of an ephemeral token stays until no clock accepts the token (keep_until), that of a persistent one with its tokens row.
DROP VIEW readable_tokens;
CREATE TABLE uses_and_end (
    token      BLOB    PRIMARY KEY CHECK (length(token) = 16),
    used       INTEGER NOT NULL CHECK (used >= 0),
    spent_at   INTEGER,
    ended_at   INTEGER,
    keep_until INTEGER,
    last_at    INTEGER,
    last_host  BLOB    CHECK (length(last_host) = 16),
    last_from  TEXT,
    CHECK (used > 0 OR ended_at IS NOT NULL)
) STRICT, WITHOUT ROWID;
INSERT INTO uses_and_end (token, used, spent_at, keep_until, last_at, last_host, last_from)
SELECT token, used, spent_at, keep_until, last_at, last_host, last_from FROM uses;
DROP TABLE uses;
ALTER TABLE uses_and_end RENAME TO uses;
CREATE INDEX uses_by_keep ON uses (keep_until) WHERE keep_until IS NOT NULL;
CREATE INDEX spent_persistent_uses ON uses (spent_at) WHERE spent_at IS NOT NULL AND keep_until IS NULL;

-- The end of each token that is revoked: 25 hours after its expiry no clock in use accepts it.
INSERT INTO uses (token, used, ended_at, keep_until)
SELECT token, 0, revoked_at, CASE WHEN persistent = 0 THEN expires_at + 90000000 END FROM mints WHERE revoked_at IS NOT NULL
ON CONFLICT (token) DO UPDATE SET ended_at = excluded.ended_at;
-- The mint record may have been collected before its token expired. The ledger still names the token; ephemeral ones live at most a day.
INSERT INTO uses (token, used, ended_at, keep_until)
SELECT l.token, 0, min(l.at), min(l.at) + 176400000 FROM ledger AS l, meta
WHERE l.action = 'token_revoked' AND l.outcome = 'done' AND l.token IS NOT NULL AND l.at + 176400000 > meta.clock_mark
AND NOT EXISTS (SELECT 1 FROM mints AS m WHERE m.token = l.token)
GROUP BY l.token
ON CONFLICT (token) DO UPDATE SET ended_at = excluded.ended_at;

-- Filters of lists walk these from the newest token or host.
CREATE TABLE mint_roles (
    role  TEXT NOT NULL,
    token BLOB NOT NULL CHECK (length(token) = 16),
    PRIMARY KEY (role, token)
) STRICT, WITHOUT ROWID;
INSERT INTO mint_roles (role, token) SELECT DISTINCT r.value, m.token FROM mints AS m, json_each(m.roles) AS r;
CREATE TABLE host_roles (
    role TEXT NOT NULL,
    host BLOB NOT NULL CHECK (length(host) = 16),
    PRIMARY KEY (role, host)
) STRICT, WITHOUT ROWID;
INSERT INTO host_roles (role, host) SELECT DISTINCT r.value, h.host FROM hosts AS h, json_each(h.roles) AS r;
CREATE INDEX mints_by_label ON mints (label, token);
CREATE INDEX enrollment_mints ON mints (token) WHERE audience IS NULL;
CREATE INDEX persistent_mints ON mints (token) WHERE persistent = 1;
CREATE INDEX ephemeral_mints ON mints (token) WHERE persistent = 0 AND audience IS NULL;
CREATE INDEX ended_mints ON mints (token) WHERE revoked_at IS NOT NULL OR revoke_at IS NOT NULL;
CREATE INDEX hosts_by_name ON hosts (name, host) WHERE name IS NOT NULL;

-- Names that every SQL database takes as they are.
ALTER TABLE sessions RENAME COLUMN user TO user_name;
ALTER TABLE meta RENAME COLUMN only TO single;

CREATE VIEW readable_tokens AS
SELECT lower(hex(m.token)) AS token, lower(hex(m.kid)) AS kid, m.label, m.roles, m.persistent, m.emergency, m.minter,
       strftime('%FT%TZ', m.created_at / 1000, 'unixepoch') AS created_at,
       strftime('%FT%TZ', m.expires_at / 1000, 'unixepoch') AS expires_at,
       strftime('%FT%TZ', m.revoked_at / 1000, 'unixepoch') AS revoked_at,
       m.max_uses, coalesce(u.used, 0) AS used, m.audience,
       strftime('%FT%TZ', u.last_at / 1000, 'unixepoch') AS last_used_at, lower(hex(u.last_host)) AS last_used_by,
       u.last_from AS last_used_from, strftime('%FT%TZ', m.revoke_at / 1000, 'unixepoch') AS revokes_at,
       lower(hex(m.replaced_by)) AS replaced_by
FROM mints AS m LEFT JOIN uses AS u ON u.token = m.token;
