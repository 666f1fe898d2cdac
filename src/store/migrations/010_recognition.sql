-- Facts by which people recognise a host. label is an administrator's, token_label that of the token that admitted the host.
-- The reported ones are the host's own words: unverified, and they decide nothing.
ALTER TABLE hosts ADD COLUMN label TEXT;
ALTER TABLE hosts ADD COLUMN token_label TEXT;
ALTER TABLE hosts ADD COLUMN reported_hostname TEXT;
ALTER TABLE hosts ADD COLUMN reported_os TEXT;
ALTER TABLE hosts ADD COLUMN reported_arch TEXT;
ALTER TABLE hosts ADD COLUMN reported_version TEXT;
ALTER TABLE hosts ADD COLUMN reported_label TEXT;
ALTER TABLE hosts ADD COLUMN reported_at INTEGER;

-- The last contact: enrolling, renewing or asking for the identity. At first, the time of the newest certificate.
ALTER TABLE hosts ADD COLUMN seen_at INTEGER;
ALTER TABLE hosts ADD COLUMN seen_from TEXT;
UPDATE hosts SET
    token_label = (SELECT nullif(m.label, '') FROM mints AS m WHERE m.token = hosts.token),
    seen_at = (SELECT c.issued_at FROM certificates AS c WHERE c.host = hosts.host AND c.serial = hosts.newest);

CREATE INDEX hosts_by_label ON hosts (coalesce(label, reported_label), host) WHERE coalesce(label, reported_label) IS NOT NULL;
CREATE INDEX hosts_by_hostname ON hosts (reported_hostname, host) WHERE reported_hostname IS NOT NULL;
CREATE INDEX hosts_by_cluster ON hosts (cluster, host) WHERE cluster IS NOT NULL;

DROP VIEW readable_hosts;
CREATE VIEW readable_hosts AS
SELECT lower(hex(host)) AS host, name, reported_hostname, label, reported_label, token_label, cluster, roles,
       lower(hex(token)) AS token, strftime('%FT%TZ', enrolled_at / 1000, 'unixepoch') AS enrolled_at,
       strftime('%FT%TZ', seen_at / 1000, 'unixepoch') AS last_seen_at, seen_from AS last_seen_from,
       strftime('%FT%TZ', revoked_at / 1000, 'unixepoch') AS revoked_at,
       lower(hex(newest)) AS newest_serial,
       strftime('%FT%TZ', ends_at / 1000, 'unixepoch') AS certificate_ends_at, reached_url
FROM hosts;
