-- The daybook is a pair of files beside this one: a batch there is one write, and the tables can be posted to slowly meanwhile. `posted` is
-- the number of the last batch that the tables hold; `daybook` stands in each batch, so that those of another ledger are told apart.
-- The table `daybook` is kept for what an older program may have left there; it is posted at the start.
ALTER TABLE owner ADD COLUMN posted  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE owner ADD COLUMN daybook INTEGER NOT NULL DEFAULT 0;
UPDATE owner SET daybook = random();
