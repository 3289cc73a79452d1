"""Admins: statistics, grants, access, bans, limits, refunds."""
