-- An index by person costs every call a place of its own among all the pages of the index; whoever asks about one person reads the calls of
-- the days in question instead.
DROP INDEX call_record_person;
-- The key begins with what tells most places apart, so that most comparisons end with their first column.
CREATE TABLE balance_by_name (
    account_kind     TEXT    NOT NULL,
    account_name     TEXT    NOT NULL,
    period_kind      TEXT    NOT NULL,
    period_start     TEXT    NOT NULL,
    settled_money    INTEGER NOT NULL,
    settled_seconds  INTEGER NOT NULL,
    reserved_money   INTEGER NOT NULL,
    reserved_seconds INTEGER NOT NULL,
    PRIMARY KEY (account_name, account_kind, period_kind, period_start)
) STRICT, WITHOUT ROWID;
INSERT INTO balance_by_name SELECT * FROM balance;
DROP TABLE balance;
ALTER TABLE balance_by_name RENAME TO balance;
