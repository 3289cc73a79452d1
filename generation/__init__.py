"""What a video request is: models, prices, the provider, media, credits and its life."""
