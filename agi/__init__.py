"""Door 1: turn-by-turn calls over FastAGI, and the classic AGI script that relays to it."""
