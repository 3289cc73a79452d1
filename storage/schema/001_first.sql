-- Telegram's ids stand in one column each; everything else refers to our own,
-- so that a group becoming a supergroup is one UPDATE.
CREATE TABLE chats (
    id          INTEGER PRIMARY KEY,
    telegram_id INTEGER NOT NULL UNIQUE,
    kind        TEXT    NOT NULL CHECK (kind IN ('private', 'group', 'supergroup', 'channel')),
    title       TEXT    NOT NULL DEFAULT '',
    reachable   INTEGER NOT NULL DEFAULT 1 CHECK (reachable IN (0, 1)),
    created_at  REAL    NOT NULL
) STRICT;

-- A person's id at Telegram never changes, so it is ours too.
CREATE TABLE people (
    id           INTEGER PRIMARY KEY,
    name         TEXT    NOT NULL,
    username     TEXT,
    language     TEXT,
    is_admin     INTEGER NOT NULL DEFAULT 0 CHECK (is_admin IN (0, 1)),
    family       TEXT,
    seconds      INTEGER,
    aspect_ratio TEXT,
    resolution   TEXT,
    created_at   REAL    NOT NULL
) STRICT;
CREATE INDEX people_by_username ON people (username COLLATE NOCASE) WHERE username IS NOT NULL;

-- People and chats an admin let in, beside those of the settings.
CREATE TABLE allowed (
    telegram_id INTEGER PRIMARY KEY,
    cause       TEXT    NOT NULL UNIQUE,
    allowed_by  INTEGER NOT NULL,
    allowed_at  REAL    NOT NULL
) STRICT;

-- Updates are written here before Telegram is told that they were received.
CREATE TABLE inbox (
    update_id   INTEGER PRIMARY KEY,
    lane        INTEGER NOT NULL,
    body        TEXT,
    received_at REAL    NOT NULL,
    starts      INTEGER NOT NULL DEFAULT 0,
    handled_at  REAL,
    set_aside   INTEGER NOT NULL DEFAULT 0 CHECK (set_aside IN (0, 1))
) STRICT;
CREATE INDEX inbox_waiting ON inbox (update_id) WHERE handled_at IS NULL AND set_aside = 0;
CREATE INDEX inbox_handled ON inbox (handled_at) WHERE handled_at IS NOT NULL;

CREATE TABLE generations (
    id              INTEGER PRIMARY KEY,
    state           TEXT    NOT NULL CHECK (state IN (
                        'queued', 'submitting', 'unknown', 'generating', 'parked',
                        'ready', 'delivered', 'undeliverable', 'failed', 'cancelled')),
    reason          TEXT    NOT NULL,
    -- what caused it: a message, a card, or a press under a finished video
    origin          TEXT    NOT NULL CHECK (origin IN ('message', 'card', 'press')),
    cause           TEXT    NOT NULL,
    -- where it was asked and by whom
    chat            INTEGER NOT NULL REFERENCES chats,
    thread_id       INTEGER,
    message_id      INTEGER,
    account_kind    TEXT    NOT NULL CHECK (account_kind IN ('person', 'chat')),
    account_id      INTEGER NOT NULL,
    -- what was asked; a shape that is NULL is taken from the picture
    kind            TEXT    NOT NULL CHECK (kind IN ('t2v', 'i2v')),
    family          TEXT    NOT NULL,
    model           TEXT    NOT NULL,
    prompt          TEXT    NOT NULL,
    seconds         INTEGER NOT NULL,
    aspect_ratio    TEXT,
    resolution      TEXT,
    fit             TEXT    NOT NULL CHECK (fit IN ('crop', 'pad')),
    silent          INTEGER NOT NULL CHECK (silent IN (0, 1)),
    picture         TEXT,
    -- what it costs, fixed when it is accepted (micro-dollars)
    credits         INTEGER NOT NULL CHECK (credits > 0),
    price_micros    INTEGER NOT NULL CHECK (price_micros >= 0),
    budget_micros   INTEGER NOT NULL CHECK (budget_micros >= 0),
    spent_micros    INTEGER,
    uncharged       INTEGER NOT NULL DEFAULT 0 CHECK (uncharged IN (0, 1)),
    -- how far it is at the provider
    request_id      TEXT    UNIQUE,
    submissions     INTEGER NOT NULL DEFAULT 0,
    provider_id     TEXT,
    polls           INTEGER NOT NULL DEFAULT 0,
    setbacks        INTEGER NOT NULL DEFAULT 0,
    dead_links      INTEGER NOT NULL DEFAULT 0,
    due_at          REAL    NOT NULL,
    cancel_wanted   INTEGER NOT NULL DEFAULT 0 CHECK (cancel_wanted IN (0, 1)),
    -- how far it is on its way back
    status_message  INTEGER,
    send_started_at REAL,
    sends           INTEGER NOT NULL DEFAULT 0,
    delivered_chat  INTEGER REFERENCES chats,
    delivered_message INTEGER,
    file_id         TEXT,
    file_kind       TEXT    CHECK (file_kind IN ('video', 'animation', 'document')),
    created_at      REAL    NOT NULL,
    changed_at      REAL    NOT NULL,
    submitted_at    REAL,
    accepted_at     REAL,
    ready_at        REAL
) STRICT;
CREATE UNIQUE INDEX generation_once ON generations (cause) WHERE origin <> 'press';
CREATE UNIQUE INDEX generation_once_at_a_time ON generations (cause)
    WHERE origin = 'press'
    AND state IN ('queued', 'submitting', 'unknown', 'generating', 'parked', 'ready');
CREATE INDEX generations_in_work ON generations (state, due_at)
    WHERE state IN ('queued', 'submitting', 'unknown', 'generating', 'parked', 'ready');
CREATE INDEX generations_untidy ON generations (chat) WHERE status_message IS NOT NULL;
CREATE INDEX generations_by_account ON generations (account_kind, account_id, id);
CREATE INDEX generations_by_time ON generations (created_at);
CREATE INDEX generations_by_duration ON generations (model, seconds, resolution, ready_at)
    WHERE accepted_at IS NOT NULL AND ready_at IS NOT NULL;

-- The history of each generation writes itself and is never rewritten.
CREATE TABLE events (
    id         INTEGER PRIMARY KEY,
    generation INTEGER NOT NULL REFERENCES generations,
    was        TEXT,
    state      TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    at         REAL    NOT NULL
) STRICT;
CREATE INDEX events_by_generation ON events (generation, id);
CREATE TRIGGER generation_accepted AFTER INSERT ON generations BEGIN
    INSERT INTO events (generation, was, state, reason, at)
    VALUES (NEW.id, NULL, NEW.state, NEW.reason, NEW.changed_at);
END;
CREATE TRIGGER generation_moved AFTER UPDATE OF state ON generations BEGIN
    INSERT INTO events (generation, was, state, reason, at)
    VALUES (NEW.id, OLD.state, NEW.state, NEW.reason, NEW.changed_at);
END;
CREATE TRIGGER events_are_not_rewritten BEFORE UPDATE ON events BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;
CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;

-- Credits move only by rows of the ledger; each hold ends once.
CREATE TABLE ledger (
    id           INTEGER PRIMARY KEY,
    account_kind TEXT    NOT NULL CHECK (account_kind IN ('person', 'chat')),
    account_id   INTEGER NOT NULL,
    pot          TEXT    NOT NULL CHECK (pot IN ('allowance', 'bought', 'pool')),
    kind         TEXT    NOT NULL CHECK (kind IN (
                     'hold', 'capture', 'release', 'grant', 'purchase', 'refund', 'clawback')),
    credits      INTEGER NOT NULL CHECK (credits > 0),
    ends         INTEGER UNIQUE REFERENCES ledger,
    generation   INTEGER REFERENCES generations,
    member       INTEGER REFERENCES people,
    cause        TEXT    UNIQUE,
    note         TEXT,
    at           REAL    NOT NULL,
    CHECK ((kind IN ('capture', 'release')) = (ends IS NOT NULL)),
    CHECK ((kind IN ('hold', 'capture', 'release')) = (generation IS NOT NULL)),
    CHECK (kind IN ('hold', 'capture', 'release') OR cause IS NOT NULL)
) STRICT;
CREATE INDEX ledger_by_account ON ledger (account_kind, account_id, pot, kind, at);
CREATE INDEX ledger_by_generation ON ledger (generation) WHERE generation IS NOT NULL;
CREATE TRIGGER ledger_is_not_rewritten BEFORE UPDATE OF
    id, account_kind, pot, kind, credits, ends, generation, cause, at ON ledger BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
CREATE TRIGGER ledger_is_not_deleted BEFORE DELETE ON ledger BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;

-- Questions the bot asked: a prompt to confirm, a picture without words, a bare command.
CREATE TABLE cards (
    id           INTEGER PRIMARY KEY,
    cause        TEXT    NOT NULL UNIQUE,
    kind         TEXT    NOT NULL CHECK (kind IN ('prompt', 'picture', 'question')),
    state        TEXT    NOT NULL CHECK (state IN ('open', 'started', 'dropped')),
    chat         INTEGER NOT NULL REFERENCES chats,
    thread_id    INTEGER,
    account_kind TEXT    NOT NULL CHECK (account_kind IN ('person', 'chat')),
    account_id   INTEGER NOT NULL,
    message_id   INTEGER,
    card_message INTEGER,
    prompt       TEXT    NOT NULL,
    picture      TEXT,
    picture_width  INTEGER,
    picture_height INTEGER,
    created_at   REAL    NOT NULL
) STRICT;
CREATE INDEX cards_open ON cards (chat, account_kind, account_id, id) WHERE state = 'open';
CREATE INDEX cards_by_message ON cards (chat, card_message) WHERE card_message IS NOT NULL;

-- Messages owed to people and admins, sent at least once.
CREATE TABLE notices (
    id         INTEGER PRIMARY KEY,
    cause      TEXT    NOT NULL UNIQUE,
    chat       INTEGER NOT NULL REFERENCES chats,
    thread_id  INTEGER,
    reply_to   INTEGER,
    person     INTEGER REFERENCES people,
    generation INTEGER REFERENCES generations,
    kind       TEXT    NOT NULL,
    facts      TEXT    NOT NULL,
    due_at     REAL    NOT NULL,
    sends      INTEGER NOT NULL DEFAULT 0,
    created_at REAL    NOT NULL,
    sent_at    REAL,
    given_up   INTEGER NOT NULL DEFAULT 0 CHECK (given_up IN (0, 1))
) STRICT;
CREATE INDEX notices_owed ON notices (chat, due_at) WHERE sent_at IS NULL AND given_up = 0;

-- Times in which the provider refused everything (a bad key, an empty account).
CREATE TABLE outages (
    id       INTEGER PRIMARY KEY,
    reason   TEXT NOT NULL,
    began_at REAL NOT NULL,
    probe_at REAL NOT NULL,
    ended_at REAL
) STRICT;
CREATE UNIQUE INDEX one_outage_at_a_time ON outages (ended_at IS NULL) WHERE ended_at IS NULL;

-- Models that are left alone for a while.
CREATE TABLE rests (
    model  TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    until  REAL NOT NULL
) STRICT;
