-- Each kind of token has keys of its own. Those that were there before sign enrollment tokens.
ALTER TABLE signing_keys ADD COLUMN key_use TEXT NOT NULL DEFAULT 'enrollment'
    CHECK (key_use IN ('enrollment', 'service', 'status_list'));
DROP INDEX one_key_prepared_one_current;
CREATE UNIQUE INDEX one_key_prepared_one_current ON signing_keys (key_use, state) WHERE state IN ('prepared', 'current');

-- The service that a service token is for; NULL for an enrollment token.
ALTER TABLE mints ADD COLUMN audience TEXT;
-- Service tokens are listed by themselves, however many enrollment tokens there are.
CREATE INDEX service_mints ON mints (token) WHERE audience IS NOT NULL;

DROP VIEW readable_tokens;
CREATE VIEW readable_tokens AS
SELECT lower(hex(m.token)) AS token, lower(hex(m.kid)) AS kid, m.label, m.roles, m.persistent, m.emergency, m.minter,
       strftime('%FT%TZ', m.created_at / 1000, 'unixepoch') AS created_at,
       strftime('%FT%TZ', m.expires_at / 1000, 'unixepoch') AS expires_at,
       strftime('%FT%TZ', m.revoked_at / 1000, 'unixepoch') AS revoked_at,
       m.max_uses, coalesce(u.used, 0) AS used, m.audience
FROM mints AS m LEFT JOIN uses AS u ON u.token = m.token;
