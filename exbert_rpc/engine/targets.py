"""Which prediction is meant: a position, and a token of the vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exbert_rpc.errors import InvalidParams
from exbert_rpc.model.types import Encoding, ModelDescription

if TYPE_CHECKING:
    from exbert_rpc.model.loaded import LoadedModel


def checked_position(encoding: Encoding, given: int | None, info: ModelDescription, field: str = "target.token") -> int:
    """The position whose prediction is meant: by default the last one, or the one that is masked.

    Raises:
        InvalidParams: there is no such token, or the default is not clear.
    """
    n = len(encoding.ids)
    if given is not None:
        if not 0 <= given < n:
            raise InvalidParams(field, f"{given} is out of range", hint=f"tokens are 0 to {n - 1}", allowed=n - 1)
        return given
    if info.kind != "bidirectional":
        return n - 1
    masked = np.flatnonzero(encoding.is_masked)
    if len(masked) == 1:
        return int(masked[0])
    found = "no token is masked" if len(masked) == 0 else f"{len(masked)} tokens are masked"
    raise InvalidParams(
        field,
        f"is required: {info.id} predicts every token, and {found}",
        hint="name the token, mask one token, or give another text in `against`",
    )


def read_against(model: LoadedModel, text: str) -> Encoding:
    """Tokens of the second text of a comparison.

    Raises:
        InvalidParams: it cannot be read; names the field ``against``.
        TextTooLong: more tokens than the model takes.
    """
    try:
        return model.tokenize(text)
    except InvalidParams as exc:
        raise InvalidParams("against", exc.message.removeprefix("text: "), hint=exc.hint) from exc


def checked_target(model: LoadedModel, given: int | str | None, field: str, size: int) -> int | None:
    """The id of a token that is given by id or as text; ``None`` if none is given.

    Args:
        model: Whose vocabulary it is.
        given: An id, or the exact text of one token (with its leading space, where the vocabulary has one).
        field: Name of the field, for the error.
        size: Ids that the model predicts.

    Raises:
        InvalidParams: there is no such id, or the text is not one token.
    """
    if given is None:
        return None
    if isinstance(given, int):
        if not 0 <= given < size:
            raise InvalidParams(field, f"there is no token with the id {given}", hint=f"ids are 0 to {size - 1}")
        return given
    encoding = model.tokenize_many([given])[0]
    plain = np.flatnonzero(~encoding.is_special)
    if len(plain) != 1:
        pieces = ", ".join(repr(encoding.tokens[index]) for index in plain[:8]) or "none"
        raise InvalidParams(
            field,
            f"{given[:40]!r} is not one token of {model.info.id}: {len(plain)} tokens ({pieces})",
            hint="give one token as the vocabulary has it, or its id",
        )
    return int(encoding.ids[plain[0]])
