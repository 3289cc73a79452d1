"""Updates: taken from Telegram, stored, handed out in order per chat."""
