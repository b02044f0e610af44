"""Models: loading them, and one forward pass as arrays."""
