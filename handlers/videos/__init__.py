"""Finished videos: results, history, sharing, another one like it."""
