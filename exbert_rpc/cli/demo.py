"""``python -m exbert_rpc.cli.demo``: the three methods, through the server, on a corpus that every Python carries.

The corpus is ``pydoc_data.topics``, Python's own help texts, written out as one file a topic so that every context
found can be opened. The first run indexes it; later ones find it unchanged.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar

import numpy as np

from exbert_rpc.cli.main import INTERRUPTED, one_line
from exbert_rpc.cli.output import Screen
from exbert_rpc.cli.progress import ProgressBar
from exbert_rpc.cli.show_attention import percent, show_heat, token_labels
from exbert_rpc.cli.show_corpora import size
from exbert_rpc.cli.show_hits import show_hits
from exbert_rpc.cli.show_summary import show_summary
from exbert_rpc.client import Client, ServerGone, to_array
from exbert_rpc.errors import ExbertError, StorageFailed
from exbert_rpc.protocol.types.attend import AttendResult
from exbert_rpc.protocol.types.search_contexts import SearchResult

CORPUS = "pydoc"
MODEL = "all-MiniLM-L6-v2"
PIPELINE = "en_core_web_sm"
SENTENCE = "The interpreter keeps a list of modules to avoid loading them twice."
WORD = "avoid"
LAYER, HEAD = 2, 11
SHOWN_HEADS = ((0, 2), (2, 11), (3, 1), (4, 9), (5, 9))
SHOWN_HITS = 10

T = TypeVar("T")


def main() -> int:
    """Run the demo; returns the exit code."""
    screen = Screen.of(sys.stdout)
    with tempfile.TemporaryFile() as log:
        try:
            _run(screen, log)
        except KeyboardInterrupt:
            Screen.of(sys.stderr).line("stopped; make demo again goes on where it was")
            return INTERRUPTED
        except ExbertError as error:
            errors = Screen.of(sys.stderr)
            errors.line(f"demo: {one_line(error)}")
            if isinstance(error, ServerGone):
                log.seek(0)
                errors.write(log.read()[-2000:].decode("utf-8", "replace"))
            return 1
    return 0


def _run(screen: Screen, log: IO[bytes]) -> None:
    store = demo_store()
    texts = write_topics(store / "demo-texts")
    with Client.spawn(["--pipeline", PIPELINE], store=store, model=MODEL, stderr=log) as exbert:
        _index(screen, exbert, texts)
        screen.line()
        screen.line("A sentence, and a word in it:")
        screen.line()
        before, after = SENTENCE.split(WORD)
        screen.line(f"    {before}{screen.boxed(WORD)}{after}")
        answer = _attend(screen, exbert)
        found = _search(screen, exbert, answer)
        _summarize(screen, exbert, found)
    _farewell(screen, store)


def demo_store() -> Path:
    """The folder that the demo keeps its corpus in: where the command line looks for corpora, too."""
    from exbert_rpc.engine.facade import default_store

    named = os.environ.get("EXBERT_RPC_STORE")
    return Path(named).expanduser().absolute() if named else default_store()


def write_topics(folder: Path) -> Path:
    """Write one text file a topic; files that are right already are left alone, so that they count as unchanged.

    Raises:
        StorageFailed: the folder cannot be written.
    """
    from pydoc_data.topics import topics

    try:
        folder.mkdir(parents=True, exist_ok=True)
        wanted = {f"{name}.txt": text.encode("utf-8") for name, text in topics.items()}
        for path in folder.glob("*.txt"):
            if path.name not in wanted:
                path.unlink()
        for name, data in wanted.items():
            path = folder / name
            if not path.is_file() or path.read_bytes() != data:
                path.write_bytes(data)
    except OSError as error:
        hint = "set EXBERT_RPC_STORE to a folder that can be written"
        raise StorageFailed(f"{folder} cannot be written: {error.strerror}", hint=hint) from error
    return folder


def _index(screen: Screen, exbert: Client, texts: Path) -> None:
    started = time.monotonic()
    with ProgressBar(Screen.of(sys.stderr), f"indexing {CORPUS}") as bar:
        report = exbert.index_corpus(
            CORPUS,
            [texts],
            on_progress=lambda step: bar.update(
                step.message, None if step.percentage is None else step.percentage / 100
            ),
        )
    seconds = time.monotonic() - started
    screen.line(
        f"{screen.bold('corpus')} {CORPUS}: Python's help topics, {report.documents} documents, "
        f"{report.sentences:,} sentences, {report.tokens:,} tokens, {size(report.bytes)}"
    )
    done = report.documents - report.unchanged
    what = f"{done} documents indexed" if done else "found unchanged"
    screen.line(f"{screen.bold('model')}  {MODEL} on an unmodified transformers; {what} in {seconds:.1f} s")


def _attend(screen: Screen, exbert: Client) -> AttendResult:
    answer, seconds = _timed(lambda: exbert.attend(text=SENTENCE, tensors="float16"))
    token = next(token.index for token in answer.tokens if token.text == WORD)
    weights = to_array(answer.attention)
    _step(screen, "attend", f'where do heads look from "{WORD}"? percent, a row a head (layer.head)', seconds)
    rows = np.stack([weights[layer, head, token] for layer, head in SHOWN_HEADS])
    names = [f"{layer}.{head}" for layer, head in SHOWN_HEADS]
    show_heat(screen, names, token_labels(answer.tokens), rows, token)
    row = weights[LAYER, HEAD, token].copy()
    row[[one.index for one in answer.tokens if one.is_special]] = 0
    top = int(row.argmax())
    screen.line()
    screen.line(
        f'Head {HEAD} of layer {LAYER} looks at "{answer.tokens[top].text}" ({percent(float(row[top]))}). '
        f"Chance, or does this head know something?"
    )
    return answer


def _search(screen: Screen, exbert: Client, answer: AttendResult) -> SearchResult:
    token = next(token.index for token in answer.tokens if token.text == WORD)
    found, seconds = _timed(
        lambda: exbert.search_contexts(
            CORPUS, capture_id=answer.capture_id, token=token, layer=LAYER, heads=[HEAD], distinct=True
        )
    )
    _step(screen, "searchContexts", f"the words of the corpus that this head represents most like {WORD}", seconds)
    show_hits(screen, found, SHOWN_HITS)
    return found


def _summarize(screen: Screen, exbert: Client, found: SearchResult) -> None:
    answer, seconds = _timed(lambda: exbert.summarize(search_id=found.search_id))
    _step(screen, "summarize", f"what do the {len(found.hits)} nearest have in common?", seconds)
    show_summary(screen, answer, bins=3, attributes=("pos", "offset"))


def _step(screen: Screen, method: str, question: str, seconds: float) -> None:
    screen.line()
    screen.line(screen.dim("─" * screen.width))
    screen.line(f"{screen.bold(method)}  {question}  {screen.dim(f'({1000 * seconds:,.0f} ms)')}")
    screen.line()


def _farewell(screen: Screen, store: Path) -> None:
    named = "EXBERT_RPC_STORE" in os.environ
    where = f" --store {store}" if named else ""
    screen.line()
    screen.line(screen.dim("─" * screen.width))
    screen.line(screen.bold("Next"))
    for line in (
        f'.venv/bin/exbert-rpc attend "Your own words." --layer {LAYER}',
        f'.venv/bin/exbert-rpc search {CORPUS} "Your own words." --token own --layer 4{where}',
        f".venv/bin/exbert-rpc index mine FOLDER{where}    your own texts, Markdown, notebooks",
        "make lab     the same with a picture to click in, in JupyterLab",
        "make vsix    and in VS Code",
    ):
        screen.line(f"  {line}")


def _timed(call: Callable[[], T]) -> tuple[T, float]:
    started = time.monotonic()
    return call(), time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main())
