-- The chat, or else the person, whose updates are handled in their order.
ALTER TABLE inbox RENAME COLUMN lane TO queue_key;

-- All that refers to a chat follows where a group becomes a supergroup.
CREATE INDEX generations_by_chat ON generations (chat);
CREATE INDEX generations_by_delivery ON generations (delivered_chat)
    WHERE delivered_chat IS NOT NULL;
CREATE INDEX cards_by_chat ON cards (chat);
CREATE INDEX notices_by_chat ON notices (chat);

-- What somebody waits for, and asked for lately, however many videos they have.
CREATE INDEX generations_by_account_and_state ON generations (account_kind, account_id, state);
CREATE INDEX generations_by_account_and_time
    ON generations (account_kind, account_id, created_at);

-- What the operator gave, and where credits lie, are summed up from the indexes alone.
CREATE INDEX generations_by_budget ON generations (created_at, budget_micros)
    WHERE uncharged = 0 AND budget_micros > 0;
DROP INDEX ledger_by_account;
CREATE INDEX ledger_by_account ON ledger (account_kind, account_id, pot, kind, at, credits, member);
