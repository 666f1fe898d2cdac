-- Policies, each at its current revision: the ETag of the policy. certificate_lifetime is in milliseconds, and NULL is the configured one;
-- renew_at is in hundredths of the lifetime.
CREATE TABLE policies (
    policy               BLOB    PRIMARY KEY CHECK (length(policy) = 16),
    revision             INTEGER NOT NULL CHECK (revision > 0),
    name                 TEXT    NOT NULL,
    description          TEXT    NOT NULL,
    certificate_lifetime INTEGER CHECK (certificate_lifetime > 0),
    renew_at             INTEGER NOT NULL CHECK (renew_at BETWEEN 30 AND 90),
    roles                TEXT    NOT NULL,
    approval             TEXT    NOT NULL CHECK (approval = 'off' OR approval = 'warn' OR approval = 'require'),
    labels               TEXT    NOT NULL,
    ephemeral_hosts      INTEGER NOT NULL CHECK (ephemeral_hosts = 0 OR ephemeral_hosts = 1),
    settings             TEXT    NOT NULL,
    settings_schema      TEXT,
    audiences            TEXT    NOT NULL,
    created_at           INTEGER NOT NULL,
    created_by           TEXT    NOT NULL,
    updated_at           INTEGER NOT NULL,
    updated_by           TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX policies_by_name ON policies (name);

-- The newest revisions of each policy, the current one included.
CREATE TABLE policy_revisions (
    policy               BLOB    NOT NULL CHECK (length(policy) = 16),
    revision             INTEGER NOT NULL CHECK (revision > 0),
    name                 TEXT    NOT NULL,
    description          TEXT    NOT NULL,
    certificate_lifetime INTEGER,
    renew_at             INTEGER NOT NULL,
    roles                TEXT    NOT NULL,
    approval             TEXT    NOT NULL,
    labels               TEXT    NOT NULL,
    ephemeral_hosts      INTEGER NOT NULL,
    settings             TEXT    NOT NULL,
    settings_schema      TEXT,
    audiences            TEXT    NOT NULL,
    created_at           INTEGER NOT NULL,
    created_by           TEXT    NOT NULL,
    updated_at           INTEGER NOT NULL,
    updated_by           TEXT    NOT NULL,
    PRIMARY KEY (policy, revision)
) STRICT, WITHOUT ROWID;

-- Tokens of a policy.
CREATE INDEX mints_by_policy ON mints (policy, token) WHERE policy IS NOT NULL;

-- The policy of a host.
ALTER TABLE hosts ADD COLUMN policy BLOB CHECK (length(policy) = 16);
CREATE INDEX hosts_by_policy ON hosts (policy, host, revoked_at) WHERE policy IS NOT NULL;

-- The newest check-in of each host, in the host's own words. policy and policy_revision are what it had.
CREATE TABLE checkins (
    host            BLOB    PRIMARY KEY REFERENCES hosts (host) ON DELETE CASCADE,
    at              INTEGER NOT NULL,
    version         TEXT    NOT NULL,
    status          TEXT    NOT NULL CHECK (status = 'healthy' OR status = 'degraded' OR status = 'failed'),
    message         TEXT    NOT NULL,
    labels          TEXT    NOT NULL,
    policy          BLOB    CHECK (length(policy) = 16),
    policy_revision INTEGER CHECK (policy_revision > 0)
) STRICT, WITHOUT ROWID;

CREATE VIEW readable_policies AS
SELECT lower(hex(policy)) AS policy, revision, name, description, certificate_lifetime / 1000 AS certificate_seconds, renew_at, roles,
       approval, labels, ephemeral_hosts, settings, settings_schema, audiences,
       strftime('%FT%TZ', created_at / 1000, 'unixepoch') AS created_at, created_by,
       strftime('%FT%TZ', updated_at / 1000, 'unixepoch') AS updated_at, updated_by
FROM policies;

DROP VIEW readable_hosts;
CREATE VIEW readable_hosts AS
SELECT lower(hex(host)) AS host, name, reported_hostname, label, reported_label, token_label, cluster, roles,
       lower(hex(policy)) AS policy, lower(hex(token)) AS token, lower(hex(rule)) AS rule,
       strftime('%FT%TZ', enrolled_at / 1000, 'unixepoch') AS enrolled_at,
       strftime('%FT%TZ', seen_at / 1000, 'unixepoch') AS last_seen_at, seen_from AS last_seen_from,
       strftime('%FT%TZ', revoked_at / 1000, 'unixepoch') AS revoked_at,
       strftime('%FT%TZ', quarantined_at / 1000, 'unixepoch') AS quarantined_at,
       lower(hex(conflict_serial)) AS conflict_serial, conflict_from,
       lower(hex(newest)) AS newest_serial,
       strftime('%FT%TZ', ends_at / 1000, 'unixepoch') AS certificate_ends_at, reached_url
FROM hosts;

DROP VIEW readable_tokens;
CREATE VIEW readable_tokens AS
SELECT lower(hex(m.token)) AS token, lower(hex(m.kid)) AS kid, m.label, m.kind, m.roles, lower(hex(m.policy)) AS policy, m.persistent,
       m.minter, strftime('%FT%TZ', m.created_at / 1000, 'unixepoch') AS created_at,
       strftime('%FT%TZ', m.expires_at / 1000, 'unixepoch') AS expires_at,
       strftime('%FT%TZ', m.revoked_at / 1000, 'unixepoch') AS revoked_at,
       m.max_uses, coalesce(u.used, 0) AS used, coalesce(u.reserved, 0) AS reserved, m.approval, m.expected_hosts, m.audience,
       lower(hex(m.batch)) AS batch,
       strftime('%FT%TZ', u.last_at / 1000, 'unixepoch') AS last_used_at, lower(hex(u.last_host)) AS last_used_by,
       u.last_from AS last_used_from, strftime('%FT%TZ', m.revoke_at / 1000, 'unixepoch') AS revokes_at,
       lower(hex(m.replaced_by)) AS replaced_by
FROM mints AS m LEFT JOIN uses AS u ON u.token = m.token;

-- The last move of a host to another policy. The time at which a certificate is renewed by its policy; NULL is two thirds into its life.
ALTER TABLE hosts ADD COLUMN moved_at INTEGER;
ALTER TABLE certificates ADD COLUMN renew_after INTEGER;
CREATE INDEX hosts_of_policy_by_end ON hosts (policy, ends_at) WHERE policy IS NOT NULL;

-- The policies whose tokens a rule judges, besides tokens without one; NULL is any.
ALTER TABLE rules ADD COLUMN policies TEXT;
DROP VIEW readable_rules;
CREATE VIEW readable_rules AS
SELECT lower(hex(rule)) AS rule, label, coalesce(cluster, '*') AS cluster, allowed_roles, max_nodes, addresses, names, policies,
       examples, strftime('%FT%TZ', created_at / 1000, 'unixepoch') AS created_at, created_by, revision
FROM rules;

-- Limits have a list of policies, and a missing list allows none. Users and keys without any limit stay without one.
UPDATE users SET limits = json_set(limits, '$.policies', 'any')
WHERE json_type(limits) = 'object' AND limits ->> '$.roles' = 'any' AND limits ->> '$.dns_names' = 'any'
    AND limits ->> '$.max_ttl' = 'any' AND limits ->> '$.max_uses' = 'any' AND limits ->> '$.persistent' = 1
    AND limits ->> '$.clusters' = 'any';
UPDATE api_keys SET limits = json_set(limits, '$.policies', 'any')
WHERE json_type(limits) = 'object' AND limits ->> '$.roles' = 'any' AND limits ->> '$.dns_names' = 'any'
    AND limits ->> '$.max_ttl' = 'any' AND limits ->> '$.max_uses' = 'any' AND limits ->> '$.persistent' = 1
    AND limits ->> '$.clusters' = 'any';

-- Keys of Elastic Fleet's API, each with its private half in keys/fleet-<number>.key. The newest one that is not retired gives new
-- tokens their api_key.
CREATE TABLE fleet_keys (
    number     INTEGER PRIMARY KEY CHECK (number > 0),
    created_at INTEGER NOT NULL,
    retired_at INTEGER
) STRICT;

-- The key that gives a token its api_key: every persistent token with a policy has one. fleet_removed: Elastic Fleet's API lists it no
-- more, and its label is free there.
ALTER TABLE mints ADD COLUMN fleet_key INTEGER CHECK (fleet_key > 0);
ALTER TABLE mints ADD COLUMN fleet_removed INTEGER NOT NULL DEFAULT 0 CHECK (fleet_removed = 0 OR fleet_removed = 1);
CREATE INDEX fleet_mints ON mints (token) WHERE fleet_key IS NOT NULL;
CREATE INDEX mints_by_fleet_key ON mints (fleet_key, token) WHERE fleet_key IS NOT NULL;
CREATE INDEX fleet_mints_by_label ON mints (policy, label) WHERE fleet_key IS NOT NULL;

-- Access tokens have keys of their own.
CREATE TABLE keys_with_access (
    kid             BLOB    PRIMARY KEY CHECK (length(kid) = 32),
    public          BLOB    NOT NULL CHECK (length(public) = 32),
    state           TEXT    NOT NULL CHECK (state IN ('prepared', 'current', 'previous', 'retired')),
    persistent_only INTEGER NOT NULL CHECK (persistent_only IN (0, 1)),
    created_at      INTEGER NOT NULL,
    retired_at      INTEGER,
    key_use         TEXT    NOT NULL CHECK (key_use IN ('enrollment', 'service', 'access', 'status_list'))
) STRICT, WITHOUT ROWID;
INSERT INTO keys_with_access (kid, public, state, persistent_only, created_at, retired_at, key_use)
SELECT kid, public, state, persistent_only, created_at, retired_at, key_use FROM signing_keys;
DROP TABLE signing_keys;
ALTER TABLE keys_with_access RENAME TO signing_keys;
CREATE UNIQUE INDEX one_key_prepared_one_current ON signing_keys (key_use, state) WHERE state IN ('prepared', 'current');
