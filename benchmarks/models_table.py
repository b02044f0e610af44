"""``python -m benchmarks.models_table``: every text class of transformers, tiny and random, against the stock model.

1. A tiny random model of the class is saved as safetensors (:mod:`benchmarks.tiny_models`); windows, chunks and indices
   are of 40 tokens.
2. It is loaded and verified as the server would.
3. Texts of 24 and 96 tokens, alone and in one batch, are compared with the stock model's own eager pass.

Each class has a row: exact, exact without predictions, refused and why, or (what must not be) wrong or an error.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.tiny_models import THRESHOLD, VOCABULARY, TextClass, make_config, text_classes

if TYPE_CHECKING:
    from exbert_rpc.model.loaded import LoadedModel

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "models.md"
LENGTHS = (24, 96)
SECONDS_EACH = 40
LARGEST = 30_000_000
WRONG = 2e-5
"""Relative distance from the stock model up to which nothing more is asked."""
TIMES_EAGER = 6
"""Beyond it, how many times the stock model's own distance from float64 is rounding."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one class; ``result`` is exact, headless, refused, wrong, error or unmade."""

    model_type: str
    name: str
    task: str
    result: str
    detail: str
    seconds: float


class TooLong(Exception):
    """A class took more than its time."""


def main() -> int:
    """Run what is asked for; 1 if something is wrong in silence or an internal error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.models_table", description=__doc__)
    parser.add_argument("--only", help="classes whose name or type contains one of these, separated by commas")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side")
    parser.add_argument("--write", action="store_true", help="put the rows into docs/models.md")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        return _child(given.child)
    parts = given.only.lower().split(",") if given.only else [""]
    classes = [one for one in text_classes() if any(part in f"{one.name} {one.model_type}".lower() for part in parts)]
    findings = _measure(classes, given.jobs)
    for finding in findings:
        print(f"{finding.result:9} {finding.seconds:5.1f} s  {finding.model_type:24} {finding.name}: {finding.detail}")
    counts = Counter(finding.result for finding in findings)
    print(", ".join(f"{count} {result}" for result, count in counts.most_common()))
    if given.write:
        _write(findings)
    return 1 if counts["wrong"] or counts["error"] else 0


def _measure(classes: Sequence[TextClass], jobs: int) -> list[Finding]:
    """Every class, in processes of one thread each."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    names = [json.dumps([asdict(one) for one in classes[start::jobs]]) for start in range(jobs)]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.models_table", "--child", part],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for part in names
    ]
    lines = [line for process in running for line in process.communicate()[0].splitlines() if line.startswith("{")]
    found = [Finding(**json.loads(line)) for line in lines]
    return sorted(found, key=lambda finding: (finding.name.lower(), finding.model_type))


def _child(part: str) -> int:
    import transformers

    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity(50)
    transformers.logging.disable_progress_bar()
    for entry in json.loads(part):
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            try:
                with _limited(SECONDS_EACH):
                    result, detail = _try(TextClass(**entry), Path(folder))
            except TooLong:
                result, detail = "unmade", f"takes longer than {SECONDS_EACH} s"
        finding = Finding(
            entry["model_type"], entry["name"], entry["task"], result, detail, round(time.monotonic() - begun, 1)
        )
        print(json.dumps(asdict(finding)), flush=True)
    return 0


def _try(one: TextClass, folder: Path) -> tuple[str, str]:
    from exbert_rpc.errors import ExbertError

    try:
        stock = _make(one, folder)
    except TooLong:
        raise
    except Exception as exc:  # the recipe does not fit the class
        return "unmade", _line(exc)
    try:
        model = _load(folder, one.name)
    except ExbertError as exc:
        return "refused", f"{exc} ({exc.hint})" if exc.hint.startswith("set ") else str(exc)
    except TooLong:
        raise
    except Exception as exc:
        return "error", f"loading: {_line(exc)}"
    try:
        wrong = _compare(model, stock)
    except ExbertError as exc:
        return "error", f"loaded, then: {exc}"
    except TooLong:
        raise
    except Exception as exc:
        return "error", f"loaded, then: {_line(exc)}"
    if wrong:
        return "wrong", wrong
    return ("exact", "") if model.info.has_lm_head else ("headless", "")


def _make(one: TextClass, folder: Path) -> Any:
    """A tiny random model, saved in ``folder``; gives it with eager attention."""
    import torch
    import transformers

    torch.manual_seed(0)
    cls = getattr(transformers, one.name)
    config = make_config(one)
    with torch.device("meta"):
        size = sum(parameter.numel() for parameter in cls(config).parameters())
    if size > LARGEST:
        raise ValueError(f"its smallest form here has {size} parameters")
    config = make_config(one)
    config._attn_implementation = "eager"  # some classes don't follow when it is set later
    model = cls(config).float().eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1 and "sink" not in name:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    model.save_pretrained(folder)
    return model


def _load(folder: Path, name: str) -> LoadedModel:
    """As ``load_model`` does, with a tokenizer that is not asked for anything."""
    from transformers import AutoConfig

    from exbert_rpc.model import attention_function
    from exbert_rpc.model.encoding import TextTokenizer
    from exbert_rpc.model.loaded import LoadedModel
    from exbert_rpc.model.loading import describe
    from exbert_rpc.model.network import Network
    from exbert_rpc.model.shared_batches import pad_id_of
    from exbert_rpc.model.verify import verify
    from exbert_rpc.model.weights import load_network_weights, weight_files

    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    weights = load_network_weights(folder, config, name, weight_files(folder, name))
    model, has_lm_head = weights.model, weights.has_lm_head
    attention_function.register()
    network = Network(model)
    specials = {0, 1, 2, 3, VOCABULARY - 1}
    facts = verify(
        network, type(model).__name__, has_lm_head=has_lm_head, forbidden_ids=specials, max_tokens=max(LENGTHS) + 4
    )
    info = describe(name, type(model).__name__, facts, has_lm_head, None, "", "cpu")
    forms = [f"<{id_}>" for id_ in range(network.n_embeddings)]
    cut = TextTokenizer(None, forms, facts.max_tokens, None, None, gives_types=False)  # type: ignore[arg-type]
    return LoadedModel(info, network, cut, forms, pad_id_of(network))


def _compare(model: LoadedModel, stock: Any) -> str:
    """In words, what differs from the stock model; empty if nothing does."""
    import torch

    from exbert_rpc.model.loaded import model_inputs

    n_layers = model.info.n_layers
    encodings = [_encoding(length, seed) for seed, length in enumerate(LENGTHS) if length <= model.info.max_tokens]
    both = model.info.kind == "encoderDecoder"
    attending = model.info.attention_layers
    asked = {"hidden_layers": range(n_layers + 1), "layers": attending, "attention_layers": attending}
    batch = model.capture_batch(encodings, **asked)
    for number, (encoding, shared) in enumerate(zip(encodings, batch, strict=True)):
        n = len(encoding.ids)
        inputs: dict[str, Any] = model_inputs([encoding], 0, torch.device("cpu"))
        if both:
            inputs["decoder_input_ids"] = inputs["input_ids"][:, : n - 3]
        found = _found(model, encoding, _encoding(n, number, n - 3) if both else None, shared)
        found = {name: array for name, array in found.items() if not (name == "predictions" and array is None)}
        expected = _expected(model, stock, inputs, found)
        far = {name: _off(array, expected[name]) for name, array in found.items()}
        far = {name: off for name, off in far.items() if not off <= WRONG}
        if far:
            exact = _expected(model, copy.deepcopy(stock).double(), inputs, found)
            far = {name: off for name, off in far.items() if off > TIMES_EAGER * _off(expected[name], exact[name])}
        if far:
            name = next(iter(far))
            return f"{name}, {n} tokens, by {far[name]:.2g}"
    return ""


def _found(model: LoadedModel, encoding: Any, decoder: Any, shared: Any) -> dict[str, Any]:
    """What a pass alone and one in a batch give, by name."""
    from exbert_rpc.errors import InvalidParams

    capture = model.capture(encoding, decoder)
    n_layers, attending = model.info.n_layers, model.info.attention_layers
    found: dict[str, Any] = {f"attention of layer {n}": capture.attention([n])[0] for n in attending}
    found |= {f"hidden state {n}": capture.hidden_state(n) for n in range(n_layers + 1)}
    found |= {f"attention of layer {n} in a batch": own for n, own in zip(attending, shared.attention, strict=True)}
    found |= {f"hidden state {n} in a batch": shared.hidden_states[n] for n in range(n_layers + 1)}
    if decoder is not None:
        for stream in ("decoder", "cross"):
            for n in range(model.info.n_decoder_layers or 0):
                with contextlib.suppress(InvalidParams):  # a decoder may have no cross attention
                    found[f"{stream} attention of layer {n}"] = capture.attention([n], stream=stream)[0]
    predicted = capture.predictions(1)
    found["predictions"] = None if predicted is None else np.array([row[0].probability for row in predicted])
    return found


def _expected(model: LoadedModel, stock: Any, inputs: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    """The same of the stock model."""
    import torch

    body = stock if model.info.has_lm_head else stock.base_model
    with torch.inference_mode():
        out = model._network.call(body, inputs, output_attentions=True, output_hidden_states=True)
    prefix = "encoder_" if model.info.kind == "encoderDecoder" else ""
    given: dict[str, Any] = {}
    for suffix in ("", " in a batch"):
        for n, weights in _by_layer(model, stock, out[f"{prefix}attentions"], inputs["input_ids"].shape[1]).items():
            given[f"attention of layer {n}{suffix}"] = _token_to_token(weights)
        for n, state in enumerate(out[f"{prefix}hidden_states"]):
            given[f"hidden state {n}{suffix}"] = _one_stream(state, model.info.hidden_view)
    for stream in ("decoder", "cross") if prefix else ():
        for n, layer in enumerate(getattr(out, f"{stream}_attentions", None) or ()):
            given[f"{stream} attention of layer {n}"] = _token_to_token(layer[0].numpy())
    if "predictions" in names:
        given["predictions"] = torch.softmax(out.logits[0].double(), -1).max(-1).values.numpy()
    return given


def _by_layer(model: LoadedModel, stock: Any, shown: Sequence[Any], n: int) -> dict[int, np.ndarray]:
    """The stock model's weights by layer, as the stock model itself tells: by the place in its list of layers."""
    weights = [one[0].numpy() for one in shown if one is not None and one.shape[-2] == n]
    times = model.info.attentions_per_layer
    of_layer = [np.concatenate(weights[at : at + times]) for at in range(0, len(weights), times)]
    return dict(zip(_attending(model, stock, len(of_layer)), of_layer, strict=True))


def _attending(model: LoadedModel, stock: Any, count: int) -> Sequence[int]:
    """Layers that the configuration names, or whose modules hold one that is named for attention."""
    import torch

    n_layers = model.info.n_layers
    if count == n_layers:
        return range(n_layers)
    kinds = getattr(stock.config.get_text_config(), "layer_types", None) or ()
    named = [number for number, kind in enumerate(kinds) if "attention" in kind and "linear" not in kind]
    if len(kinds) == n_layers and len(named) == count:
        return named
    stacks = [
        one
        for one in stock.modules()
        if isinstance(one, torch.nn.ModuleList) and len(one) == n_layers and len({type(part) for part in one}) <= 3
    ]
    for stack in stacks:
        found = [number for number, part in enumerate(stack) if _attends(part)]
        if len(found) == count:
            return found
    raise LookupError(f"the stock model attends in {count} of {n_layers} layers, and which ones cannot be told")


def _token_to_token(given: np.ndarray) -> np.ndarray:
    """Weights as they are; of scores their softmax, of windows a matrix with zeros outside of them."""
    if (given < 0).any():
        powers = np.exp(given - given.max(axis=-1, keepdims=True))
        weights: np.ndarray = powers / powers.sum(axis=-1, keepdims=True)
        return weights
    n, width = given.shape[1:]
    if width != THRESHOLD + 1:
        return given
    whole = np.zeros((len(given), n, n), dtype=given.dtype)
    for row in range(n):
        for column in range(width):
            if 0 <= row + column - width // 2 < n:
                whole[:, row, row + column - width // 2] = given[:, row, column]
    return whole


def _attends(layer: Any) -> bool:
    names = [(name, type(module).__name__) for name, module in layer.named_modules()]
    return any(
        "ttention" in kind and not re.search("Mamba|Delta|Lightning|Norm", kind) and not name.endswith("norm")
        for name, kind in names[1:]
    )


def _one_stream(state: Any, view: str | None) -> np.ndarray:
    """What of several residual streams is shown."""
    if state.dim() == 4 and view is not None:
        state = state[0] if view.startswith("the first") else state.mean(dim=2)
    array: np.ndarray = state[0].numpy()
    return array


def _encoding(length: int, seed: int, cut: int | None = None) -> Any:
    from exbert_rpc.model.types import Encoding

    ids = np.random.default_rng(seed).integers(4, VOCABULARY - 1, length)[:cut]
    n = len(ids)
    zeros = np.zeros(n, dtype=np.int32)
    flags = np.zeros(n, dtype=np.bool_)
    return Encoding("x", None, ids.astype(np.int64), ("x",) * n, zeros, zeros, zeros, flags, flags)


def _off(found: np.ndarray, expected: np.ndarray) -> float:
    if found.shape != expected.shape:
        return float("inf")
    return float(np.abs(found - expected).max() / max(1.0, np.abs(expected).max()))


@contextlib.contextmanager
def _limited(seconds: int) -> Iterator[None]:
    def stop(_signal: int, _frame: object) -> None:
        raise TooLong

    # processor time: what a class may take does not depend on what else the machine does
    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _line(exc: BaseException) -> str:
    lines = [line.strip() for line in str(exc).strip().splitlines() if line.strip()] or [""]
    return f"{type(exc).__name__}: {' '.join(lines[:2])[:200]}"


_WORDS = {
    "exact": "exact",
    "headless": "exact, without predictions",
    "refused": "refused",
    "wrong": "**wrong**",
    "error": "**internal error**",
    "unmade": "not tried",
}


def _write(findings: Sequence[Finding]) -> None:
    """Put the rows of some classes, or of all, into the page; those of classes that are gone leave it."""
    begin, end = "<!-- table: begin -->", "<!-- table: end -->"
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.partition(begin)[0], page.partition(end)[2]
    known = [line for line in page.partition(begin)[2].partition(end)[0].splitlines() if line.count(" | ") >= 3][1:]
    rows = {line.split(" | ")[1]: line for line in known} | {finding.name: _row(finding) for finding in findings}
    names = [one.name for one in text_classes() if one.name in rows]
    counts = Counter(rows[name].split(" | ")[2] for name in names)
    head = ", ".join(f"{counts[words]} {words}" for words in _WORDS.values() if counts[words])
    lines = ["| type | class | result | why |", "|---|---|---|---|", *(rows[name] for name in names)]
    text = f"{before}{begin}\n\n{len(names)} classes: {head}.\n\n" + "\n".join(lines) + f"\n\n{end}{after}"
    PAGE.write_text(text, encoding="utf-8")


def _row(finding: Finding) -> str:
    detail = re.sub(r"([|\[\]])", r"\\\1", finding.detail)
    detail = detail.removeprefix(f"{finding.name} ").removeprefix(f"{finding.name}: ")
    return f"| {finding.model_type} | {finding.name} | {_WORDS[finding.result]} | {detail} |"


if __name__ == "__main__":
    sys.exit(main())
