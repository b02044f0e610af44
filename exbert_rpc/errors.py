"""Every error that the engine raises on purpose.

    ExbertError
    ├── InvalidParams        a field of the request is wrong (which one, why, what is allowed)
    ├── Cancelled            the caller asked to stop
    ├── ModelNotFound        no such model where we may look
    ├── ModelNotSupported    the model cannot be reproduced exactly, or is unsafe to load
    ├── CorpusNotFound       no corpus of that name
    ├── CorpusMismatch       the corpus was built by another model, tokenizer or pipeline
    ├── CorpusDamaged        a file of the corpus is missing, cut or altered
    ├── TextTooLong          the text has more tokens (or characters) than can be taken
    ├── AnswerTooLarge       the answer would not fit; says what to ask for instead
    ├── UnknownHandle        a capture or search that never was or is no longer kept
    ├── Busy                 another build of this corpus is running
    └── StorageFailed        the disk is full or refuses to be written

Nothing here knows JSON-RPC; ``protocol/error_codes.py`` gives each class its code.
"""

from __future__ import annotations

from collections.abc import Mapping


class ExbertError(Exception):
    """Base of all errors of this package.

    Attributes:
        message: One sentence that says what was wrong.
        hint: One sentence that says what to do; empty when there is nothing to add.
        data: Plain JSON values for programs (lengths, allowed names, a file's name).
    """

    kind = "error"

    def __init__(self, message: str, *, hint: str = "", **data: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.data: Mapping[str, object] = data

    def __reduce__(self) -> tuple[object, ...]:
        """Errors travel between processes whole; what exceptions do by default loses all that is not positional."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[ExbertError], args: tuple[object, ...], state: Mapping[str, object]) -> ExbertError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class InvalidParams(ExbertError):
    """A field of a request is wrong. ``data['field']`` names it."""

    kind = "invalidParams"

    def __init__(self, field: str, message: str, *, hint: str = "", **data: object) -> None:
        super().__init__(f"{field}: {message}", hint=hint, field=field, **data)


class Cancelled(ExbertError):
    """The caller cancelled; what was half done has been undone."""

    kind = "cancelled"

    def __init__(self, message: str = "the request was cancelled") -> None:
        super().__init__(message)


class ModelNotFound(ExbertError):
    """No model of that name in the places that may be searched."""

    kind = "modelNotFound"


class ModelNotSupported(ExbertError):
    """The model exists but cannot be loaded safely or reproduced exactly."""

    kind = "modelNotSupported"


class CorpusNotFound(ExbertError):
    """No corpus of that name; ``data['corpora']`` lists those there are."""

    kind = "corpusNotFound"


class CorpusMismatch(ExbertError):
    """Corpus and request disagree on model, tokenizer, pipeline, layers or spaces."""

    kind = "corpusMismatch"


class CorpusDamaged(ExbertError):
    """A file of the corpus is not what was written; ``data['file']`` names it."""

    kind = "corpusDamaged"


class TextTooLong(ExbertError):
    """The text does not fit; ``data['length']`` and ``data['limit']`` give both lengths."""

    kind = "textTooLong"


class AnswerTooLarge(ExbertError):
    """The answer would exceed the message limit; the hint says what to ask for instead."""

    kind = "answerTooLarge"


class UnknownHandle(ExbertError):
    """A ``captureId`` or ``searchId`` is unknown or has expired."""

    kind = "unknownHandle"


class Busy(ExbertError):
    """Another build of the same corpus is running."""

    kind = "busy"


class StorageFailed(ExbertError):
    """The store could not be written: disk full, read-only or no permission."""

    kind = "storageFailed"
