"""Figures of docs/benchmarks.md: ``python -m benchmarks`` (see docs/benchmarks.md for what each one means)."""
