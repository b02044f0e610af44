"""Lays out the sample that ``make lab`` and the end-to-end tests open: ``python sample.py FOLDER [TOPICS]``.

The texts to index are the topics of Python's own help, which every CPython has (English technical prose).
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from pydoc_data.topics import topics

SAMPLE = Path(__file__).parents[1] / "sample"


def lay_out(folder: Path, count: int) -> None:
    """Copy the documents, and write the first ``count`` topics as text files."""
    shutil.copytree(SAMPLE, folder, dirs_exist_ok=True)
    (folder / "topics").mkdir(exist_ok=True)
    for name in sorted(topics)[:count]:
        (folder / "topics" / f"{name}.txt").write_text(topics[name].strip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    lay_out(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else len(topics))
