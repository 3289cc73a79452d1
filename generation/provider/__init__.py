"""The AI/ML API: its client, answers, errors and request log."""
