-- What the operator gives, by when it was asked for and when it ended: against a ceiling, all of a
-- period is added up at each order. Times are those of the quarter of an hour, with which every
-- zone's day begins; 0 = not ended, it may be charged still.
CREATE TABLE budget (
    asked  INTEGER NOT NULL,
    ended  INTEGER NOT NULL,
    state  TEXT NOT NULL,
    micros INTEGER NOT NULL,
    PRIMARY KEY (asked, ended, state)
) STRICT;
CREATE VIEW budgeted AS
    SELECT id, CAST(created_at / 900 AS INTEGER) * 900 AS asked,
        CASE WHEN state IN ('queued', 'submitting', 'unknown', 'generating', 'parked') THEN 0
            ELSE CAST(coalesce(ready_at, changed_at) / 900 AS INTEGER) * 900 END AS ended,
        state, budget_micros AS micros
    FROM generations WHERE uncharged = 0 AND budget_micros > 0;
INSERT INTO budget
    SELECT asked, ended, state, sum(micros) FROM budgeted GROUP BY asked, ended, state;
CREATE TRIGGER budget_asked AFTER INSERT ON generations BEGIN
    INSERT INTO budget SELECT asked, ended, state, micros FROM budgeted WHERE id = NEW.id
        ON CONFLICT DO UPDATE SET micros = micros + excluded.micros;
END;
CREATE TRIGGER budget_before BEFORE UPDATE OF state, budget_micros, uncharged, created_at, ready_at,
    changed_at ON generations BEGIN
    INSERT INTO budget SELECT asked, ended, state, -micros FROM budgeted WHERE id = OLD.id
        ON CONFLICT DO UPDATE SET micros = micros + excluded.micros;
END;
CREATE TRIGGER budget_after AFTER UPDATE OF state, budget_micros, uncharged, created_at, ready_at,
    changed_at ON generations BEGIN
    INSERT INTO budget SELECT asked, ended, state, micros FROM budgeted WHERE id = NEW.id
        ON CONFLICT DO UPDATE SET micros = micros + excluded.micros;
END;
DROP INDEX generations_by_budget;
