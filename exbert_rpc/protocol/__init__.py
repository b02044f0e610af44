"""The wire, once: types, JSON-RPC messages, framing, tensors, positions, error codes, schema.

Client, server and command line share it.
"""
