"""Days of the bot's life in seconds: virtual time, a real database, people and faults by seed."""
