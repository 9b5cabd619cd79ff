"""Check that a checkout has all it needs."""
