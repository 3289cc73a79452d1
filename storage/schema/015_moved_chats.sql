-- A group that becomes a supergroup keeps its number here, and all that was made in it stays as it
-- is. `moved_at` is when that was: its messages of before are out of reach. A row that was made of
-- the new id meanwhile leads to it by `became`, since others may work with its number just then.
ALTER TABLE chats ADD COLUMN became INTEGER REFERENCES chats;
ALTER TABLE chats ADD COLUMN moved_at REAL NOT NULL DEFAULT 0;

-- No chat is ever dropped, and no long history handed on: what is open is all that is looked for by
-- the chat, in indexes that are short or that others need as well.
DROP INDEX generations_by_chat;
DROP INDEX generations_by_delivery;
DROP INDEX cards_by_chat;
DROP INDEX notices_by_chat;
CREATE INDEX cards_open ON cards (chat) WHERE state = 'open';
