"""What hits have in common: pure functions on arrays."""
