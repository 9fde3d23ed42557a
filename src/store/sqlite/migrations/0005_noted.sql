-- The daybook in a shorter form: one row for each batch, in order, its commands one after the other in the form that `layout` numbers.
-- A gate that was stopped has posted what stood in the old one.
DROP TABLE daybook;
CREATE TABLE daybook (
    sequence INTEGER PRIMARY KEY,
    layout   INTEGER NOT NULL,
    commands BLOB    NOT NULL
) STRICT;

-- Up to which note of which run everything is written: what was noted after it, and before a kill, the next start writes.
ALTER TABLE owner ADD COLUMN run   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE owner ADD COLUMN noted INTEGER NOT NULL DEFAULT 0;
