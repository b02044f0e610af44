"""Corpora on disk: vectors, store, build and search."""
