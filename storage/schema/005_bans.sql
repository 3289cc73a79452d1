-- People and chats an admin shut out.
CREATE TABLE bans (
    telegram_id INTEGER PRIMARY KEY,
    cause       TEXT    NOT NULL UNIQUE,
    banned_by   INTEGER NOT NULL,
    banned_at   REAL    NOT NULL,
    reason      TEXT
) STRICT;
