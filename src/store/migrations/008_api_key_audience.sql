-- The audience of the tokens that a key introspects and verifies; NULL: any.
ALTER TABLE api_keys ADD COLUMN audience TEXT;
