-- The way an enrollment token was made; NULL for a service token. It also says which token is the emergency token.
ALTER TABLE mints ADD COLUMN kind TEXT
    CHECK (kind IN ('one-time', 'cluster', 'rollout', 'roles', 're-enrollment', 'policy', 'emergency', 'custom'));
-- The system mints the emergency token and the first roles token. Elastic's route left no trace in its tokens.
UPDATE mints SET kind = CASE
    WHEN emergency = 1 THEN 'emergency'
    WHEN minter = 'system' AND persistent = 1 THEN 'roles'
    WHEN persistent = 0 AND max_uses = 1 THEN 'one-time'
    WHEN persistent = 1 AND cluster IS NOT NULL THEN 'cluster'
    WHEN persistent = 1 AND policy IS NOT NULL THEN 'policy'
    ELSE 'custom' END
WHERE audience IS NULL;
DROP VIEW readable_tokens;
ALTER TABLE mints DROP COLUMN emergency;
CREATE INDEX mints_by_kind ON mints (kind, token) WHERE kind IS NOT NULL;
-- Tokens whose expiry is warned of.
CREATE INDEX shared_mints_by_expiry ON mints (expires_at) WHERE kind IN ('cluster', 'policy');

-- Number of hosts that a rollout is for.
ALTER TABLE mints ADD COLUMN expected_hosts INTEGER CHECK (expected_hosts > 0);

CREATE VIEW readable_tokens AS
SELECT lower(hex(m.token)) AS token, lower(hex(m.kid)) AS kid, m.label, m.kind, m.roles, m.persistent, m.minter,
       strftime('%FT%TZ', m.created_at / 1000, 'unixepoch') AS created_at,
       strftime('%FT%TZ', m.expires_at / 1000, 'unixepoch') AS expires_at,
       strftime('%FT%TZ', m.revoked_at / 1000, 'unixepoch') AS revoked_at,
       m.max_uses, coalesce(u.used, 0) AS used, m.expected_hosts, m.audience,
       strftime('%FT%TZ', u.last_at / 1000, 'unixepoch') AS last_used_at, lower(hex(u.last_host)) AS last_used_by,
       u.last_from AS last_used_from, strftime('%FT%TZ', m.revoke_at / 1000, 'unixepoch') AS revokes_at,
       lower(hex(m.replaced_by)) AS replaced_by
FROM mints AS m LEFT JOIN uses AS u ON u.token = m.token;
