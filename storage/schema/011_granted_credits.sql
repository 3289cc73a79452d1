-- What was granted lies in a pot of its own: it is the operator's money, and bought is what people
-- paid for. Nobody could pay so far, so all that lay there was granted. A CHECK cannot be altered:
-- the table is made anew, row by row as it was.
CREATE TABLE new_ledger (
    id           INTEGER PRIMARY KEY,
    account_kind TEXT    NOT NULL CHECK (account_kind IN ('person', 'chat')),
    account_id   INTEGER NOT NULL,
    pot          TEXT    NOT NULL CHECK (pot IN ('allowance', 'granted', 'bought', 'pool')),
    kind         TEXT    NOT NULL CHECK (kind IN (
                     'hold', 'capture', 'release', 'grant', 'purchase', 'refund', 'clawback')),
    credits      INTEGER NOT NULL CHECK (credits > 0),
    ends         INTEGER UNIQUE REFERENCES new_ledger,
    generation   INTEGER REFERENCES generations,
    member       INTEGER REFERENCES people,
    cause        TEXT    UNIQUE,
    note         TEXT,
    at           REAL    NOT NULL,
    CHECK ((kind IN ('capture', 'release')) = (ends IS NOT NULL)),
    CHECK ((kind IN ('hold', 'capture', 'release')) = (generation IS NOT NULL)),
    CHECK (kind IN ('hold', 'capture', 'release') OR cause IS NOT NULL)
) STRICT;
-- the operator bears what was paid by grants, at its real price
UPDATE generations SET budget_micros = coalesce(spent_micros, price_micros)
    WHERE id IN (SELECT generation FROM ledger WHERE kind = 'hold' AND pot = 'bought');
INSERT INTO new_ledger
    SELECT id, account_kind, account_id, CASE pot WHEN 'bought' THEN 'granted' ELSE pot END, kind,
        credits, ends, generation, member, cause, note, at
    FROM ledger ORDER BY id;
DROP TABLE ledger;
ALTER TABLE new_ledger RENAME TO ledger;
CREATE INDEX ledger_by_account ON ledger (account_kind, account_id, pot, kind, at, credits, member);
CREATE INDEX ledger_by_generation ON ledger (generation) WHERE generation IS NOT NULL;
CREATE TRIGGER ledger_is_not_rewritten BEFORE UPDATE OF
    id, account_kind, pot, kind, credits, ends, generation, cause, at ON ledger BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
CREATE TRIGGER ledger_is_not_deleted BEFORE DELETE ON ledger BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;

-- What is charged after a period turned counts in the new one: it is found from the index alone.
DROP INDEX generations_by_budget;
CREATE INDEX generations_by_budget
    ON generations (created_at, budget_micros, state, ready_at, changed_at)
    WHERE uncharged = 0 AND budget_micros > 0;
