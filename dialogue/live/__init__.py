"""Live conversation: the caller is heard while the assistant speaks, and may cut in."""
