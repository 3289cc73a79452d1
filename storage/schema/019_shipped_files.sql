-- Files that came with the bot, such as the video of its welcome, by the ids Telegram has of them.
CREATE TABLE shipped_files (
    name    TEXT PRIMARY KEY,
    file_id TEXT NOT NULL
) STRICT;
