"""What kinds of files can be read, one module each; :mod:`~exbert_rpc.text.formats.registry` chooses among them."""
