-- What the next run of the gate needs to take up a call in progress; the row goes when the call is over.
CREATE TABLE call_in_progress (
    decision INTEGER PRIMARY KEY,
    -- As JSON; the gate alone reads it.
    state    TEXT NOT NULL
) STRICT;
