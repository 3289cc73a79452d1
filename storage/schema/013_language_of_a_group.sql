-- What is said to all in a group is said in one language.
ALTER TABLE groups ADD COLUMN language TEXT;
