"""Every failure as a JSON-RPC error object: its code, its data, and what it must not reveal.

No traceback leaves the server, and no path of the machine but those that the client wrote itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from exbert_rpc import errors

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
NOT_INITIALIZED = -32002
CANCELLED = -32800

# class -> (code, what it means); the table of PROTOCOL.md
CODES: dict[type[errors.ExbertError], tuple[int, str]] = {
    errors.InvalidParams: (INVALID_PARAMS, "a field is wrong: which one, why, and what is allowed"),
    errors.Cancelled: (CANCELLED, "the client cancelled the request"),
    errors.ModelNotFound: (-33001, "no such model where the server may look"),
    errors.ModelNotSupported: (-33002, "the model cannot be loaded safely or reproduced exactly; says why"),
    errors.CorpusNotFound: (-33003, "no corpus of that name; lists those there are"),
    errors.CorpusMismatch: (-33004, "the corpus was built by another model, tokenizer or pipeline; says which"),
    errors.CorpusDamaged: (-33005, "a file of the corpus is not what was written; names it"),
    errors.TextTooLong: (-33006, "the text is too long; gives both lengths"),
    errors.AnswerTooLarge: (-33007, "the answer would be too large; says what to ask for instead"),
    errors.UnknownHandle: (-33008, "a captureId or searchId that is unknown or has expired"),
    errors.Busy: (-33009, "another build of this corpus runs, or too many queued requests"),
    errors.StorageFailed: (-33010, "the store cannot be written: disk full, read-only, no permission"),
}
RESERVED: dict[str, tuple[int, str]] = {
    "parseError": (PARSE_ERROR, "the bytes are not a JSON message"),
    "invalidRequest": (INVALID_REQUEST, "not a JSON-RPC request, or one that may not come now"),
    "methodNotFound": (METHOD_NOT_FOUND, "no such method"),
    "internal": (INTERNAL_ERROR, "a fault of the server; its log says more"),
    "notInitialized": (NOT_INITIALIZED, "a request came before initialize"),
}
# what to do where the place that failed has nothing better to say
_HINTS: dict[str, str] = {
    "parseError": "Send one JSON object in UTF-8 behind `Content-Length: N` and an empty line.",
    "invalidRequest": 'Send {"jsonrpc": "2.0", "id": ..., "method": ..., "params": {...}}.',
    "methodNotFound": "The answer to `initialize` lists the methods.",
    "internal": "The server's log (standard error) holds the details; please report them.",
    "notInitialized": "Send `initialize` and wait for its answer.",
    "invalidParams": "The protocol's schema (`exbert-rpc schema`) says what each field takes.",
    "cancelled": "Send the request again if it is still wanted.",
    "modelNotFound": "listModels names the available models.",
    "modelNotSupported": "listModels names the available models.",
    "corpusNotFound": "listCorpora names those there are.",
    "corpusMismatch": "Index the corpus again, or ask with the model that it was built with.",
    "corpusDamaged": "Index the corpus again: intact parts are kept, damaged parts are computed again.",
    "textTooLong": "Send a shorter text.",
    "answerTooLarge": "Ask for fewer layers or heads.",
    "unknownHandle": "Send the text (or the search) again.",
    "busy": "Wait, then send the request again.",
    "storageFailed": "Make room, or have the server started with another `--store`.",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A JSON-RPC error object before it is encoded."""

    code: int
    kind: str
    message: str
    hint: str = ""
    data: dict[str, object] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """The error object, ASCII JSON (lone surrogates are escaped, NaN does not occur)."""
        hint = self.hint or _HINTS.get(self.kind, "")
        data = {**self.data, "kind": self.kind, "hint": hint}
        error = {"code": self.code, "message": self.message, "data": data}
        try:
            return json.dumps(error, default=str, allow_nan=False).encode()
        except (ValueError, RecursionError):
            return json.dumps({**error, "data": {"kind": self.kind, "hint": hint}}).encode()


def error_kinds() -> dict[str, tuple[int, str]]:
    """``kind`` → (code, meaning) of every error that the server sends, by code."""
    table = RESERVED | {error.kind: entry for error, entry in CODES.items()}
    return dict(sorted(table.items(), key=lambda item: -item[1][0]))


def reserved(kind: str, message: str, hint: str = "") -> Failure:
    """One of the errors that JSON-RPC or LSP define."""
    return Failure(RESERVED[kind][0], kind, message, hint)


def failure_of(error: BaseException, params: object = None) -> Failure:
    """The error object of any exception; ``params`` are the client's own words, which may be repeated."""
    if not isinstance(error, errors.ExbertError):
        return Failure(
            INTERNAL_ERROR,
            "internal",
            f"the server failed on this request ({type(error).__name__})",
        )
    code = next((CODES[base][0] for base in type(error).__mro__ if base in CODES), INTERNAL_ERROR)
    kind = error.kind if code != INTERNAL_ERROR else "internal"
    known = "\n".join(_strings(params))
    data = {key: _scrub_value(value, known) for key, value in error.data.items()}
    return Failure(code, kind, scrub(error.message, known), scrub(error.hint, known), data)


# a path of POSIX (two or more parts), of Windows, or a file: uri; quotes, brackets and colons end it
_PATH = re.compile(
    r"""(?:file://|(?<![\w.:/~*-]))/(?:[^/\s'"<>()\[\]{},;:|]+/)+[^/\s'"<>()\[\]{},;:|]*|\b[A-Za-z]:\\[^\s'"<>|]+"""
)


def scrub(text: str, known: str = "") -> str:
    """Replace each absolute path by its last part, unless it occurs in ``known``."""

    def shorten(match: re.Match[str]) -> str:
        path = match.group()
        return path if path in known else re.split(r"[/\\]", path.rstrip("/\\"))[-1]

    return _PATH.sub(shorten, text)


def _scrub_value(value: object, known: str) -> object:
    if isinstance(value, str):
        return scrub(value, known)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_scrub_value(item, known) for item in value]
    if isinstance(value, dict):
        return {str(key): _scrub_value(item, known) for key, item in value.items()}
    return value if value is None or isinstance(value, (bool, int, float)) else scrub(str(value), known)


def _strings(value: object) -> Iterator[str]:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
