-- The values that sort lists of tokens and hosts. A token without an expiry comes after all others, and a host without a name before.
ALTER TABLE mints ADD COLUMN sort_expiry INTEGER
    GENERATED ALWAYS AS (coalesce(expires_at, 9223372036854775807)) VIRTUAL;
CREATE INDEX mints_in_order_of_expiry ON mints (sort_expiry, token) WHERE audience IS NULL;
ALTER TABLE hosts ADD COLUMN sort_name TEXT GENERATED ALWAYS AS (lower(coalesce(name, reported_hostname, ''))) VIRTUAL;
CREATE INDEX hosts_in_order_of_name ON hosts (sort_name, host);
ALTER TABLE hosts ADD COLUMN sort_seen INTEGER GENERATED ALWAYS AS (coalesce(seen_at, enrolled_at)) VIRTUAL;
CREATE INDEX hosts_in_order_of_contact ON hosts (sort_seen, host);

-- A search finds the start of a text, and ASCII letters match in either case. The same indexes find a whole text.
DROP INDEX mints_by_label;
CREATE INDEX mints_by_label ON mints (lower(label), token);
DROP INDEX hosts_by_label;
CREATE INDEX hosts_by_label ON hosts (lower(coalesce(label, reported_label)), host)
    WHERE lower(coalesce(label, reported_label)) IS NOT NULL;
DROP INDEX hosts_by_hostname;
CREATE INDEX hosts_by_hostname ON hosts (lower(reported_hostname), host) WHERE lower(reported_hostname) IS NOT NULL;
