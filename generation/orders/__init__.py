"""Orders: from options to a quote to an accepted, paid request."""
