-- The newest backup, and the last restore.
ALTER TABLE meta ADD COLUMN backed_up_at INTEGER;
ALTER TABLE meta ADD COLUMN restored_at INTEGER;

-- A restore suspends persistent tokens and API keys until somebody releases them.
ALTER TABLE mints ADD COLUMN suspended_at INTEGER;
CREATE INDEX suspended_mints ON mints (token) WHERE suspended_at IS NOT NULL;
ALTER TABLE api_keys ADD COLUMN suspended_at INTEGER;

DROP VIEW readable_tokens;
CREATE VIEW readable_tokens AS
SELECT lower(hex(m.token)) AS token, lower(hex(m.kid)) AS kid, m.label, m.kind, m.roles, lower(hex(m.policy)) AS policy, m.persistent,
       m.minter, strftime('%FT%TZ', m.created_at / 1000, 'unixepoch') AS created_at,
       strftime('%FT%TZ', m.expires_at / 1000, 'unixepoch') AS expires_at,
       strftime('%FT%TZ', m.revoked_at / 1000, 'unixepoch') AS revoked_at,
       m.max_uses, coalesce(u.used, 0) AS used, coalesce(u.reserved, 0) AS reserved, m.approval, m.expected_hosts, m.audience,
       lower(hex(m.batch)) AS batch,
       strftime('%FT%TZ', u.last_at / 1000, 'unixepoch') AS last_used_at, lower(hex(u.last_host)) AS last_used_by,
       u.last_from AS last_used_from, strftime('%FT%TZ', m.revoke_at / 1000, 'unixepoch') AS revokes_at,
       lower(hex(m.replaced_by)) AS replaced_by,
       strftime('%FT%TZ', m.suspended_at / 1000, 'unixepoch') AS suspended_at
FROM mints AS m LEFT JOIN uses AS u ON u.token = m.token;

DROP VIEW readable_api_keys;
CREATE VIEW readable_api_keys AS
SELECT lower(hex(id)) AS id, label, owner, creator, scopes, limits,
       strftime('%FT%TZ', created_at / 1000, 'unixepoch') AS created_at,
       strftime('%FT%TZ', expires_at / 1000, 'unixepoch') AS expires_at,
       strftime('%FT%TZ', used_at / 1000, 'unixepoch') AS used_at, used_from,
       strftime('%FT%TZ', suspended_at / 1000, 'unixepoch') AS suspended_at
FROM api_keys;
