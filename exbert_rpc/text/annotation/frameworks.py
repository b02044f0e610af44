"""spaCy without torch, for pipelines that do not use it.

thinc, on which spaCy stands, imports torch wherever that is installed. In a process that annotates only, torch would be
two thirds of the memory and of the time in which the process starts.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import util
from pathlib import Path

_NAMED = re.compile(r'^(factory|@architectures|@layers) *= *"(.+)"$', re.MULTILINE)
_SPACES_OWN = ("spacy.", "spacy-legacy.")
_FACTORIES = frozenset(
    (
        *("attribute_ruler", "doc_cleaner", "entity_linker", "entity_ruler", "future_entity_ruler", "lemmatizer"),
        *("merge_entities", "merge_noun_chunks", "merge_subtokens", "morphologizer", "ner", "parser", "sentencizer"),
        *("senter", "span_finder", "span_ruler", "spancat", "spancat_singlelabel", "tagger", "textcat"),
        *("textcat_multilabel", "tok2vec", "token_splitter", "trainable_lemmatizer"),
    )
)


def needs_torch(folder: Path) -> bool:
    """Whether a pipeline may use torch: unless all of its components and their networks are spaCy's own.

    Args:
        folder: Where the pipeline was saved to. Without a readable ``config.cfg`` it may.
    """
    try:
        config = (folder / "config.cfg").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return True
    named = _NAMED.findall(config)
    return not named or not all(_is_spacys_own(kind, name) for kind, name in named)


def _is_spacys_own(kind: str, name: str) -> bool:
    return name in _FACTORIES if kind == "factory" else name.startswith(_SPACES_OWN)


def package_folder(package: str) -> Path | None:
    """The folder of the pipeline in an installed package, found without running the package's code."""
    spec = util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    return next((path.parent for path in sorted(root.glob("*/config.cfg"))), root)


@contextmanager
def without_torch() -> Iterator[None]:
    """Let spaCy be imported inside the block as if torch were not installed; without effect where one of them is."""
    if "torch" in sys.modules or "thinc" in sys.modules:
        yield
        return
    sys.modules["torch"] = None  # type: ignore[assignment]  # what Python documents for a module not to be found
    try:
        yield
    finally:
        del sys.modules["torch"]
