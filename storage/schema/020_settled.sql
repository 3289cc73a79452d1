-- What became of requests so old that nothing of them changes any more, up to one of them: whoever
-- asks how much was made in all need not wait until a million rows are read.
CREATE TABLE settled (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    through      INTEGER NOT NULL DEFAULT 0,
    asked        INTEGER NOT NULL DEFAULT 0,
    delivered    INTEGER NOT NULL DEFAULT 0,
    failed       INTEGER NOT NULL DEFAULT 0,
    in_work      INTEGER NOT NULL DEFAULT 0,
    people       INTEGER NOT NULL DEFAULT 0,
    spent_micros INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO settled (id) VALUES (1);
