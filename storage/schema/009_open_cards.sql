-- A conversation has an end: one card at most is open between an account and a chat, and what is
-- said next closes it. `closed_by` names that message, so that it is read alike when it is handled
-- once more; a card that is `kept` is no part of the conversation, and waits for its tap alone.
ALTER TABLE cards ADD COLUMN closed_by TEXT;
ALTER TABLE cards ADD COLUMN kept INTEGER NOT NULL DEFAULT 0 CHECK (kept IN (0, 1));
UPDATE cards SET kept = 1 WHERE state = 'open' AND card_message IS NULL AND prompt <> ''
    AND (kind = 'prompt' OR kind = 'picture' AND picture IS NOT NULL);
UPDATE cards SET state = 'dropped' WHERE state = 'open' AND kept = 0 AND id NOT IN (
    SELECT max(id) FROM cards WHERE state = 'open' AND kept = 0
    GROUP BY chat, account_kind, account_id);
DROP INDEX cards_open;
CREATE UNIQUE INDEX one_open_card ON cards (chat, account_kind, account_id)
    WHERE state = 'open' AND kept = 0;
DROP INDEX cards_by_message;
CREATE INDEX cards_by_what_closed_them ON cards (closed_by) WHERE closed_by IS NOT NULL;
