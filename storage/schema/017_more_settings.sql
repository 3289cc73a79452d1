-- What becomes of photos of another shape, whether each video is asked about first, and which language
-- somebody chose, whatever their client claims.
ALTER TABLE people ADD COLUMN fit TEXT CHECK (fit IN ('crop', 'pad'));
ALTER TABLE people ADD COLUMN asks_first INTEGER NOT NULL DEFAULT 0 CHECK (asks_first IN (0, 1));
ALTER TABLE people ADD COLUMN spoken TEXT;

-- What a video is like in a group where its prompt says nothing; NULL is each member's own choice.
ALTER TABLE groups ADD COLUMN family TEXT;
ALTER TABLE groups ADD COLUMN seconds INTEGER;
ALTER TABLE groups ADD COLUMN aspect_ratio TEXT;
ALTER TABLE groups ADD COLUMN resolution TEXT;
