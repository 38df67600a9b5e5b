-- The `sid` of a client's tokens in its own name, drawn anew when it is enabled again: what is revoked
-- when it is disabled or deleted, so that nothing of it concerns the tokens it has afterwards.
ALTER TABLE clients ADD COLUMN own_sid TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE clients SET own_sid = replace(gen_random_uuid()::TEXT, '-', '');
