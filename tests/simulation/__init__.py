"""Simulates days of the bot in seconds: virtual time, a real database, seeded faults."""
