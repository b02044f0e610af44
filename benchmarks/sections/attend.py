"""attend, against the bare forward pass and against BertViz."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path

import msgspec
from bertviz import head_view

from benchmarks.ideal import Spent, ideal_seconds, middle, spent
from benchmarks.models import MINILM, bare_pass, count_tokens, stock_model, tokenizer
from benchmarks.rows import Row, at_least, at_most, reported
from benchmarks.scale import Scale
from benchmarks.texts import text_of
from benchmarks.timing import Times, interleaved
from exbert_rpc.client import Client
from exbert_rpc.engine import Engine
from exbert_rpc.engine.defaults import DEFAULT_PIPELINE
from exbert_rpc.engine.requests import AttendRequest, TextInput
from exbert_rpc.protocol.tensors import encode_tensor
from exbert_rpc.tasks import Task
from exbert_rpc.text.annotation.pipeline import Annotator

SECTION = "Attend"
_LAYER = 2
_LENGTHS = (32, 256)


def run(scale: Scale) -> list[Row]:
    """One layer against the bare pass, all layers against BertViz."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as store:
        engine = Engine(Path(store), default_model=MINILM)
        client = Client.spawn(store=store, model=MINILM, stderr=subprocess.DEVNULL)
        try:
            for length in _LENGTHS:
                # what was annotated lately is kept: every round has a text of its own
                texts = [text_of(length, count_tokens, 10 * number) for number in range(4 * scale.rounds)]
                rows += _one_layer(engine, client, texts, length, scale.rounds)
                rows += _all_layers(engine, client, texts, length, max(3, scale.rounds // 3))
        finally:
            client.close()
            engine.close()
    return rows


def _one_layer(engine: Engine, client: Client, texts: Sequence[str], length: int, rounds: int) -> list[Row]:
    bare, annotator, following = bare_pass(stock_model("sdpa"), texts[0]), Annotator(DEFAULT_PIPELINE), cycle(texts)
    passes: list[Spent] = []
    pipelines: list[Spent] = []
    calls = {
        "bare": lambda: passes.append(spent(bare)),
        "spaCy": lambda: pipelines.append(spent(lambda: annotator.annotate(next(following)))),
        "engine": _through_engine(engine, texts, (_LAYER,), annotate=False),
        "engine, annotated": _through_engine(engine, texts, (_LAYER,), annotate=True),
        "server": _through_server(client, texts, (_LAYER,), annotate=False),
        "server, annotated": _through_server(client, texts[::-1], (_LAYER,), annotate=True),
    }
    times = interleaved(calls, 2 * rounds, warm_up=4)
    rows = [
        at_most(
            SECTION,
            f"one layer, {length} tokens, float16, {_words(name)}",
            "bare SDPA pass",
            1.3,
            times.ratio(name, "bare"),
            "×",
            _ms(times, name, "bare"),
        )
        for name in calls
        if name not in ("bare", "spaCy")
    ]
    return [*rows, _annotated_at_best(middle(passes), middle(pipelines), length)]


def _annotated_at_best(forward: Spent, spacy: Spent, length: int) -> Row:
    """Pass and pipeline at the same time, shared between the cores without any loss: no annotated attend is faster."""
    return reported(
        SECTION,
        f"{length} tokens, pass and pipeline at once, shared perfectly between the cores",
        ideal_seconds(spacy, forward) / forward.wall,
        "×",
        f"{1000 * forward.cpu:.1f} ms of processor time and {1000 * spacy.cpu:.1f}, on {os.cpu_count()} cores",
        "bare SDPA pass",
    )


def _all_layers(engine: Engine, client: Client, texts: Sequence[str], length: int, rounds: int) -> list[Row]:
    calls = {
        "bertviz": _bertviz(texts[0]),
        "bare": bare_pass(stock_model("sdpa"), texts[0]),
        "engine": _through_engine(engine, texts, None, annotate=False),
        "server": _through_server(client, texts, None, annotate=False),
        "server, annotated": _through_server(client, texts, None, annotate=True),
    }
    times = interleaved(calls, rounds)
    theirs = len(calls["bertviz"]())
    ours = len(msgspec.json.encode(client.attend(text=texts[0], annotate=True, tensors="float16")))
    what, peer = f"all layers, {length} tokens, float16", "BertViz head_view"
    rows = [
        at_least(
            SECTION,
            f"{what}, {_words(name)}: times faster",
            peer,
            5,
            times.ratio("bertviz", name),
            "×",
            _ms(times, name, "bertviz"),
        )
        for name in ("engine", "server")
    ]
    rows += [
        reported(SECTION, f"{said}: times faster", times.ratio("bertviz", name), "×", _ms(times, name, "bertviz"), peer)
        for name, said in (
            ("server, annotated", f"{what}, {_words('server, annotated')}"),
            ("bare", f"bare SDPA pass, {length} tokens, no attention kept"),
        )
    ]
    rows.append(
        at_least(
            SECTION,
            f"{what}: answer times smaller, annotations included",
            "BertViz's HTML",
            5,
            theirs / ours,
            "×",
            f"{ours / 1e6:.2f} MB against {theirs / 1e6:.2f} MB",
        )
    )
    return rows


def _through_engine(
    engine: Engine, texts: Sequence[str], layers: tuple[int, ...] | None, *, annotate: bool
) -> Callable[[], object]:
    following = cycle(texts)

    def call() -> object:
        request = AttendRequest("bench", TextInput(next(following)), layers=layers, annotate=annotate)
        return encode_tensor(engine.attend(request, Task()).attention, "float16")

    return call


def _through_server(
    client: Client, texts: Sequence[str], layers: tuple[int, ...] | None, *, annotate: bool
) -> Callable[[], object]:
    following = cycle(texts)
    return lambda: client.attend(text=next(following), layers=layers, annotate=annotate, tensors="float16")


def _bertviz(text: str) -> Callable[[], str]:
    run = bare_pass(stock_model("eager"), text, output_attentions=True)

    def draw() -> str:
        tokens = tokenizer().convert_ids_to_tokens(tokenizer()(text)["input_ids"])
        return str(head_view(run().attentions, tokens, html_action="return").data)

    return draw


def _words(name: str) -> str:
    where, _, annotated = name.partition(", ")
    place = {"engine": "through the engine", "server": "through the stdio server"}[where]
    return f"{place}, annotated" if annotated else place


def _ms(times: Times, name: str, of: str) -> str:
    return f"{times.ms(name):.1f} ms against {times.ms(of):.1f} ms"
