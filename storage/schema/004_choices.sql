-- Hours of the day, in the operator's time zone, in which no videos are made; both or neither.
ALTER TABLE groups ADD COLUMN quiet_from INTEGER CHECK (quiet_from BETWEEN 0 AND 23);
ALTER TABLE groups ADD COLUMN quiet_until INTEGER CHECK (
    (quiet_from IS NULL) = (quiet_until IS NULL)
    AND (quiet_until IS NULL OR (quiet_until BETWEEN 0 AND 23 AND quiet_until <> quiet_from)));

-- Whether videos are covered until they are tapped.
ALTER TABLE groups ADD COLUMN blurred INTEGER NOT NULL DEFAULT 0 CHECK (blurred IN (0, 1));

-- Whether members may bring to life only what they sent themselves.
ALTER TABLE groups ADD COLUMN own_pictures INTEGER NOT NULL DEFAULT 0 CHECK (own_pictures IN (0, 1));
