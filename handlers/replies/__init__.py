"""What is sent back: words, buttons, videos, and how sending them can end."""
