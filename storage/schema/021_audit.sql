-- What admins did, to whom and when, and which update had them do it: written once for each.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY,
    cause   TEXT    NOT NULL UNIQUE,
    admin   INTEGER NOT NULL,
    -- the command that does it, without its slash
    act     TEXT    NOT NULL,
    -- a person or chat by Telegram's id
    whom    INTEGER,
    details TEXT    NOT NULL,
    at      REAL    NOT NULL
) STRICT;
CREATE TRIGGER audit_is_not_rewritten BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
