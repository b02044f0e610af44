"""``exbert-rpc demo``: five questions, asked through the server, on a corpus of speeches.

The texts are written out as one file a speech, so that every context found can be opened. The first run indexes them;
later ones find them unchanged.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar

import numpy as np

from exbert_rpc.cli.carriers import CARRIERS
from exbert_rpc.cli.demo_texts import write_addresses
from exbert_rpc.cli.main import INTERRUPTED, one_line
from exbert_rpc.cli.output import Screen
from exbert_rpc.cli.progress import ProgressBar
from exbert_rpc.cli.setup import install, offer
from exbert_rpc.cli.show_attention import percent, show_heat, token_labels
from exbert_rpc.cli.show_corpora import size
from exbert_rpc.cli.show_heads import show_findings, show_vocabulary
from exbert_rpc.cli.show_hits import show_hits
from exbert_rpc.cli.show_summary import show_summary
from exbert_rpc.cli.text import wrap
from exbert_rpc.client import Client, ServerGone, to_array
from exbert_rpc.errors import ExbertError
from exbert_rpc.protocol.types.ablate_heads import HeadIndex
from exbert_rpc.protocol.types.attend import AttendResult
from exbert_rpc.protocol.types.search_contexts import SearchResult

CORPUS = "speeches"
MODEL = "all-MiniLM-L6-v2"
PIPELINE = "en_core_web_sm"
SENTENCE = "The girl ran to a local pub to escape the din of her city."
WORD = "escape"
LAYER, HEAD = 2, 11
SHOWN_HEADS = ((0, 2), (2, 11), (3, 1), (4, 9), (5, 9))
CARD = (5, 9)
OPPOSITES = ("He won the game.", "He lost the game.")
SAME = ("The house is big.", "The house is large.")
SHOWN_HITS = 8

T = TypeVar("T")


def demo(options: Namespace) -> int:
    """Offer to install what the demo needs, then run it."""
    screen = Screen.of(sys.stdout)
    missing = [one for one in CARRIERS if one.for_demo and one.found is None]
    if missing:
        screen.line("The demo needs:")
        if not offer(screen, missing, yes=options.yes):
            return 1
        install(missing)
        importlib.invalidate_caches()
    return ask(screen)


def ask(screen: Screen) -> int:
    """Ask the questions; returns the exit code."""
    with tempfile.TemporaryFile() as log:
        try:
            _run(screen, log)
        except KeyboardInterrupt:
            Screen.of(sys.stderr).line("stopped; the demo goes on where it was when it is run again")
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
    started = time.monotonic()
    store = demo_store()
    texts = write_addresses(store / "demo-texts")
    with Client.spawn(["--pipeline", PIPELINE], store=store, model=MODEL, stderr=log) as exbert:
        _index(screen, exbert, texts)
        _sentence(screen)
        answer = _attend(screen, exbert)
        found = _search(screen, exbert, answer)
        _summarize(screen, exbert, found)
        _profile(screen, exbert)
        _ablate(screen, exbert)
    _farewell(screen, store, time.monotonic() - started)


def demo_store() -> Path:
    """The folder that the demo keeps its corpus in: where the command line looks for corpora, too."""
    from exbert_rpc.engine.facade import default_store

    named = os.environ.get("EXBERT_RPC_STORE")
    return Path(named).expanduser().absolute() if named else default_store()


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
        f"{screen.bold('corpus')} {CORPUS}: presidents' messages to Congress, {report.documents} documents, "
        f"{report.sentences:,} sentences, {report.tokens:,} tokens, {size(report.bytes)}"
    )
    done = report.documents - report.unchanged
    what = f"{done} documents indexed" if done else "found unchanged"
    screen.line(f"{screen.bold('model')}  {MODEL} on an unmodified transformers; {what} in {seconds:.1f} s")


def _sentence(screen: Screen) -> None:
    before, after = SENTENCE.split(WORD)
    screen.line()
    screen.line("A sentence, and a word in it:")
    screen.line()
    screen.line(f"    {before}{screen.boxed(WORD)}{after}")


def _attend(screen: Screen, exbert: Client) -> AttendResult:
    answer, seconds = _timed(lambda: exbert.attend(text=SENTENCE, tensors="float16"))
    token = next(token.index for token in answer.tokens if token.text == WORD)
    weights = to_array(answer.attention)
    _step(screen, "attend", f'where do heads look from "{WORD}"? (in percent; each row is a head: layer.head)', seconds)
    rows = np.stack([weights[layer, head, token] for layer, head in SHOWN_HEADS])
    names = [f"{layer}.{head}" for layer, head in SHOWN_HEADS]
    show_heat(screen, names, token_labels(answer.tokens), rows, token)
    row = weights[LAYER, HEAD, token].copy()
    row[[one.index for one in answer.tokens if one.is_special]] = 0
    top = int(row.argmax())
    screen.line()
    screen.line(
        f'Head {HEAD} of layer {LAYER} looks at "{answer.tokens[top].text}" ({percent(float(row[top]))}). '
        f"Is that chance, or is it what this head does?"
    )
    return answer


def _search(screen: Screen, exbert: Client, answer: AttendResult) -> SearchResult:
    token = next(token.index for token in answer.tokens if token.text == WORD)
    found, seconds = _timed(
        lambda: exbert.search_contexts(
            CORPUS, capture_id=answer.capture_id, token=token, layer=LAYER, heads=[HEAD], distinct=True
        )
    )
    _step(screen, "searchContexts", f'which words of the corpus does head {LAYER}.{HEAD} treat like "{WORD}"?', seconds)
    show_hits(screen, found, SHOWN_HITS)
    return found


def _summarize(screen: Screen, exbert: Client, found: SearchResult) -> None:
    answer, seconds = _timed(lambda: exbert.summarize(search_id=found.search_id))
    _step(screen, "summarize", f"what do the {len(found.hits)} nearest have in common?", seconds)
    show_summary(screen, answer, bins=2, attributes=("pos",))


def _profile(screen: Screen, exbert: Client) -> None:
    layer, head = CARD
    answer, seconds = _timed(lambda: exbert.profile_heads(CORPUS, layers=[layer], heads=[head]))
    [one] = answer.heads
    _step(screen, "profileHeads", f"what does another head, {layer}.{head}, do in all of the corpus?", seconds)
    show_findings(screen, one)
    show_vocabulary(screen, one)


def _ablate(screen: Screen, exbert: Client) -> None:
    layer, head = CARD
    answer, seconds = _timed(lambda: exbert.ablate_heads(text=OPPOSITES[0], against=OPPOSITES[1], heads="each"))
    _step(screen, "ablateHeads", "does that matter? each head in turn gives only its mean output", seconds)
    effects = {(one.layer, one.head): one for one in answer.effects}
    without = effects.pop(CARD)
    others = max(one.delta for one in effects.values())
    _say(
        screen,
        f'"{OPPOSITES[0]}" and "{OPPOSITES[1]}" are opposites. The cosine of their embeddings is {answer.base:.3f}. '
        f"Without head {layer}.{head} it is {without.value:.3f} ({without.delta:+.3f}). "
        f"None of the other {len(effects)} heads adds more than {others:+.3f}.",
    )
    same = exbert.ablate_heads(text=SAME[0], against=SAME[1], heads=[HeadIndex(layer=layer, head=head)])
    _say(
        screen,
        f'"{SAME[0]}" and "{SAME[1]}" mean the same: {same.base:.3f} with the head, '
        f"{same.effects[0].value:.3f} without it.",
    )
    _say(screen, f"So head {layer}.{head} helps this model to tell opposites apart. More pairs: docs/story.md.")


def _say(screen: Screen, text: str) -> None:
    for line in wrap(text, screen.width, ""):
        screen.line(line)


def _step(screen: Screen, method: str, question: str, seconds: float) -> None:
    screen.line()
    screen.line(screen.dim("─" * screen.width))
    screen.line(f"{screen.bold(method)}  {question}  {screen.dim(f'({1000 * seconds:,.0f} ms)')}")
    screen.line()


def _farewell(screen: Screen, store: Path, seconds: float) -> None:
    named = "EXBERT_RPC_STORE" in os.environ
    where = f" --store {store}" if named else ""
    command = own_command()
    screen.line()
    screen.line(screen.dim("─" * screen.width))
    screen.line(f"{screen.bold('Next')}  {screen.dim(f'(all of this took {seconds:.0f} s)')}")
    for line in (
        f'{command} report "Your own words." --corpus {CORPUS} -o page.html{where}    a page to click in',
        f'{command} search {CORPUS} "Your own words." --token own --layer 4{where}',
        f"{command} heads {CORPUS}{where}    a line for each head",
        f"{command} index mine FOLDER{where}    your own texts: Markdown, notebooks, tables, treebanks",
    ):
        screen.line(f"  {line}")


def own_command() -> str:
    """How a person calls this program: by its name where a shell finds it, else by its path."""
    beside = Path(sys.executable).with_name("exbert-rpc")
    found = shutil.which("exbert-rpc")
    if found is not None and Path(found) == beside:
        return "exbert-rpc"
    here = Path.cwd()
    return str(beside.relative_to(here) if beside.is_relative_to(here) else beside)


def _timed(call: Callable[[], T]) -> tuple[T, float]:
    started = time.monotonic()
    return call(), time.monotonic() - started
