-- The quarantine of a host, and the certificate and address of the renewal that conflicted. Empty outside a quarantine.
ALTER TABLE hosts ADD COLUMN quarantined_at INTEGER;
ALTER TABLE hosts ADD COLUMN conflict_serial BLOB CHECK (length(conflict_serial) = 16);
ALTER TABLE hosts ADD COLUMN conflict_from TEXT;
-- The last quarantine counts towards hosts.quarantine_most, also after its end.
ALTER TABLE hosts ADD COLUMN last_quarantined_at INTEGER;
CREATE INDEX hosts_in_quarantine ON hosts (host) WHERE quarantined_at IS NOT NULL;
CREATE INDEX hosts_by_last_quarantine ON hosts (last_quarantined_at) WHERE last_quarantined_at IS NOT NULL;

-- Incremented with each change by an administrator and each quarantine: the ETag of the host.
ALTER TABLE hosts ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;

-- A certificate is also revoked because its host was given another one in its place.
CREATE TABLE certificates_revoked (
    serial     BLOB    PRIMARY KEY CHECK (length(serial) = 16),
    host       BLOB    NOT NULL CHECK (length(host) = 16),
    revoked_at INTEGER NOT NULL,
    not_after  INTEGER NOT NULL,
    reason     TEXT    NOT NULL CHECK (reason IN ('host_revoked', 'roles_changed', 'name_withdrawn', 'reenrolled', 'replaced'))
) STRICT, WITHOUT ROWID;
INSERT INTO certificates_revoked (serial, host, revoked_at, not_after, reason)
SELECT serial, host, revoked_at, not_after, reason FROM revoked_certificates;
DROP TABLE revoked_certificates;
ALTER TABLE certificates_revoked RENAME TO revoked_certificates;
CREATE INDEX revoked_certificates_by_end ON revoked_certificates (not_after);

DROP VIEW readable_hosts;
CREATE VIEW readable_hosts AS
SELECT lower(hex(host)) AS host, name, reported_hostname, label, reported_label, token_label, cluster, roles,
       lower(hex(token)) AS token, strftime('%FT%TZ', enrolled_at / 1000, 'unixepoch') AS enrolled_at,
       strftime('%FT%TZ', seen_at / 1000, 'unixepoch') AS last_seen_at, seen_from AS last_seen_from,
       strftime('%FT%TZ', revoked_at / 1000, 'unixepoch') AS revoked_at,
       strftime('%FT%TZ', quarantined_at / 1000, 'unixepoch') AS quarantined_at,
       lower(hex(conflict_serial)) AS conflict_serial, conflict_from,
       lower(hex(newest)) AS newest_serial,
       strftime('%FT%TZ', ends_at / 1000, 'unixepoch') AS certificate_ends_at, reached_url
FROM hosts;
