-- Addresses at which a user signed in with their password. site is an IPv4 address or the first address of an IPv6 /64.
CREATE TABLE known_addresses (
    user_name TEXT    NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    site      TEXT    NOT NULL,
    last_at   INTEGER NOT NULL,
    PRIMARY KEY (user_name, site)
) STRICT, WITHOUT ROWID;
CREATE INDEX known_addresses_by_use ON known_addresses (last_at);
