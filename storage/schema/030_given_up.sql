-- How many of its credits went with their owner's data: should it go back, they are not owed as well.
ALTER TABLE payments ADD COLUMN given_up INTEGER NOT NULL DEFAULT 0 CHECK (given_up >= 0);
