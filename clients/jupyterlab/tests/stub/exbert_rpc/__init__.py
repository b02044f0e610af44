"""A stand-in for the server: echoes, crashes and waits on demand, so that the bridge alone is tested."""
