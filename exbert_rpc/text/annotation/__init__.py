"""spaCy pipelines: what they say of a text, in processes of their own."""
