"""The bot's face in Telegram: one module per thing a person does."""
