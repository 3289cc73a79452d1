-- What the provider said of its models when it was last asked, by feed.
CREATE TABLE feeds (
    name     TEXT PRIMARY KEY CHECK (name IN ('models', 'deprecations')),
    body     TEXT NOT NULL,
    heard_at REAL NOT NULL
) STRICT;

-- Generations that failed at a model for no fault of their asker.
CREATE TABLE strikes (
    generation INTEGER PRIMARY KEY REFERENCES generations,
    model      TEXT NOT NULL,
    at         REAL NOT NULL
) STRICT;
CREATE INDEX strikes_by_model ON strikes (model, at);
