"""Jobs: the life of an accepted request at the provider."""
