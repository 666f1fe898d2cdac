-- The first use of the successor; from then on the certificate is valid for the overlap only. NULL: no successor was used, or
-- an earlier version saw its first use.
ALTER TABLE certificates ADD COLUMN superseded_at INTEGER;
