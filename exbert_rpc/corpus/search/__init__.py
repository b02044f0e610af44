"""A corpus opened for reading, and the search for its nearest contexts."""
