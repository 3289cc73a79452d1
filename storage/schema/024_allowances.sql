-- How many free credits somebody has per period, where an admin gave them others than everybody.
ALTER TABLE people ADD COLUMN allowance INTEGER CHECK (allowance >= 0);
CREATE INDEX people_by_allowance ON people (allowance) WHERE allowance IS NOT NULL;
