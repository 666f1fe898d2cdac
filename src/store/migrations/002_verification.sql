-- Each kind of token has keys of its own. Those that were there before sign enrollment tokens.
ALTER TABLE signing_keys ADD COLUMN key_use TEXT NOT NULL DEFAULT 'enrollment'
    CHECK (key_use IN ('enrollment', 'service', 'status_list'));
DROP INDEX one_key_prepared_one_current;
CREATE UNIQUE INDEX one_key_prepared_one_current ON signing_keys (key_use, state) WHERE state IN ('prepared', 'current');

-- The service that a service token is for; NULL for an enrollment token.
ALTER TABLE mints ADD COLUMN audience TEXT;
