-- A certificate is also revoked because its host was enrolled again.
CREATE TABLE certificates_revoked (
    serial     BLOB    PRIMARY KEY CHECK (length(serial) = 16),
    host       BLOB    NOT NULL CHECK (length(host) = 16),
    revoked_at INTEGER NOT NULL,
    not_after  INTEGER NOT NULL,
    reason     TEXT    NOT NULL CHECK (reason IN ('host_revoked', 'roles_changed', 'name_withdrawn', 'reenrolled'))
) STRICT, WITHOUT ROWID;
INSERT INTO certificates_revoked (serial, host, revoked_at, not_after, reason)
SELECT serial, host, revoked_at, not_after, reason FROM revoked_certificates;
DROP TABLE revoked_certificates;
ALTER TABLE certificates_revoked RENAME TO revoked_certificates;
CREATE INDEX revoked_certificates_by_end ON revoked_certificates (not_after);
