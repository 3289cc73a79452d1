-- What was tapped on a card, as it is typed: it outlives the words that come or are edited.
ALTER TABLE cards ADD COLUMN options TEXT NOT NULL DEFAULT '';
