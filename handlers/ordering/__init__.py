"""Ordering: from a message or a tap to an accepted order."""
