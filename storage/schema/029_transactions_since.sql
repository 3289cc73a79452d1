-- What was paid before this database took payments was paid to another one.
ALTER TABLE star_transactions ADD COLUMN since REAL NOT NULL DEFAULT 0.0;
