"""JSON-RPC: wire types, sessions and transports."""
