-- Who took the newest use of a token: written by the statement that takes it.
ALTER TABLE uses ADD COLUMN last_at INTEGER;
ALTER TABLE uses ADD COLUMN last_host BLOB CHECK (length(last_host) = 16);
ALTER TABLE uses ADD COLUMN last_from TEXT;
UPDATE uses SET (last_at, last_host) =
    (SELECT p.redeemed_at, p.host FROM pairs AS p WHERE p.token = uses.token ORDER BY p.redeemed_at DESC LIMIT 1);

-- Which hosts a token admitted.
CREATE INDEX hosts_by_token ON hosts (token);

-- A token that was rotated, or whose minter was deleted: its successor, and when it is revoked in whose name.
ALTER TABLE mints ADD COLUMN replaced_by BLOB CHECK (length(replaced_by) = 16);
ALTER TABLE mints ADD COLUMN revoke_at INTEGER;
ALTER TABLE mints ADD COLUMN revoke_as TEXT;
CREATE INDEX mints_to_revoke ON mints (revoke_at) WHERE revoke_at IS NOT NULL AND revoked_at IS NULL;

-- Who owned the API key that minted it: the key may be gone when its owner goes.
ALTER TABLE mints ADD COLUMN owner TEXT;
CREATE INDEX mints_by_owner ON mints (owner, token) WHERE owner IS NOT NULL;

DROP VIEW readable_tokens;
CREATE VIEW readable_tokens AS
SELECT lower(hex(m.token)) AS token, lower(hex(m.kid)) AS kid, m.label, m.roles, m.persistent, m.emergency, m.minter,
       strftime('%FT%TZ', m.created_at / 1000, 'unixepoch') AS created_at,
       strftime('%FT%TZ', m.expires_at / 1000, 'unixepoch') AS expires_at,
       strftime('%FT%TZ', m.revoked_at / 1000, 'unixepoch') AS revoked_at,
       m.max_uses, coalesce(u.used, 0) AS used, m.audience,
       strftime('%FT%TZ', u.last_at / 1000, 'unixepoch') AS last_used_at, lower(hex(u.last_host)) AS last_used_by,
       u.last_from AS last_used_from, strftime('%FT%TZ', m.revoke_at / 1000, 'unixepoch') AS revokes_at,
       lower(hex(m.replaced_by)) AS replaced_by
FROM mints AS m LEFT JOIN uses AS u ON u.token = m.token;
