"""SQLite: the one record of what was asked, what is owed and what was paid."""
