"""Passes over texts that a session keeps, and what may be asked of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exbert_rpc.engine.requests import TextInput
from exbert_rpc.errors import InvalidParams
from exbert_rpc.model.types import Capture, Encoding
from exbert_rpc.tasks import Progress, Task

if TYPE_CHECKING:
    from exbert_rpc.model.loaded import LoadedModel


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass that is kept, with the model that can still be asked about it.

    Attributes:
        model: What ran.
        capture: What it left.
        ablated: Pairs of layer and head that gave a constant instead of their output.
    """

    model: LoadedModel
    capture: Capture
    ablated: tuple[tuple[int, int], ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes that it keeps in memory."""
        return self.capture.nbytes


def read_text(model: LoadedModel, given: TextInput | None, task: Task, generate: int = 0) -> Pass:
    """One pass over a text input, and over as many tokens that the model writes behind it.

    Raises:
        InvalidParams: no text, one that cannot be read, or a model that does not write.
        TextTooLong: more tokens than the model takes.
    """
    if given is None:
        raise InvalidParams("text", "is missing", hint="give `text`, `textDocument` with `range`, or `captureId`")
    encoding = _tokenize(model, given, continues=generate > 0)
    task.check()
    if generate:
        encoding = _continued(model, encoding, generate, task)
    return Pass(model, model.capture(encoding))


def continue_pass(kept: Pass, n: int, task: Task) -> Pass:
    """A pass over the tokens of an earlier one, and over ``n`` more that the model writes.

    Raises:
        InvalidParams: the model does not write, or heads were replaced in the earlier pass.
        TextTooLong: more tokens than the model takes.
    """
    check_unchanged(kept)
    return Pass(kept.model, kept.model.capture(_continued(kept.model, kept.capture.encoding, n, task)))


def _continued(model: LoadedModel, encoding: Encoding, n: int, task: Task) -> Encoding:
    def watch(written: int) -> None:
        task.check()
        task.report(Progress("writing", written, n))

    return model.continued(encoding, n, watch)


def _tokenize(model: LoadedModel, given: TextInput, *, continues: bool) -> Encoding:
    parse = given.special_tokens == "parse"
    if given.messages is not None:
        return model.prompts.tokenize_messages(given.messages, given.mask, parse=parse, continues=continues)
    if not parse:
        return model.tokenize(given.text, given.pair, given.mask)
    if given.pair is not None and model.info.kind == "encoderDecoder":
        raise InvalidParams(
            "specialTokens", "a decoder's text is not parsed", hint="Leave it out, or send `text` without `textPair`."
        )
    return model.prompts.parse(given.text, given.pair, given.mask)


def check_unchanged(kept: Pass) -> None:
    """Raise ``InvalidParams`` for a pass with heads replaced, which cannot be run again from its text alone."""
    if kept.ablated:
        named = ", ".join(f"{layer}.{head}" for layer, head in kept.ablated[:8])
        raise InvalidParams(
            "captureId", f"in this pass heads ({named}) were replaced", hint="send the text, or the unchanged capture"
        )


def chosen_layers(given: Sequence[int] | None, n_layers: int, field: str) -> tuple[int, ...]:
    """Layers asked for, all of them if none are named; raises ``InvalidParams`` for one that is not there."""
    return _chosen(given, n_layers, field, "layer")


def chosen_heads(given: Sequence[int] | None, n_heads: int) -> tuple[int, ...]:
    """Heads asked for, all of them if none are named; raises ``InvalidParams`` for one that is not there."""
    return _chosen(given, n_heads, "heads", "head")


def _chosen(given: Sequence[int] | None, size: int, field: str, what: str) -> tuple[int, ...]:
    if given is None:
        return tuple(range(size))
    if len(given) == 0:
        raise InvalidParams(field, f"names no {what}", hint=f"leave it out for all {size} {what}s")
    wrong = [index for index in given if not 0 <= index < size]
    if wrong:
        raise InvalidParams(field, f"{wrong[0]} is out of range", hint=f"{what}s are 0 to {size - 1}", allowed=size - 1)
    return tuple(dict.fromkeys(given))
