"""Building a corpus: which blocks must be computed, how, and into which segments."""
