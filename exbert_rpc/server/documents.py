"""The documents that a client has open, with its unsaved edits.

pygls keeps them; these subclasses give them LSP's idea of a line (CR LF, LF, CR, and nothing else: ``str.splitlines``
also splits at form feeds and U+2028), clamp positions to the line, and never read the disk.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from lsprotocol import types
from pygls.workspace import TextDocument, Workspace

from exbert_rpc.errors import InvalidParams
from exbert_rpc.protocol.positions import ENCODINGS, PositionEncoding, code_points

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


class OpenDocument(TextDocument):  # type: ignore[misc]
    """One open document."""

    encoding: PositionEncoding = "utf-16"

    def __init__(self, uri: str, text: str, version: int | None = None, language_id: str | None = None) -> None:
        super().__init__(uri, text, version, language_id)
        self._current = text

    @property
    def source(self) -> str:
        """The text as the client sees it."""
        return self._current

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines, line ends included."""
        return tuple(_LINE.findall(self.source))

    def offset_at(self, line: int, character: int) -> int:
        """Code points before a position; beyond the end of a line or of the text, that end."""
        start = 0
        for number, match in enumerate(_LINE.finditer(self.source)):
            if number == line:
                text = match.group().rstrip("\r\n")
                return match.start() + code_points(text, character, self.encoding)
            start = match.end()
        return start

    def slice_of(self, start: tuple[int, int], end: tuple[int, int]) -> str:
        """The text between two positions; raises :class:`InvalidParams` if they are the wrong way round."""
        first, last = self.offset_at(*start), self.offset_at(*end)
        if start > end:
            raise InvalidParams("range", "its end is before its start", hint="Swap start and end.")
        return self.source[first:last]

    def apply_change(self, change: types.TextDocumentContentChangeEvent) -> None:
        """Replace a range of the text, or all of it where the client names no range."""
        if not isinstance(change, types.TextDocumentContentChangePartial):
            self._current = change.text
            return
        start = self.offset_at(change.range.start.line, change.range.start.character)
        end = self.offset_at(change.range.end.line, change.range.end.character)
        self._current = self._current[:start] + change.text + self._current[max(start, end) :]


class SessionWorkspace(Workspace):  # type: ignore[misc]
    """The documents of one client."""

    @property
    def encoding(self) -> PositionEncoding:
        """What was negotiated."""
        chosen = str(getattr(self.position_encoding, "value", self.position_encoding))
        return next((known for known in ENCODINGS if known == chosen), "utf-16")

    def document(self, uri: str) -> OpenDocument:
        """An open document; raises :class:`InvalidParams` for one that the client has not opened."""
        found = self.text_documents.get(unquote(uri))
        if not isinstance(found, OpenDocument):
            raise InvalidParams(
                "textDocument",
                f"{uri} is not open",
                hint="Send textDocument/didOpen first, or send the text itself in `text`.",
            )
        return found

    def get_text_document(self, doc_uri: str) -> OpenDocument:
        """As :meth:`document`; pygls' own version reads what is not open from the disk."""
        return self.document(doc_uri)

    def put_text_document(self, text_document: types.TextDocumentItem, notebook_uri: str | None = None) -> None:
        """Open a document, by itself or as a cell of a notebook."""
        super().put_text_document(text_document, notebook_uri)
        item = text_document
        document = OpenDocument(item.uri, item.text, item.version, item.language_id)
        document.encoding = self.encoding
        self.text_documents[unquote(item.uri)] = document
