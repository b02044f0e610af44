"""Writes a notebook as a kernel leaves it when it is saved: a result of `attend`, and the view in a cell's output.

Run with the path of the notebook, a model, and a folder for corpora.
"""

import json
import sys
from pathlib import Path

import exbert_rpc.notebook as exbert

TEXT = "The girl ran to a local pub."


def cell(source: str, output: dict[str, object]) -> dict[str, object]:
    """A code cell with one output."""
    shown = {"output_type": "display_data", "metadata": {}, "data": output}
    made = {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": [shown], "source": source}
    return made


def main(path: str, model: str, store: str) -> None:
    """Ask, and write what a kernel would."""
    result = exbert.local(model=model, store=store).attend(text=TEXT)
    bundle = exbert.view(TEXT, model=model, store=store)._repr_mimebundle_()
    assert bundle is not None
    cells = [
        cell("local.attend(text=TEXT)", {"text/html": result._repr_html_(), "text/plain": "an answer"}),
        cell("exbert.view(TEXT)", {"text/plain": "a view", **bundle[0]}),
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 2}
    Path(path).write_text(json.dumps(notebook), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
