"""The offer: models as data, their prices, whether they are served, cooldowns."""
