"""The bot at home in groups: its manners, its budget for speaking, its buttons."""
