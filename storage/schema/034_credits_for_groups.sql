-- Whose credits a payment bought: a group's, or the payer's own.
ALTER TABLE payments ADD COLUMN chat INTEGER REFERENCES chats;
CREATE INDEX payments_by_chat ON payments (chat, id) WHERE chat IS NOT NULL;
