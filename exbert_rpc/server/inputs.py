"""What a client sends, checked and turned into what the engine takes.

Runs on the event loop: the text of a document is taken at the moment the request was read, so that later edits do
not reach into it.
"""

from __future__ import annotations

import re
import typing
from difflib import get_close_matches

import msgspec

from exbert_rpc.corpus.types import HitFilter
from exbert_rpc.engine.requests import AttendRequest, IndexRequest, SearchRequest, SummarizeRequest, TextInput
from exbert_rpc.errors import InvalidParams
from exbert_rpc.server import protocol as wire
from exbert_rpc.server.documents import SessionWorkspace
from exbert_rpc.server.expected import expected_at
from exbert_rpc.server.options import ServerOptions
from exbert_rpc.text.files import is_markdown

P = typing.TypeVar("P", bound=wire.Params)

_PATH = re.compile(r" - at `(?:\$\.)?(.*)`$")
_UNKNOWN = re.compile(r"unknown field `(.*?)`")
_MISSING = re.compile(r"missing required field `(.*?)`")


def validate(params_type: type[P], raw: object) -> P:
    """``raw`` as ``params_type``; raises :class:`InvalidParams` that names the field and what it may be."""
    if raw is None:
        raw = {}
    if not isinstance(raw, dict):
        raise InvalidParams("params", "must be an object", hint="Parameters go by name.")
    try:
        return msgspec.convert(raw, params_type)
    except msgspec.ValidationError as error:
        raise _invalid(params_type, str(error)) from error
    except RecursionError as error:
        raise InvalidParams("params", "nested too deeply", hint="No field of a request is nested so.") from error


def _invalid(params_type: type[wire.Params], message: str) -> InvalidParams:
    found = _PATH.search(message)
    path = found.group(1) if found else ""
    reason = message[: found.start()] if found else message
    if unknown := _UNKNOWN.search(reason):
        name = unknown.group(1)
        names = [] if path else [str(name) for name in params_type.__struct_encode_fields__]
        close = get_close_matches(name, names, n=1)
        hint = f"Did you mean `{close[0]}`?" if close else f"Fields: {', '.join(names)}."
        if path:
            hint = f"`{path}` is {expected_at(params_type, path)}."
        return InvalidParams(f"{path}.{name}".lstrip("."), "unknown field", hint=hint)
    if missing := _MISSING.search(reason):
        field = f"{path}.{missing.group(1)}".lstrip(".")
        return InvalidParams(field, "is required", hint=f"Give `{field}`, {expected_at(params_type, field)}.")
    field = path or "params"
    return InvalidParams(field, _lower_first(reason), hint=f"`{field}` is {expected_at(params_type, path)}.")


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


class Inputs:
    """Engine requests of one session.

    Args:
        session: Name that its handles are kept under.
        workspace: Its open documents.
        options: Its defaults.
    """

    def __init__(self, session: str, workspace: SessionWorkspace, options: ServerOptions) -> None:
        self._session = session
        self._workspace = workspace
        self._options = options

    def attend(self, params: wire.AttendParams) -> AttendRequest:
        """See ``attend`` in the protocol."""
        return AttendRequest(
            session=self._session,
            input=self._text_input(params, None),
            capture_id=params.capture_id,
            model=self._model(params.model, params.capture_id),
            layers=_tuple(params.layers),
            heads=_tuple(params.heads),
            top_k=5 if params.top_k is None else params.top_k,
            annotate=params.annotate,
            pipeline=params.pipeline or self._options.pipeline,
        )

    def search(self, params: wire.SearchParams | wire.SummarizeParams) -> SearchRequest:
        """See ``searchContexts``."""
        if params.corpus is None:
            raise InvalidParams("corpus", "is required", hint="listCorpora names those there are.")
        _check_layer(params)
        if params.token is None and params.position is None:
            raise InvalidParams("token", "is required", hint="Give `token`, or `textDocument` with `position`.")
        if params.token is not None and params.position is not None:
            raise InvalidParams("position", "may not be given together with `token`", hint="Give one of them.")
        return SearchRequest(
            session=self._session,
            corpus=params.corpus,
            space=params.space,
            input=self._text_input(params, params.position),
            capture_id=params.capture_id,
            token=params.token,
            model=self._model(params.model, params.capture_id),
            hidden_layer=params.hidden_layer,
            layer=params.layer,
            heads=_tuple(params.heads),
            k=params.k,
            weighting=params.weighting,
            exact=params.exact,
            rerank=params.rerank,
            distinct=params.distinct,
            filter=_filter(params.filter),
        )

    def summarize(self, params: wire.SummarizeParams) -> SummarizeRequest:
        """See ``summarize``."""
        if params.search_id is not None:
            _check_search_id_alone(params)
        return SummarizeRequest(
            session=self._session,
            search_id=params.search_id,
            search=None if params.search_id is not None else self.search(params),
            subject=params.subject,
            attention=params.attention,
            include_special=params.include_special,
        )

    def index(self, params: wire.IndexParams) -> IndexRequest:
        """See ``indexCorpus``."""
        _check_inline(params.sources)
        sources = tuple(source if isinstance(source, str) else (source.uri, source.text) for source in params.sources)
        return IndexRequest(
            corpus=params.corpus,
            sources=sources,
            model=params.model or self._options.model,
            pipeline=params.pipeline or self._options.pipeline,
            layers=_tuple(params.layers),
            spaces=_tuple(params.spaces),
            precision=params.precision or self._options.precision,
        )

    def _model(self, asked: str | None, capture_id: str | None) -> str | None:
        return asked if asked is not None or capture_id is not None else self._options.model

    def _text_input(
        self, params: wire.AttendParams | wire.SearchParams | wire.SummarizeParams, position: wire.Position | None
    ) -> TextInput | None:
        """The text input of a request; ``None`` if it names a capture."""
        _check_one_input(params)
        if params.capture_id is not None:
            if params.mask is not None:
                raise InvalidParams("mask", "a capture cannot be masked afterwards", hint="Send the text again.")
            return None
        mask = tuple(params.mask or ())
        if params.text is not None:
            if position is not None:
                raise InvalidParams("position", "goes with `textDocument`", hint="Use `token` with `text`.")
            _check_text("text", params.text)
            _check_text("textPair", params.text_pair or "")
            return TextInput(params.text, params.text_pair, mask)
        assert params.text_document is not None
        document = self._workspace.document(params.text_document.uri)
        if position is not None:
            if params.range is not None:
                raise InvalidParams("range", "may not be given together with `position`", hint="Give one of them.")
            _check_text("textDocument", document.source)
            at = document.offset_at(position.line, position.character)
            markdown = document.language_id == "markdown" or is_markdown(document.uri)
            return TextInput(document.source, None, mask, at, is_markdown=markdown)
        if params.range is None:
            raise InvalidParams("range", "is required with `textDocument`", hint="Give the LSP range to read.")
        start, end = params.range.start, params.range.end
        text = document.slice_of((start.line, start.character), (end.line, end.character))
        if not text.strip():
            raise InvalidParams("range", "holds no text", hint="Select at least one visible character.")
        _check_text("textDocument", text)
        return TextInput(text, None, mask)


def _check_search_id_alone(params: wire.SummarizeParams) -> None:
    """A search that was made is not made anew with other fields: they would be ignored without a word."""
    for field in msgspec.structs.fields(wire.SearchParams):
        if field.name != "work_done_token" and getattr(params, field.name) not in (None, field.default):
            raise InvalidParams(
                field.encode_name, "may not be given together with `searchId`", hint="Give one of them."
            )


def _check_inline(sources: list[str | wire.InlineSource]) -> None:
    texts: dict[str, str] = {}
    for number, source in enumerate(sources):
        if not isinstance(source, wire.InlineSource):
            continue
        field = f"sources[{number}]"
        _check_text(f"{field}.text", source.text)
        if not source.uri.strip():
            raise InvalidParams(f"{field}.uri", "is empty", hint="Name the text; its hits will carry the name.")
        if texts.setdefault(source.uri, source.text) != source.text:
            told = f"{source.uri!r} is another source's already, with another text"
            raise InvalidParams(f"{field}.uri", told, hint="Give each text a uri of its own.")


def _check_one_input(params: wire.AttendParams | wire.SearchParams | wire.SummarizeParams) -> None:
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


_COUNTED = {"headOutput": "attention layer, counted from 0", "hiddenState": "hidden state; 0 is the embedding output"}


def _check_layer(params: wire.SearchParams | wire.SummarizeParams) -> None:
    if params.space == "headOutput":
        needed, other = ("layer", params.layer), ("hiddenLayer", params.hidden_layer)
    else:
        needed, other = ("hiddenLayer", params.hidden_layer), ("layer", params.layer)
    if needed[1] is None:
        hint = f"Name the {_COUNTED[params.space]}."
        if other[1] is not None:
            fitting = "hiddenState" if params.space == "headOutput" else "headOutput"
            hint = f'`{other[0]}` goes with `space: "{fitting}"`.'
        raise InvalidParams(needed[0], f"is required in space `{params.space}`", hint=hint)
    if other[1] is not None:
        raise InvalidParams(other[0], f"does not exist in space `{params.space}`", hint=f"Give `{needed[0]}` only.")


def _check_text(field: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidParams(
            field,
            f"a lone surrogate (half a character) stands at offset {error.start}",
            hint="Send whole characters.",
            offset=error.start,
        ) from error


T = typing.TypeVar("T")


def _tuple(values: list[T] | None) -> tuple[T, ...] | None:
    return None if values is None else tuple(values)


def _filter(params: wire.Filter | None) -> HitFilter:
    if params is None:
        return HitFilter()

    return HitFilter(
        pos=_allowed("pos", params.pos),
        dep=_allowed("dep", params.dep),
        entity=_allowed("entity", params.entity),
        token=_allowed("token", params.token),
        documents=_allowed("documents", params.documents),
    )


def _allowed(name: str, value: str | list[str] | None) -> tuple[str, ...] | None:
    values = (value,) if isinstance(value, str) else _tuple(value)
    if values is not None and not any(values):
        raise InvalidParams(f"filter.{name}", "names nothing", hint="Leave it out if it does not matter.")
    return values
