"""Invented calls for a desk that has none yet: what callers say, played through the real rules."""
