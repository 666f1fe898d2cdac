-- The SPIFFE trust domain of certificates. The first start of this version fills it in.
ALTER TABLE meta ADD COLUMN trust_domain TEXT;

-- The URL at which the host last reached the server; at first, that of the token that admitted it.
ALTER TABLE hosts ADD COLUMN reached_url TEXT;
UPDATE hosts SET reached_url = coalesce(
    (SELECT m.issuer FROM mints AS m WHERE m.token = hosts.token),
    (SELECT i.url FROM issuers AS i WHERE i.since <= hosts.enrolled_at ORDER BY i.since DESC LIMIT 1)
);
CREATE INDEX hosts_by_reached_url ON hosts (reached_url, ends_at) WHERE revoked_at IS NULL;

-- A certificate is also revoked because its name is the authority's.
CREATE TABLE certificates_revoked (
    serial     BLOB    PRIMARY KEY CHECK (length(serial) = 16),
    host       BLOB    NOT NULL CHECK (length(host) = 16),
    revoked_at INTEGER NOT NULL,
    not_after  INTEGER NOT NULL,
    reason     TEXT    NOT NULL CHECK (reason IN ('host_revoked', 'roles_changed', 'name_withdrawn'))
) STRICT, WITHOUT ROWID;
INSERT INTO certificates_revoked (serial, host, revoked_at, not_after, reason)
SELECT serial, host, revoked_at, not_after, reason FROM revoked_certificates;
DROP TABLE revoked_certificates;
ALTER TABLE certificates_revoked RENAME TO revoked_certificates;
CREATE INDEX revoked_certificates_by_end ON revoked_certificates (not_after);

DROP VIEW readable_hosts;
CREATE VIEW readable_hosts AS
SELECT lower(hex(host)) AS host, name, cluster, roles, lower(hex(token)) AS token,
       strftime('%FT%TZ', enrolled_at / 1000, 'unixepoch') AS enrolled_at,
       strftime('%FT%TZ', revoked_at / 1000, 'unixepoch') AS revoked_at,
       lower(hex(newest)) AS newest_serial,
       strftime('%FT%TZ', ends_at / 1000, 'unixepoch') AS certificate_ends_at, reached_url
FROM hosts;
