-- The small picture Telegram shows of a video before it plays, by the id of its file.
ALTER TABLE generations ADD COLUMN thumbnail TEXT;
