-- Links that let so many people in, with credits for each; who used which.
CREATE TABLE invites (
    id         INTEGER PRIMARY KEY,
    cause      TEXT    NOT NULL UNIQUE,
    secret     TEXT    NOT NULL UNIQUE,
    uses       INTEGER NOT NULL CHECK (uses > 0),
    credits    INTEGER NOT NULL CHECK (credits >= 0),
    created_by INTEGER NOT NULL,
    created_at REAL    NOT NULL,
    revoked    INTEGER NOT NULL DEFAULT 0 CHECK (revoked IN (0, 1))
) STRICT;
CREATE TABLE invited (
    invite  INTEGER NOT NULL REFERENCES invites,
    person  INTEGER NOT NULL REFERENCES people,
    used_at REAL    NOT NULL,
    PRIMARY KEY (invite, person)
) STRICT;
