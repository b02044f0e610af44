"""The text input of many methods: ``text``, ``textDocument`` with ``range`` or ``position``, or ``captureId``."""

from __future__ import annotations

from typing import Protocol

from exbert_rpc.engine.requests import TextInput
from exbert_rpc.errors import InvalidParams
from exbert_rpc.methods.method import Context
from exbert_rpc.methods.validation import check_text
from exbert_rpc.protocol.types.base import Position, Range, TextDocumentIdentifier
from exbert_rpc.text.formats.registry import is_markdown


class HasTextInput(Protocol):
    """Params that name a text."""

    @property
    def text(self) -> str | None: ...  # noqa: D102
    @property
    def text_pair(self) -> str | None: ...  # noqa: D102
    @property
    def text_document(self) -> TextDocumentIdentifier | None: ...  # noqa: D102
    @property
    def range(self) -> Range | None: ...  # noqa: D102
    @property
    def capture_id(self) -> str | None: ...  # noqa: D102
    @property
    def mask(self) -> list[int] | None: ...  # noqa: D102
    @property
    def model(self) -> str | None: ...  # noqa: D102


def model_of(params: HasTextInput, context: Context) -> str | None:
    """The model that reads the text; ``None``: that of the capture, or the engine's default."""
    if params.model is not None or params.capture_id is not None:
        return params.model
    return context.defaults.model


def text_input(params: HasTextInput, context: Context, position: Position | None = None) -> TextInput | None:
    """The text of a request; ``None`` if it names a capture.

    Raises:
        InvalidParams: none or several texts, a document that is not open, or a text that cannot be read.
    """
    _check_one_input(params)
    if params.capture_id is not None:
        if params.mask is not None:
            raise InvalidParams("mask", "a capture cannot be masked afterwards", hint="Send the text again.")
        return None
    mask = tuple(params.mask or ())
    if params.text is not None:
        if position is not None:
            raise InvalidParams("position", "goes with `textDocument`", hint="Use `token` with `text`.")
        check_text("text", params.text)
        check_text("textPair", params.text_pair or "")
        return TextInput(params.text, params.text_pair, mask)
    assert params.text_document is not None
    document = context.document(params.text_document.uri)
    if position is not None:
        if params.range is not None:
            raise InvalidParams("range", "may not be given together with `position`", hint="Give one of them.")
        check_text("textDocument", document.source)
        at = document.offset_at(position.line, position.character)
        markdown = document.language_id == "markdown" or is_markdown(document.uri)
        return TextInput(document.source, None, mask, at, is_markdown=markdown)
    if params.range is None:
        raise InvalidParams("range", "is required with `textDocument`", hint="Give the LSP range to read.")
    start, end = params.range.start, params.range.end
    text = document.slice_of((start.line, start.character), (end.line, end.character))
    if not text.strip():
        raise InvalidParams("range", "holds no text", hint="Select at least one visible character.")
    check_text("textDocument", text)
    return TextInput(text, None, mask)


def _check_one_input(params: HasTextInput) -> None:
    given = {"text": params.text, "textDocument": params.text_document, "captureId": params.capture_id}
    names = [name for name, value in given.items() if value is not None]
    if len(names) != 1:
        found = " and ".join(f"`{name}`" for name in names) if names else "none of them"
        raise InvalidParams(
            names[1] if names else "text",
            f"exactly one of `text`, `textDocument` and `captureId` is needed; {found} given",
            hint="Keep one of them." if names else "Send the text itself in `text`.",
        )
    if params.text_pair is not None and params.text is None:
        raise InvalidParams("textPair", "goes with `text` only", hint="Send the first segment in `text`.")
    if params.range is not None and params.text_document is None:
        raise InvalidParams("range", "goes with `textDocument` only", hint="Leave it out, or name the document.")
