-- Users have a role, limits and a standing. What a proof or a session stands on is over when the epoch has moved on. version moves on with
-- each of these, too: what was judged upon an earlier one is not written any more.
CREATE TABLE users_with_roles (
    name          TEXT    PRIMARY KEY,
    password_hash TEXT    NOT NULL,
    role          TEXT    NOT NULL CHECK (role IN ('admin', 'operator', 'analyst', 'viewer')),
    limits        TEXT    NOT NULL,
    epoch         INTEGER NOT NULL CHECK (epoch >= 0),
    version       INTEGER NOT NULL CHECK (version >= 0),
    created_at    INTEGER NOT NULL,
    changed_at    INTEGER NOT NULL,
    disabled_at   INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO users_with_roles (name, password_hash, role, limits, epoch, version, created_at, changed_at)
SELECT name, password_hash, 'admin', '"any"', 0, 0, changed_at, changed_at FROM users;
DROP TABLE users;
ALTER TABLE users_with_roles RENAME TO users;

-- digest is the SHA-256 of the session's secret. A session is over when its user's epoch has moved on. seen_at is written at most
-- once a minute.
CREATE TABLE sessions (
    digest     BLOB    PRIMARY KEY CHECK (length(digest) = 32),
    user       TEXT    NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    epoch      INTEGER NOT NULL,
    kind       TEXT    NOT NULL CHECK (kind IN ('cookie', 'bearer')),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX sessions_by_use ON sessions (seen_at);

-- digest is the SHA-256 of the key's secret. A key never does more than its owner may; one without was made on the server's own machine.
CREATE TABLE api_keys (
    id           BLOB    PRIMARY KEY CHECK (length(id) = 16),
    digest       BLOB    NOT NULL CHECK (length(digest) = 32),
    label        TEXT    NOT NULL,
    owner        TEXT    REFERENCES users (name) ON DELETE CASCADE,
    creator      TEXT    NOT NULL,
    scopes       TEXT    NOT NULL,
    limits       TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    used_at      INTEGER,
    used_from    TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX api_keys_by_owner ON api_keys (owner);
CREATE INDEX api_keys_by_creator ON api_keys (creator);
CREATE INDEX api_keys_by_expiry ON api_keys (expires_at) WHERE expires_at IS NOT NULL;

-- What an admin changed at run time; what is not here stands in the configuration. Spans are milliseconds.
CREATE TABLE settings (
    name       TEXT    PRIMARY KEY,
    value      INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX mints_by_minter ON mints (minter, token);

CREATE VIEW readable_users AS
SELECT name, role, limits, strftime('%FT%TZ', created_at / 1000, 'unixepoch') AS created_at,
       strftime('%FT%TZ', disabled_at / 1000, 'unixepoch') AS disabled_at
FROM users;

CREATE VIEW readable_api_keys AS
SELECT lower(hex(id)) AS id, label, owner, creator, scopes, limits,
       strftime('%FT%TZ', created_at / 1000, 'unixepoch') AS created_at,
       strftime('%FT%TZ', expires_at / 1000, 'unixepoch') AS expires_at,
       strftime('%FT%TZ', used_at / 1000, 'unixepoch') AS used_at, used_from
FROM api_keys;
