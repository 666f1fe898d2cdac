-- Auto-approve rules; the oldest one that matches and has room admits a host. cluster is NULL for any cluster. revision is
-- incremented with each change: the ETag of the rule.
CREATE TABLE rules (
    rule          BLOB    PRIMARY KEY CHECK (length(rule) = 16),
    cluster       TEXT,
    label         TEXT    NOT NULL,
    allowed_roles TEXT    NOT NULL,
    max_nodes     INTEGER CHECK (max_nodes > 0),
    addresses     TEXT    NOT NULL,
    names         TEXT    NOT NULL,
    examples      TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    created_by    TEXT    NOT NULL,
    revision      INTEGER NOT NULL CHECK (revision > 0)
) STRICT, WITHOUT ROWID;

-- The rule that admitted the host; it stays after the rule is deleted.
ALTER TABLE hosts ADD COLUMN rule BLOB CHECK (length(rule) = 16);
CREATE INDEX hosts_by_rule ON hosts (rule, ends_at, revoked_at) WHERE rule IS NOT NULL AND revoked_at IS NULL;

CREATE VIEW readable_rules AS
SELECT lower(hex(rule)) AS rule, label, coalesce(cluster, '*') AS cluster, allowed_roles, max_nodes, addresses, names, examples,
       strftime('%FT%TZ', created_at / 1000, 'unixepoch') AS created_at, created_by, revision
FROM rules;

DROP VIEW readable_hosts;
CREATE VIEW readable_hosts AS
SELECT lower(hex(host)) AS host, name, reported_hostname, label, reported_label, token_label, cluster, roles,
       lower(hex(token)) AS token, lower(hex(rule)) AS rule,
       strftime('%FT%TZ', enrolled_at / 1000, 'unixepoch') AS enrolled_at,
       strftime('%FT%TZ', seen_at / 1000, 'unixepoch') AS last_seen_at, seen_from AS last_seen_from,
       strftime('%FT%TZ', revoked_at / 1000, 'unixepoch') AS revoked_at,
       strftime('%FT%TZ', quarantined_at / 1000, 'unixepoch') AS quarantined_at,
       lower(hex(conflict_serial)) AS conflict_serial, conflict_from,
       lower(hex(newest)) AS newest_serial,
       strftime('%FT%TZ', ends_at / 1000, 'unixepoch') AS certificate_ends_at, reached_url
FROM hosts;
