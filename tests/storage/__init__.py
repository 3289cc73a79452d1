"""SQLite files on the disk: what they keep, refuse and forget."""
