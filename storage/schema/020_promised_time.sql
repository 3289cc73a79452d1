-- When the status of a request says that its video will be there: a start keeps what was promised.
ALTER TABLE generations ADD COLUMN promised_at REAL;
