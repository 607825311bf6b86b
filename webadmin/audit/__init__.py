"""Who did what in the office, for ever: an append-only log."""
