-- Who asked for their data to be deleted, and since when that is done: what was under way when they
-- asked is brought first.
CREATE TABLE erasures (
    cause    TEXT    PRIMARY KEY,
    person   INTEGER NOT NULL REFERENCES people,
    asked_at REAL    NOT NULL,
    done_at  REAL
) STRICT;

-- What others made of somebody's pictures.
CREATE INDEX generations_by_picture ON generations (picture_by) WHERE picture_by IS NOT NULL;

-- What was said needs its facts no more, but for why a video failed: that is asked for again.
UPDATE notices SET facts = '{}'
    WHERE generation IS NULL AND (sent_at IS NOT NULL OR given_up = 1);
