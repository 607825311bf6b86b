"""Door 2: live conversation. A Stasis application with its own ARI client and media transports."""
