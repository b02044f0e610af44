"""One module a section; each has ``run(scale) -> list[Row]``."""
