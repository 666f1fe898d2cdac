-- The address from which the user signed in, for the list of a user's own sessions.
ALTER TABLE sessions ADD COLUMN address TEXT;
