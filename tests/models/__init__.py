"""Models that come and go at the provider, seen by the person, the admin and the ledger."""
