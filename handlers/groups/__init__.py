"""Groups: arrival, settings, reports."""
