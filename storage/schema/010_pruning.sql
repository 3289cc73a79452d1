-- What is forgotten after a while is found without reading all that is kept.
CREATE INDEX cards_with_words ON cards (created_at) WHERE prompt <> '' OR picture IS NOT NULL;
CREATE INDEX notices_by_time ON notices (created_at);
