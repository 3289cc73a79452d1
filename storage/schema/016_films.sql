-- A video that begins where another ends is the next scene of that one's film.
ALTER TABLE generations ADD COLUMN parent INTEGER REFERENCES generations;
CREATE INDEX generations_by_parent ON generations (parent) WHERE parent IS NOT NULL;
CREATE INDEX generations_of_films ON generations (account_kind, account_id, id)
    WHERE parent IS NOT NULL;
CREATE INDEX generations_by_file_id ON generations (file_id) WHERE file_id IS NOT NULL;
