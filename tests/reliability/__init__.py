"""What the bot promises when processes die, answers get lost and input lies."""
