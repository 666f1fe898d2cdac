-- The batch that a token was minted in: by a bulk mint, or with an idempotency key.
ALTER TABLE mints ADD COLUMN batch BLOB CHECK (length(batch) = 16);
CREATE INDEX mints_by_batch ON mints (batch, token) WHERE batch IS NOT NULL;

-- The idempotency keys of the last day. digest is the SHA-256 of the key, body that of the request's body.
CREATE TABLE idempotency_keys (
    caller     TEXT    NOT NULL,
    digest     BLOB    NOT NULL CHECK (length(digest) = 32),
    body       BLOB    NOT NULL CHECK (length(body) = 32),
    batch      BLOB    NOT NULL CHECK (length(batch) = 16),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (caller, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_by_caller ON idempotency_keys (caller, created_at);

DROP VIEW readable_tokens;
CREATE VIEW readable_tokens AS
SELECT lower(hex(m.token)) AS token, lower(hex(m.kid)) AS kid, m.label, m.kind, m.roles, m.persistent, m.minter,
       strftime('%FT%TZ', m.created_at / 1000, 'unixepoch') AS created_at,
       strftime('%FT%TZ', m.expires_at / 1000, 'unixepoch') AS expires_at,
       strftime('%FT%TZ', m.revoked_at / 1000, 'unixepoch') AS revoked_at,
       m.max_uses, coalesce(u.used, 0) AS used, m.expected_hosts, m.audience, lower(hex(m.batch)) AS batch,
       strftime('%FT%TZ', u.last_at / 1000, 'unixepoch') AS last_used_at, lower(hex(u.last_host)) AS last_used_by,
       u.last_from AS last_used_from, strftime('%FT%TZ', m.revoke_at / 1000, 'unixepoch') AS revokes_at,
       lower(hex(m.replaced_by)) AS replaced_by
FROM mints AS m LEFT JOIN uses AS u ON u.token = m.token;
