-- The token's treatment of hosts that no rule admits. The words of an IN would go to a temporary table at each insert.
ALTER TABLE mints ADD COLUMN approval TEXT NOT NULL DEFAULT 'off'
    CHECK (approval = 'off' OR approval = 'warn' OR approval = 'require');

-- reserved counts the uses that waiting enrollments hold. A reserved use does not mark the token as used up.
DROP VIEW readable_tokens;
CREATE TABLE uses_and_reserved (
    token      BLOB    PRIMARY KEY CHECK (length(token) = 16),
    used       INTEGER NOT NULL CHECK (used >= 0),
    reserved   INTEGER NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    spent_at   INTEGER,
    ended_at   INTEGER,
    keep_until INTEGER,
    last_at    INTEGER,
    last_host  BLOB    CHECK (length(last_host) = 16),
    last_from  TEXT
) STRICT, WITHOUT ROWID;
INSERT INTO uses_and_reserved (token, used, spent_at, ended_at, keep_until, last_at, last_host, last_from)
SELECT token, used, spent_at, ended_at, keep_until, last_at, last_host, last_from FROM uses;
DROP TABLE uses;
ALTER TABLE uses_and_reserved RENAME TO uses;
CREATE INDEX uses_by_keep ON uses (keep_until) WHERE keep_until IS NOT NULL;
CREATE INDEX spent_persistent_uses ON uses (spent_at) WHERE spent_at IS NOT NULL AND keep_until IS NULL;

-- Hosts that wait for a decision, and the decisions. A row keeps the host's public key, for the certificate of an approval. A waiting row
-- whose token has ended, or whose time is over, counts as ended or expired at once; collection writes it. answered is 1 when the host has
-- got the answer that its enrollment expired.
CREATE TABLE enrollments (
    enrollment  BLOB    PRIMARY KEY CHECK (length(enrollment) = 16),
    token       BLOB    NOT NULL CHECK (length(token) = 16),
    key         BLOB    NOT NULL CHECK (length(key) = 32),
    public_key  BLOB    NOT NULL,
    code        TEXT    NOT NULL,
    name        TEXT,
    cluster     TEXT,
    roles       TEXT    NOT NULL,
    reached_url TEXT    NOT NULL,
    address     TEXT,
    site        TEXT    NOT NULL,
    began_at    INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('waiting', 'approved', 'denied', 'expired', 'ended')),
    answered    INTEGER NOT NULL DEFAULT 0 CHECK (answered IN (0, 1)),
    decided_at  INTEGER,
    decided_by  TEXT,
    reason      TEXT,
    host        BLOB    CHECK (length(host) = 16),
    keep_until  INTEGER,
    CHECK ((state = 'waiting') = (keep_until IS NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX one_waiting_enrollment_per_pair ON enrollments (token, key) WHERE state = 'waiting';
CREATE INDEX waiting_by_site ON enrollments (token, site) WHERE state = 'waiting';
CREATE INDEX waiting_by_end ON enrollments (expires_at) WHERE state = 'waiting';
CREATE INDEX enrollments_by_key ON enrollments (key);
CREATE INDEX enrollments_by_state ON enrollments (state, enrollment);
CREATE INDEX enrollments_by_token ON enrollments (token, enrollment);
CREATE INDEX enrollments_by_keep ON enrollments (keep_until) WHERE keep_until IS NOT NULL;

CREATE VIEW readable_enrollments AS
SELECT lower(hex(enrollment)) AS enrollment, lower(hex(token)) AS token, code, name, cluster, roles, address,
       strftime('%FT%TZ', began_at / 1000, 'unixepoch') AS began_at,
       strftime('%FT%TZ', expires_at / 1000, 'unixepoch') AS expires_at, state,
       strftime('%FT%TZ', decided_at / 1000, 'unixepoch') AS decided_at, decided_by, reason, lower(hex(host)) AS host
FROM enrollments;

CREATE VIEW readable_tokens AS
SELECT lower(hex(m.token)) AS token, lower(hex(m.kid)) AS kid, m.label, m.kind, m.roles, m.persistent, m.minter,
       strftime('%FT%TZ', m.created_at / 1000, 'unixepoch') AS created_at,
       strftime('%FT%TZ', m.expires_at / 1000, 'unixepoch') AS expires_at,
       strftime('%FT%TZ', m.revoked_at / 1000, 'unixepoch') AS revoked_at,
       m.max_uses, coalesce(u.used, 0) AS used, coalesce(u.reserved, 0) AS reserved, m.approval, m.expected_hosts, m.audience,
       lower(hex(m.batch)) AS batch,
       strftime('%FT%TZ', u.last_at / 1000, 'unixepoch') AS last_used_at, lower(hex(u.last_host)) AS last_used_by,
       u.last_from AS last_used_from, strftime('%FT%TZ', m.revoke_at / 1000, 'unixepoch') AS revokes_at,
       lower(hex(m.replaced_by)) AS replaced_by
FROM mints AS m LEFT JOIN uses AS u ON u.token = m.token;
