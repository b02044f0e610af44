"""Building a corpus, against spaCy and the forward pass by themselves.

The limit is what both would take if they overlapped perfectly on the same cores::

    ideal = max((spaCy's CPU time + the forward passes' CPU time) / cores, time of the forward passes on all cores)

The second term is there because the forward passes follow each other. spaCy's does not: it can be split.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import torch

from benchmarks.ideal import Spent, ideal_seconds, spent
from benchmarks.models import MINILM, stock_model, tokenizer
from benchmarks.rows import Row, at_least, reported
from benchmarks.scale import ROOT, Scale
from benchmarks.texts import paragraphs, sentences
from exbert_rpc.corpus.batches import length_batches
from exbert_rpc.engine import Engine
from exbert_rpc.engine.corpus_requests import IndexRequest
from exbert_rpc.tasks import Task

SECTION = "Build: speed"
_CHARACTERS_A_TOKEN = 4.4
_ROUNDS = 3


def run(scale: Scale) -> list[Row]:
    """Rounds of all three in turns."""
    texts = paragraphs(int(scale.built * _CHARACTERS_A_TOKEN))
    inputs = _batches(texts)
    n_tokens = sum(int(batch["attention_mask"].sum()) for batch in inputs)
    model = stock_model("sdpa")
    builds: list[float] = []
    edits: list[float] = []
    ratios: list[float] = []
    last = (Spent(0, 0), Spent(0, 0))
    with tempfile.TemporaryDirectory() as store:
        engine = Engine(Path(store), default_model=MINILM)
        try:
            engine.warm_up(Task())
            _index(engine, "warm-up", paragraphs(4000))
            spent(lambda: _forward(model, inputs[:4]))
            for number in range(_ROUNDS):
                builds.append(_index(engine, f"corpus-{number}", texts))
                edits.append(_index(engine, f"corpus-{number}", ["One more sentence stands here.", *texts]))
                last = (_spacy_alone(texts), spent(lambda: _forward(model, inputs)))
                ratios.append(ideal_seconds(*last) / builds[-1])
        finally:
            engine.close()
    return _rows(n_tokens, builds, edits, ratios, last)


def _rows(
    n_tokens: int, builds: Sequence[float], edits: Sequence[float], ratios: Sequence[float], last: tuple[Spent, Spent]
) -> list[Row]:
    spacy, forward = last
    seconds = median(builds)
    return [
        at_least(
            SECTION,
            f"tokens per second, {n_tokens:,} tokens, all layers, both spaces, int8",
            "spaCy + forward pass, perfectly overlapped",
            0.75,
            median(ratios),
            "",
            f"{n_tokens / seconds:,.0f} tokens/s against {n_tokens / ideal_seconds(spacy, forward):,.0f}",
        ),
        reported(SECTION, "spaCy alone, one process", n_tokens / spacy.wall, "/s", f"{spacy.cpu:.1f} s of CPU"),
        reported(
            SECTION,
            "forward pass alone, the same batches, all cores",
            n_tokens / forward.wall,
            "/s",
            f"{forward.cpu:.1f} s of CPU",
        ),
        reported(SECTION, "index again after one paragraph was added", median(edits), "s", "everything included"),
    ]


def _index(engine: Engine, corpus: str, texts: Sequence[str]) -> float:
    request = IndexRequest(corpus, (("bench:/text.txt", "\n\n".join(texts)),))
    started = time.perf_counter()
    engine.index_corpus(request, Task())
    return time.perf_counter() - started


def _batches(texts: Sequence[str]) -> list[dict[str, torch.Tensor]]:
    """The sentences of the texts in batches as a build makes them."""
    some = sentences()[: 5 * len(texts)]
    ids = [tokenizer()(one, truncation=True)["input_ids"] for one in some]
    batches = list(length_batches([len(one) for one in ids]))
    return [tokenizer().pad({"input_ids": [ids[index] for index in batch]}, return_tensors="pt") for batch in batches]


def _forward(model: Callable[..., object], inputs: Sequence[dict[str, torch.Tensor]]) -> None:
    with torch.inference_mode():
        for batch in inputs:
            model(**batch)


_SPACY = """
import sys, time, json
from exbert_rpc.text.annotation.pipeline import Annotator
texts = json.load(sys.stdin)
annotator = Annotator("en_core_web_sm")
for _ in annotator.annotate_many(texts[:20]): pass
wall, cpu = time.perf_counter(), time.process_time()
for _ in annotator.annotate_many(texts): pass
print(time.perf_counter() - wall, time.process_time() - cpu)
"""


def _spacy_alone(texts: Sequence[str]) -> Spent:
    """spaCy in a process of its own, as the build runs it, without anything beside it."""
    import json

    done = subprocess.run(
        [sys.executable, "-c", _SPACY], input=json.dumps(texts), cwd=ROOT, check=True, capture_output=True, text=True
    )
    wall, cpu = map(float, done.stdout.split())
    return Spent(wall, cpu)
