-- How many videos somebody asked for: who asks for most is listed first, whatever their number.
ALTER TABLE people ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;
UPDATE people SET asked = (SELECT count(*) FROM generations
    WHERE account_kind = 'person' AND account_id = people.id);
CREATE INDEX people_by_asked ON people (asked DESC, id);
CREATE TRIGGER generation_counted AFTER INSERT ON generations WHEN NEW.account_kind = 'person' BEGIN
    UPDATE people SET asked = asked + 1 WHERE id = NEW.account_id;
END;
