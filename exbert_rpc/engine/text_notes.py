"""What a reader of tokens must know of them: what a text holds that the model reads otherwise, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.model.types import Capture, Encoding

if TYPE_CHECKING:
    from exbert_rpc.model.prompts import Prompts

_MOST_NAMED = 5


def text_notes(
    capture: Capture, prompts: Prompts, generation_settings: Mapping[str, Any] = MappingProxyType({})
) -> tuple[str, ...]:
    """Sentences about the texts of a pass: dropped characters, unknown ones, typed and generated special tokens."""
    encoding = capture.encoding
    segments = [(0, encoding.text)]
    if encoding.pair is not None and capture.decoder_encoding is None:  # a decoder reads the pair aside
        segments.append((1, encoding.pair))
    notes = (*_dropped(encoding, segments), *_unknown(encoding, prompts.unknown_id), *_typed(encoding, prompts))
    return (*notes, *_stripped(encoding), *_chosen_otherwise(encoding, generation_settings))


def _dropped(encoding: Encoding, segments: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    """Which characters of its texts no token covers, if any: some tokenizers drop what their vocabulary lacks."""
    found = []
    for segment, text in segments:
        bare = np.flatnonzero(_covered(encoding, encoding.segment == segment, text) == 0).tolist()
        found += [text[at] for at in bare if not text[at].isspace()]
    if not found:
        return ()
    named = ", ".join(f"U+{ord(one):04X}" for one in dict.fromkeys(found))
    return (f"the tokenizer drops {len(found)} characters, which the model does not see: {named[:200]}",)


def _unknown(encoding: Encoding, unknown: int | None) -> tuple[str, ...]:
    """Which characters are no tokens of the vocabulary."""
    if unknown is None:
        return ()
    places = np.flatnonzero((encoding.ids == unknown) & ~encoding.is_special)
    if len(places) == 0:
        return ()
    pieces = list(dict.fromkeys(_piece(encoding, int(index)) for index in places))
    more = f" and {len(pieces) - _MOST_NAMED} more" if len(pieces) > _MOST_NAMED else ""
    named = ", ".join(repr(piece[:20]) for piece in pieces[:_MOST_NAMED])
    form = encoding.tokens[int(places[0])]
    which = "1 token is" if len(places) == 1 else f"{len(places)} tokens are"
    return (f"{which} not in the model's vocabulary; the model reads {form} for {named}{more}",)


def _typed(encoding: Encoding, prompts: Prompts) -> tuple[str, ...]:
    """Which special tokens the text holds as ordinary characters."""
    parsed = {_piece(encoding, index).strip() for index in _parsed(encoding)}
    found = [spelling for spelling in prompts.special_in(*_texts(encoding)) if spelling.strip() not in parsed]
    if not found:
        return ()
    named = ", ".join(repr(spelling) for spelling in found[:_MOST_NAMED])
    return (
        f"the text holds the text of special tokens ({named}), which is read as ordinary characters; "
        'with `specialTokens: "parse"` they are the special tokens',
    )


def _stripped(encoding: Encoding) -> tuple[str, ...]:
    """Whose white space the chat template does not show."""
    places = encoding.messages or ()
    which = [str(n) for n, one in enumerate(places) if one.end - one.start < len(one.content)]
    return (f"the chat template strips white space at the ends of message {', '.join(which)}",) if which else ()


def _chosen_otherwise(encoding: Encoding, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """By which settings generated tokens may be others than the likeliest ones."""
    if encoding.generated is None or not encoding.generated.any() or not settings:
        return ()
    named = ", ".join(name if value is ... else f"{name} {value:g}" for name, value in settings.items())
    return (
        f"the model's generation_config holds for generated tokens, as in transformers' generate ({named}); "
        "they may be others than the likeliest ones",
    )


def _parsed(encoding: Encoding) -> list[int]:
    """Special tokens that stand in the text, or in the content of a message."""
    inside = encoding.start < encoding.end
    if encoding.messages is not None:
        inside &= np.any([(encoding.start < p.end) & (encoding.end > p.start) for p in encoding.messages], axis=0)
    found: list[int] = np.flatnonzero((encoding.is_special | encoding.is_masked) & inside).tolist()
    return found


def _texts(encoding: Encoding) -> list[str]:
    if encoding.messages is not None:
        return [place.content for place in encoding.messages]
    return [encoding.text] if encoding.pair is None else [encoding.text, encoding.pair]


def _piece(encoding: Encoding, index: int) -> str:
    text = encoding.pair or "" if encoding.segment[index] == 1 else encoding.text
    return text[encoding.start[index] : encoding.end[index]]


def _covered(encoding: Encoding, mine: NDArray[np.bool_], text: str) -> NDArray[np.int64]:
    """int64 ``[len(text)]``: how many tokens cover each character."""
    edges = np.zeros(len(text) + 1, dtype=np.int64)
    mine = mine & (encoding.start < encoding.end)
    np.add.at(edges, encoding.start[mine], 1)
    np.add.at(edges, encoding.end[mine], -1)
    covered: NDArray[np.int64] = np.cumsum(edges)[: len(text)]
    return covered
