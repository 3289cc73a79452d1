-- While an admin has the bot paused it takes no orders, and what waits goes on waiting.
CREATE TABLE pause (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    reason  TEXT NOT NULL,
    -- NULL is until somebody ends it
    ends_at REAL
) STRICT;
