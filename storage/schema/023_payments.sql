-- What people paid in Telegram Stars: once per charge, whoever tells of it first.
CREATE TABLE payments (
    id              INTEGER PRIMARY KEY,
    charge_id       TEXT    NOT NULL UNIQUE,
    person          INTEGER NOT NULL,
    -- 0 where nobody can read what was bought
    credits         INTEGER NOT NULL CHECK (credits >= 0),
    stars           INTEGER NOT NULL CHECK (stars > 0),
    -- what a credit stood for when it was bought
    credit_micros   INTEGER NOT NULL CHECK (credit_micros > 0),
    paid_at         REAL    NOT NULL,
    -- the intent of a refund: written before Telegram is asked for it
    refund_by       INTEGER,
    -- when it went back, and whether that was Telegram's doing
    ended_at        REAL,
    taken_back      INTEGER NOT NULL DEFAULT 0 CHECK (taken_back IN (0, 1)),
    -- an admin lets the payer buy again
    forgiven        INTEGER NOT NULL DEFAULT 0 CHECK (forgiven IN (0, 1))
) STRICT;
CREATE INDEX payments_by_person ON payments (person, id);
CREATE INDEX payments_by_time ON payments (paid_at);
CREATE INDEX payments_to_refund ON payments (id) WHERE refund_by IS NOT NULL AND ended_at IS NULL;
CREATE INDEX ledger_bought ON ledger (account_kind, account_id, kind, credits) WHERE pot = 'bought';

-- How much of Telegram's list of transactions was read, and its last one.
CREATE TABLE star_transactions (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    read    INTEGER NOT NULL,
    last_id TEXT    NOT NULL
) STRICT;
