-- Times are Unix milliseconds, ids BLOBs of 16 bytes, digests of 32. The views at the end are for people.

CREATE TABLE meta (
    only       INTEGER PRIMARY KEY CHECK (only = 1),
    chain      BLOB    NOT NULL CHECK (length(chain) = 16),
    head_seq   INTEGER NOT NULL CHECK (head_seq >= 0),
    head_hash  BLOB    NOT NULL CHECK (length(head_hash) = 32),
    clock_mark INTEGER,
    founded_at INTEGER
) STRICT;

-- Every mint. Redeeming never reads this table.
CREATE TABLE mints (
    token      BLOB    PRIMARY KEY CHECK (length(token) = 16),
    kid        BLOB    NOT NULL CHECK (length(kid) = 32),
    issuer     TEXT    NOT NULL,
    label      TEXT    NOT NULL,
    roles      TEXT    NOT NULL,
    persistent INTEGER NOT NULL CHECK (persistent IN (0, 1)),
    emergency  INTEGER NOT NULL CHECK (emergency IN (0, 1)),
    minter     TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    max_uses   INTEGER CHECK (max_uses > 0),
    dns_names  TEXT    NOT NULL,
    bound_key  BLOB    CHECK (length(bound_key) = 32),
    cluster    TEXT,
    host       BLOB    CHECK (length(host) = 16),
    policy     BLOB    CHECK (length(policy) = 16),
    list       BLOB    NOT NULL CHECK (length(list) = 16),
    idx        INTEGER NOT NULL CHECK (idx BETWEEN 0 AND 1048575),
    revoked_at INTEGER,
    CHECK (persistent = 1 OR expires_at IS NOT NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX mints_by_expiry ON mints (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX mints_by_revocation ON mints (revoked_at) WHERE revoked_at IS NOT NULL;

-- Persistent tokens. One without a row here is revoked.
CREATE TABLE tokens (
    token      BLOB    PRIMARY KEY CHECK (length(token) = 16),
    kid        BLOB    NOT NULL CHECK (length(kid) = 32),
    issuer     TEXT    NOT NULL,
    emergency  INTEGER NOT NULL CHECK (emergency IN (0, 1)),
    expires_at INTEGER,
    list       BLOB    NOT NULL CHECK (length(list) = 16),
    idx        INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX live_tokens_by_key ON tokens (kid) WHERE revoked_at IS NULL;
CREATE INDEX live_tokens_by_issuer ON tokens (issuer) WHERE revoked_at IS NULL;
CREATE UNIQUE INDEX one_live_emergency_token ON tokens (emergency) WHERE emergency = 1 AND revoked_at IS NULL;

-- keep_until is NULL for a persistent token: its uses and pairs go with its row.
CREATE TABLE uses (
    token      BLOB    PRIMARY KEY CHECK (length(token) = 16),
    used       INTEGER NOT NULL CHECK (used > 0),
    spent_at   INTEGER,
    keep_until INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX uses_by_keep ON uses (keep_until) WHERE keep_until IS NOT NULL;
CREATE INDEX spent_persistent_uses ON uses (spent_at) WHERE spent_at IS NOT NULL AND keep_until IS NULL;

-- Pairs of a revoked host have keep_until NULL too: they go with the host.
CREATE TABLE pairs (
    token       BLOB    NOT NULL CHECK (length(token) = 16),
    key         BLOB    NOT NULL CHECK (length(key) = 32),
    host        BLOB    NOT NULL CHECK (length(host) = 16),
    redeemed_at INTEGER NOT NULL,
    keep_until  INTEGER,
    PRIMARY KEY (token, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX pairs_by_host ON pairs (host);
CREATE INDEX pairs_by_keep ON pairs (keep_until) WHERE keep_until IS NOT NULL;

-- ends_at is the notAfter of the newest certificate. withdraw: the next certificate revokes the older ones.
CREATE TABLE hosts (
    host        BLOB    PRIMARY KEY CHECK (length(host) = 16),
    name        TEXT,
    cluster     TEXT,
    roles       TEXT    NOT NULL,
    token       BLOB    NOT NULL CHECK (length(token) = 16),
    enrolled_at INTEGER NOT NULL,
    revoked_at  INTEGER,
    newest      BLOB    NOT NULL CHECK (length(newest) = 16),
    newest_seen INTEGER NOT NULL CHECK (newest_seen IN (0, 1)),
    previous    BLOB    CHECK (length(previous) = 16),
    withdraw    INTEGER NOT NULL DEFAULT 0 CHECK (withdraw IN (0, 1)),
    ends_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX live_host_names ON hosts (name) WHERE name IS NOT NULL AND revoked_at IS NULL;
CREATE INDEX hosts_by_end ON hosts (ends_at);
CREATE INDEX revoked_hosts ON hosts (host) WHERE revoked_at IS NOT NULL;

-- Every key a host was ever certified for, and beside it those of revoked hosts: only the small one is read by key.
CREATE TABLE host_keys (
    host BLOB NOT NULL REFERENCES hosts (host) ON DELETE CASCADE,
    key  BLOB NOT NULL CHECK (length(key) = 32),
    PRIMARY KEY (host, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE revoked_keys (
    key  BLOB NOT NULL CHECK (length(key) = 32),
    host BLOB NOT NULL REFERENCES hosts (host) ON DELETE CASCADE,
    PRIMARY KEY (key, host)
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_keys_by_host ON revoked_keys (host);

-- collect_at is set once a newer certificate exists.
CREATE TABLE certificates (
    host       BLOB    NOT NULL REFERENCES hosts (host) ON DELETE CASCADE,
    serial     BLOB    NOT NULL CHECK (length(serial) = 16),
    key        BLOB    NOT NULL CHECK (length(key) = 32),
    issued_at  INTEGER NOT NULL,
    not_after  INTEGER NOT NULL,
    collect_at INTEGER,
    der        BLOB    NOT NULL,
    PRIMARY KEY (host, serial)
) STRICT, WITHOUT ROWID;
CREATE INDEX certificates_to_collect ON certificates (collect_at) WHERE collect_at IS NOT NULL;

CREATE TABLE revoked_certificates (
    serial     BLOB    PRIMARY KEY CHECK (length(serial) = 16),
    host       BLOB    NOT NULL CHECK (length(host) = 16),
    revoked_at INTEGER NOT NULL,
    not_after  INTEGER NOT NULL,
    reason     TEXT    NOT NULL CHECK (reason IN ('host_revoked', 'roles_changed'))
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_certificates_by_end ON revoked_certificates (not_after);

-- ends_at is the latest expiry of a token in the list.
CREATE TABLE status_lists (
    list    BLOB    PRIMARY KEY CHECK (length(list) = 16),
    kind    TEXT    NOT NULL CHECK (kind IN ('ephemeral', 'persistent')),
    next    INTEGER NOT NULL CHECK (next BETWEEN 0 AND 1048576),
    ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- 1024 entries of two bits, the first in the lowest bits. A page without a row is all zeros.
CREATE TABLE status_pages (
    list BLOB    NOT NULL REFERENCES status_lists (list) ON DELETE CASCADE,
    page INTEGER NOT NULL CHECK (page BETWEEN 0 AND 1023),
    bits BLOB    NOT NULL CHECK (length(bits) = 256),
    PRIMARY KEY (list, page)
) STRICT, WITHOUT ROWID;

CREATE TABLE signing_keys (
    kid             BLOB    PRIMARY KEY CHECK (length(kid) = 32),
    public          BLOB    NOT NULL CHECK (length(public) = 32),
    state           TEXT    NOT NULL CHECK (state IN ('prepared', 'current', 'previous', 'retired')),
    persistent_only INTEGER NOT NULL CHECK (persistent_only IN (0, 1)),
    created_at      INTEGER NOT NULL,
    retired_at      INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX one_key_prepared_one_current ON signing_keys (state) WHERE state IN ('prepared', 'current');

CREATE TABLE issuers (
    url        TEXT    PRIMARY KEY,
    since      INTEGER NOT NULL,
    current    INTEGER NOT NULL CHECK (current IN (0, 1)),
    retired_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX one_current_issuer ON issuers (current) WHERE current = 1;

CREATE TABLE authority_names (
    name  TEXT    PRIMARY KEY,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    name          TEXT    PRIMARY KEY,
    password_hash TEXT    NOT NULL,
    changed_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE crl_numbers (
    ski    BLOB    PRIMARY KEY,
    number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- bytes is what was hashed; the other columns index it.
CREATE TABLE ledger (
    chain   BLOB    NOT NULL CHECK (length(chain) = 16),
    seq     INTEGER NOT NULL CHECK (seq > 0),
    at      INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    address TEXT,
    request BLOB    CHECK (length(request) = 16),
    action  TEXT    NOT NULL,
    token   BLOB    CHECK (length(token) = 16),
    host    BLOB    CHECK (length(host) = 16),
    outcome TEXT    NOT NULL CHECK (outcome IN ('done', 'refused')),
    reason  TEXT    NOT NULL,
    bytes   BLOB    NOT NULL,
    hash    BLOB    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (chain, seq)
) STRICT;

CREATE VIEW readable_tokens AS
SELECT lower(hex(m.token)) AS token, lower(hex(m.kid)) AS kid, m.label, m.roles, m.persistent, m.emergency, m.minter,
       strftime('%FT%TZ', m.created_at / 1000, 'unixepoch') AS created_at,
       strftime('%FT%TZ', m.expires_at / 1000, 'unixepoch') AS expires_at,
       strftime('%FT%TZ', m.revoked_at / 1000, 'unixepoch') AS revoked_at,
       m.max_uses, coalesce(u.used, 0) AS used
FROM mints AS m LEFT JOIN uses AS u ON u.token = m.token;

CREATE VIEW readable_hosts AS
SELECT lower(hex(host)) AS host, name, cluster, roles, lower(hex(token)) AS token,
       strftime('%FT%TZ', enrolled_at / 1000, 'unixepoch') AS enrolled_at,
       strftime('%FT%TZ', revoked_at / 1000, 'unixepoch') AS revoked_at,
       lower(hex(newest)) AS newest_serial,
       strftime('%FT%TZ', ends_at / 1000, 'unixepoch') AS certificate_ends_at
FROM hosts;

CREATE VIEW readable_ledger AS
SELECT lower(hex(chain)) AS chain, seq, strftime('%FT%TZ', at / 1000, 'unixepoch') AS at, actor, address,
       lower(hex(request)) AS request, action, lower(hex(token)) AS token, lower(hex(host)) AS host, outcome, reason,
       CAST(substr(bytes, 79) AS TEXT) AS body
FROM ledger;
