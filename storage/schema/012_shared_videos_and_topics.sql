-- A video is known again wherever it was sent on, by the id its file has for everybody.
ALTER TABLE generations ADD COLUMN file_unique_id TEXT;
CREATE INDEX generations_by_file ON generations (file_unique_id) WHERE file_unique_id IS NOT NULL;

-- What the only topic in which videos are made is called.
ALTER TABLE groups ADD COLUMN topic TEXT;
