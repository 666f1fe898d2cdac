-- Keys of the seal, each a file keys/seal-<number>.key. The newest one seals; a rotation retires the others.
CREATE TABLE seal_keys (
    number     INTEGER PRIMARY KEY CHECK (number > 0),
    created_at INTEGER NOT NULL,
    retired_at INTEGER
) STRICT;

-- Outputs, each at its current revision: the ETag of the output. settings is the JSON of the fields that every reader may see.
CREATE TABLE outputs (
    output     BLOB    PRIMARY KEY CHECK (length(output) = 16),
    revision   INTEGER NOT NULL CHECK (revision > 0),
    name       TEXT    NOT NULL,
    kind       TEXT    NOT NULL CHECK (kind IN ('elasticsearch', 'remote_elasticsearch', 'kafka', 'logstash')),
    settings   TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT    NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by TEXT    NOT NULL,
    -- The revision since which keys of hosts are good: cluster, credential or roles changed then.
    cluster    INTEGER NOT NULL DEFAULT 1 CHECK (cluster > 0)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX outputs_by_name ON outputs (name);

-- The secrets of outputs, sealed with the key of this number. The seal binds output, field and version: the output's revision that set
-- the secret.
CREATE TABLE output_secrets (
    output  BLOB    NOT NULL REFERENCES outputs (output) ON DELETE CASCADE,
    field   TEXT    NOT NULL CHECK (field IN ('service_token', 'password', 'key', 'api_key')),
    version INTEGER NOT NULL CHECK (version > 0),
    seal    INTEGER NOT NULL CHECK (seal > 0),
    sealed  BLOB    NOT NULL,
    PRIMARY KEY (output, field)
) STRICT, WITHOUT ROWID;

-- The outputs of each policy, in order, as a JSON list of ids; policy_outputs has those of the current revision, as rows.
ALTER TABLE policies ADD COLUMN outputs TEXT NOT NULL DEFAULT '[]';
ALTER TABLE policy_revisions ADD COLUMN outputs TEXT NOT NULL DEFAULT '[]';
CREATE TABLE policy_outputs (
    policy   BLOB    NOT NULL REFERENCES policies (policy) ON DELETE CASCADE,
    output   BLOB    NOT NULL REFERENCES outputs (output),
    position INTEGER NOT NULL CHECK (position >= 0),
    PRIMARY KEY (policy, output)
) STRICT, WITHOUT ROWID;
CREATE INDEX policies_of_output ON policy_outputs (output);

-- 1 if hosts of the policy may have opaque keys.
ALTER TABLE policies ADD COLUMN api_key_credential INTEGER NOT NULL DEFAULT 0
    CHECK (api_key_credential = 0 OR api_key_credential = 1);
ALTER TABLE policy_revisions ADD COLUMN api_key_credential INTEGER NOT NULL DEFAULT 0;

DROP VIEW readable_policies;
CREATE VIEW readable_policies AS
SELECT lower(hex(policy)) AS policy, revision, name, description, certificate_lifetime / 1000 AS certificate_seconds, renew_at, roles,
       approval, labels, ephemeral_hosts, api_key_credential, settings, settings_schema, audiences, outputs,
       strftime('%FT%TZ', created_at / 1000, 'unixepoch') AS created_at, created_by,
       strftime('%FT%TZ', updated_at / 1000, 'unixepoch') AS updated_at, updated_by
FROM policies;

CREATE VIEW readable_outputs AS
SELECT lower(hex(o.output)) AS output, o.revision, o.name, o.kind, o.settings,
       (SELECT count(*) FROM policy_outputs AS p WHERE p.output = o.output) AS policies,
       strftime('%FT%TZ', o.created_at / 1000, 'unixepoch') AS created_at, o.created_by,
       strftime('%FT%TZ', o.updated_at / 1000, 'unixepoch') AS updated_at, o.updated_by
FROM outputs AS o;

-- The key of each host at an Elasticsearch output, and the work on it. stage: wanted waits for its next attempt; asked: the attempt may
-- have made a key; made; doubted: made, and its host reports that it fails. policy is the host's for which the key is. next_at: the work
-- is due, unless its cluster fails; NULL: no work. The seal binds output, host and made_at.
CREATE TABLE output_keys (
    host       BLOB    NOT NULL CHECK (length(host) = 16),
    output     BLOB    NOT NULL CHECK (length(output) = 16),
    policy     BLOB    NOT NULL CHECK (length(policy) = 16),
    cluster    INTEGER NOT NULL CHECK (cluster > 0),
    stage      TEXT    NOT NULL CHECK (stage IN ('wanted', 'asked', 'made', 'doubted')),
    state      TEXT    NOT NULL CHECK (state IN ('ready', 'preparing', 'invalid')),
    since      INTEGER NOT NULL,
    next_at    INTEGER,
    attempt    BLOB    CHECK (length(attempt) = 16),
    asked_at   INTEGER,
    key_id     TEXT,
    made_at    INTEGER,
    checked_at INTEGER,
    seal       INTEGER CHECK (seal > 0),
    sealed     BLOB,
    CHECK ((stage = 'wanted') = (attempt IS NULL)),
    CHECK ((stage = 'made' OR stage = 'doubted') = (sealed IS NOT NULL)),
    PRIMARY KEY (host, output)
) STRICT, WITHOUT ROWID;
CREATE INDEX output_keys_by_work ON output_keys (next_at, cluster, stage) WHERE next_at IS NOT NULL;
CREATE INDEX output_keys_by_output ON output_keys (output, cluster, state, since);

-- Keys that are to be invalidated: by their id, or by the name of their attempt if the cluster gave no answer. answered: the cluster
-- knew no such key, and may still make it.
CREATE TABLE output_invalidations (
    attempt  BLOB    PRIMARY KEY CHECK (length(attempt) = 16),
    host     BLOB    NOT NULL CHECK (length(host) = 16),
    output   BLOB    NOT NULL CHECK (length(output) = 16),
    cluster  INTEGER NOT NULL CHECK (cluster > 0),
    key_id   TEXT,
    asked_at INTEGER NOT NULL,
    answered INTEGER NOT NULL CHECK (answered = 0 OR answered = 1),
    next_at  INTEGER NOT NULL,
    since    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX output_invalidations_by_work ON output_invalidations (next_at, output, cluster);
CREATE INDEX output_invalidations_by_output ON output_invalidations (output, host);

-- Clusters that fail: the work of each waits until next_at. Keys that are not ready have this state. cluster is that of keys.
CREATE TABLE failing_clusters (
    output   BLOB    NOT NULL CHECK (length(output) = 16),
    cluster  INTEGER NOT NULL CHECK (cluster > 0),
    state    TEXT    NOT NULL CHECK (state = 'unreachable' OR state = 'refused'),
    since    INTEGER NOT NULL,
    failures INTEGER NOT NULL CHECK (failures > 0),
    next_at  INTEGER NOT NULL,
    PRIMARY KEY (output, cluster)
) STRICT, WITHOUT ROWID;

-- Clusters that outputs had before, or that deleted outputs had, with the sealed credential: kept until every key of them is invalidated.
-- cluster is that of the last keys there.
CREATE TABLE former_clusters (
    output   BLOB    NOT NULL CHECK (length(output) = 16),
    cluster  INTEGER NOT NULL CHECK (cluster > 0),
    settings TEXT    NOT NULL,
    field    TEXT    NOT NULL CHECK (field = 'service_token' OR field = 'password'),
    version  INTEGER NOT NULL CHECK (version > 0),
    seal     INTEGER NOT NULL CHECK (seal > 0),
    sealed   BLOB    NOT NULL,
    PRIMARY KEY (output, cluster)
) STRICT, WITHOUT ROWID;

CREATE VIEW readable_output_keys AS
SELECT lower(hex(host)) AS host, lower(hex(output)) AS output, lower(hex(policy)) AS policy, stage, state,
       strftime('%FT%TZ', since / 1000, 'unixepoch') AS since,
       strftime('%FT%TZ', next_at / 1000, 'unixepoch') AS next_at, lower(hex(attempt)) AS attempt, key_id,
       strftime('%FT%TZ', made_at / 1000, 'unixepoch') AS made_at
FROM output_keys;

CREATE VIEW readable_output_invalidations AS
SELECT lower(hex(attempt)) AS attempt, lower(hex(host)) AS host, lower(hex(output)) AS output, key_id,
       strftime('%FT%TZ', next_at / 1000, 'unixepoch') AS next_at, strftime('%FT%TZ', since / 1000, 'unixepoch') AS since
FROM output_invalidations;

CREATE VIEW readable_failing_clusters AS
SELECT lower(hex(output)) AS output, cluster, state, strftime('%FT%TZ', since / 1000, 'unixepoch') AS since, failures,
       strftime('%FT%TZ', next_at / 1000, 'unixepoch') AS next_at
FROM failing_clusters;

-- The opaque key of a host, found by its SHA-256, and the certificate that it is as good as. used_at is its first use. made counts the
-- keys that the host got for this certificate.
CREATE TABLE opaque_keys (
    host      BLOB    PRIMARY KEY REFERENCES hosts (host) ON DELETE CASCADE,
    serial    BLOB    NOT NULL CHECK (length(serial) = 16),
    digest    BLOB    NOT NULL CHECK (length(digest) = 32),
    issued_at INTEGER NOT NULL,
    used_at   INTEGER,
    made      INTEGER NOT NULL CHECK (made > 0)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX opaque_keys_by_digest ON opaque_keys (digest);

CREATE VIEW readable_opaque_keys AS
SELECT lower(hex(host)) AS host, lower(hex(serial)) AS serial,
       strftime('%FT%TZ', issued_at / 1000, 'unixepoch') AS issued_at,
       strftime('%FT%TZ', used_at / 1000, 'unixepoch') AS used_at, made
FROM opaque_keys;

-- The credential that a waiting host asked for.
ALTER TABLE enrollments ADD COLUMN credential TEXT NOT NULL DEFAULT 'certificate'
    CHECK (credential = 'certificate' OR credential = 'api_key');
DROP VIEW readable_enrollments;
CREATE VIEW readable_enrollments AS
SELECT lower(hex(enrollment)) AS enrollment, lower(hex(token)) AS token, code, name, cluster, roles, credential, address,
       strftime('%FT%TZ', began_at / 1000, 'unixepoch') AS began_at,
       strftime('%FT%TZ', expires_at / 1000, 'unixepoch') AS expires_at, state,
       strftime('%FT%TZ', decided_at / 1000, 'unixepoch') AS decided_at, decided_by, reason, lower(hex(host)) AS host
FROM enrollments;
