"""Settings: their definition and their sources."""
