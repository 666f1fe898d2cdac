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
    updated_by TEXT    NOT NULL
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

DROP VIEW readable_policies;
CREATE VIEW readable_policies AS
SELECT lower(hex(policy)) AS policy, revision, name, description, certificate_lifetime / 1000 AS certificate_seconds, renew_at, roles,
       approval, labels, ephemeral_hosts, settings, settings_schema, audiences, outputs,
       strftime('%FT%TZ', created_at / 1000, 'unixepoch') AS created_at, created_by,
       strftime('%FT%TZ', updated_at / 1000, 'unixepoch') AS updated_at, updated_by
FROM policies;

CREATE VIEW readable_outputs AS
SELECT lower(hex(o.output)) AS output, o.revision, o.name, o.kind, o.settings,
       (SELECT count(*) FROM policy_outputs AS p WHERE p.output = o.output) AS policies,
       strftime('%FT%TZ', o.created_at / 1000, 'unixepoch') AS created_at, o.created_by,
       strftime('%FT%TZ', o.updated_at / 1000, 'unixepoch') AS updated_at, o.updated_by
FROM outputs AS o;
