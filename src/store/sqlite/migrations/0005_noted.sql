-- Up to which note of which run everything is written: what was noted after it, and before a kill, the next start writes.
ALTER TABLE owner ADD COLUMN run   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE owner ADD COLUMN noted INTEGER NOT NULL DEFAULT 0;
