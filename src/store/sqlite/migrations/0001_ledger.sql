-- The ledger: balances, reservations, the journal of every money command that took effect, and a row for every attempted call.
-- Money is in millionths of the currency unit, times are Unix microseconds, ids are the 64 bits of their printed form.

-- One row. Whoever opens the file to write takes the next generation; a writer that finds another one has been replaced.
CREATE TABLE owner (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL
) STRICT;
INSERT INTO owner (one, generation) VALUES (1, 0);

CREATE TABLE balance (
    account_kind     TEXT    NOT NULL,
    account_name     TEXT    NOT NULL,
    period_kind      TEXT    NOT NULL,
    period_start     TEXT    NOT NULL,
    settled_money    INTEGER NOT NULL,
    settled_seconds  INTEGER NOT NULL,
    reserved_money   INTEGER NOT NULL,
    reserved_seconds INTEGER NOT NULL,
    PRIMARY KEY (account_kind, account_name, period_kind, period_start)
) STRICT, WITHOUT ROWID;

CREATE TABLE reservation (
    id                  INTEGER PRIMARY KEY,
    decision            INTEGER NOT NULL,
    -- open, settled, released or expired.
    state               TEXT    NOT NULL,
    held_money          INTEGER NOT NULL,
    held_seconds        INTEGER NOT NULL,
    settled_money       INTEGER NOT NULL,
    settled_seconds     INTEGER NOT NULL,
    written_off_money   INTEGER NOT NULL,
    written_off_seconds INTEGER NOT NULL,
    warned              INTEGER NOT NULL,
    -- The budget lines in force, as JSON.
    budgets             TEXT    NOT NULL,
    opened              INTEGER NOT NULL,
    changed             INTEGER NOT NULL
) STRICT;
CREATE INDEX reservation_open ON reservation (id) WHERE state = 'open';
CREATE INDEX reservation_decision ON reservation (decision);

CREATE TABLE journal (
    sequence        INTEGER PRIMARY KEY,
    -- reserve, extend, settle, release or expire.
    kind            TEXT    NOT NULL,
    reservation     INTEGER NOT NULL,
    -- Of a reserve.
    decision        INTEGER,
    money           INTEGER NOT NULL,
    seconds         INTEGER NOT NULL,
    -- Of an extend: what belongs to periods now over.
    charged_money   INTEGER NOT NULL,
    charged_seconds INTEGER NOT NULL,
    -- Of a reserve and an extend, as JSON.
    budgets         TEXT,
    at              INTEGER NOT NULL
) STRICT;
CREATE TRIGGER journal_is_not_changed BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_is_not_shortened BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TABLE call_record (
    decision       INTEGER PRIMARY KEY,
    reservation    INTEGER,
    person         TEXT,
    department     TEXT,
    site           TEXT,
    raw            TEXT    NOT NULL,
    canonical      TEXT,
    class          TEXT,
    country        TEXT,
    -- The stable code of a refusal; NULL for a permitted call.
    reason         TEXT,
    rule           TEXT,
    policy_version INTEGER NOT NULL,
    tariff_prefix  TEXT,
    tariff_from    TEXT,
    trunk          TEXT,
    start          INTEGER NOT NULL,
    answer         INTEGER,
    "end"          INTEGER,
    billed_seconds INTEGER NOT NULL,
    cost           INTEGER NOT NULL,
    written_off    INTEGER NOT NULL,
    end_cause      TEXT,
    status         INTEGER,
    estimated      INTEGER NOT NULL
) STRICT;
CREATE INDEX call_record_start ON call_record (start);
CREATE INDEX call_record_person ON call_record (person, start);
