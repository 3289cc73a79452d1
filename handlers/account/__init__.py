"""A person's account: welcome, quota, settings, models."""
