-- What the gate has written down since the tables were last brought up to date: one row for each batch, in order, each the commands of
-- the batch as JSON. Posting them to the tables empties it.
CREATE TABLE daybook (
    sequence INTEGER PRIMARY KEY,
    commands TEXT NOT NULL,
    -- What the next run must know of the calls: one line for each command that says something of it, in order.
    states   TEXT NOT NULL
) STRICT;
