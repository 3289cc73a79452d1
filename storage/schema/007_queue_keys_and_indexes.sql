-- The chat, or else the person, whose updates are handled in their order.
ALTER TABLE inbox RENAME COLUMN lane TO queue_key;
