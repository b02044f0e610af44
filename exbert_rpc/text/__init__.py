"""Texts: documents, blocks, sentences and their annotation."""
