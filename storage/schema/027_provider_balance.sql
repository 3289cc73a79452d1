-- What the provider's account held when it was last asked, and since when the admins know that it
-- runs dry soon.
CREATE TABLE provider_balance (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    micros    INTEGER NOT NULL,
    heard_at  REAL    NOT NULL,
    warned_at REAL
) STRICT;
CREATE INDEX people_by_time ON people (created_at);
