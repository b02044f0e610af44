"""Lays out the sample that ``make lab`` and the end-to-end tests open: ``python lay_out.py FOLDER [TOPICS]``.

The texts to index are the topics of Python's own help, which every CPython has (English technical prose).
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from pydoc_data.topics import topics

DOCUMENTS = Path(__file__).with_name("documents")


def lay_out(folder: Path, count: int = len(topics)) -> None:
    """Copy the documents, and write the first ``count`` topics as text files."""
    shutil.copytree(DOCUMENTS, folder, dirs_exist_ok=True)
    (folder / "topics").mkdir(exist_ok=True)
    for name in sorted(topics)[:count]:
        (folder / "topics" / f"{name}.txt").write_text(topics[name].strip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    lay_out(Path(sys.argv[1]), *map(int, sys.argv[2:]))
