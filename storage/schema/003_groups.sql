-- What a group's admins chose for it, and what the operator gives its members to share.
CREATE TABLE groups (
    chat      INTEGER PRIMARY KEY REFERENCES chats,
    asking    TEXT    NOT NULL DEFAULT 'everyone' CHECK (asking IN ('everyone', 'admins', 'nobody')),
    -- the only topic in which videos are made; 0 is General, NULL is everywhere
    thread_id INTEGER,
    -- videos per member and day
    per_day   INTEGER CHECK (per_day > 0),
    -- credits per period, for all together and for each member
    pool      INTEGER NOT NULL DEFAULT 0 CHECK (pool >= 0),
    share     INTEGER CHECK (share > 0)
) STRICT;

-- The one message in a chat, per topic, that tells what is being made there (thread 0: no topic).
CREATE TABLE boards (
    chat       INTEGER NOT NULL REFERENCES chats,
    thread_id  INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    text       TEXT    NOT NULL,
    changed_at REAL    NOT NULL,
    PRIMARY KEY (chat, thread_id)
) STRICT;

-- Whose picture a video was made from: they may have the video taken away.
ALTER TABLE generations ADD COLUMN picture_by INTEGER;
ALTER TABLE cards ADD COLUMN picture_by INTEGER;

-- Who had a turn at the provider lately, so that others have theirs first.
CREATE INDEX generations_by_turn ON generations (submitted_at) WHERE submitted_at IS NOT NULL;
