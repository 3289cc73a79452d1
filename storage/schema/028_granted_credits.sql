-- What lies unspent in all is summed up from short indexes: few rows of the ledger were given or
-- bought.
CREATE INDEX ledger_granted ON ledger (account_kind, account_id, kind, credits)
    WHERE pot = 'granted';
