"""See inside a Transformer: its attention, and the contexts of a corpus that it represents alike."""

__all__ = ["__version__"]

__version__ = "0.1.0"
