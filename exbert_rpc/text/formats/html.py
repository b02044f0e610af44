"""Web pages: the text that a browser shows, each heading, paragraph, item and cell a block of its own."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

from exbert_rpc.text.formats.derived import Derived
from exbert_rpc.text.formats.format import Content, Format, Found, ReadingOptions, UnreadableSource
from exbert_rpc.text.formats.records import LONGEST_VALUE
from exbert_rpc.text.types import Document

_INVISIBLE = frozenset({"script", "style", "template", "head", "noscript", "svg", "math", "iframe", "object", "select"})
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "button",
        "caption",
        "dd",
        "details",
        "dialog",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "html",
        "legend",
        "li",
        "main",
        "menu",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "textarea",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
    ]
)
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_WORDS = re.compile(r"[ \t\n\r\f]+|[^ \t\n\r\f]+")


class _Page(HTMLParser):
    """Collects visible text."""

    def __init__(self, raw: str) -> None:
        super().__init__(convert_charrefs=False)
        self._raw = raw
        self._starts = [0, *(match.end() for match in re.finditer("\n", raw))]
        self._hidden: list[str] = []
        self._pre = 0
        self._in_title = False
        self._title: list[str] = []
        self.derived = Derived()
        self.language = ""

    @property
    def title(self) -> str:
        """What the page calls itself."""
        return " ".join("".join(self._title).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        given = dict(attrs)
        if tag == "html":
            self.language = given.get("lang") or ""
        self._in_title = tag == "title" and "svg" not in self._hidden
        if tag == "body":
            self._hidden.clear()  # a head that nobody has closed
        if tag in _VOID:
            if tag == "br" and not self._hidden:
                self.derived.insert("\n")
            elif tag == "hr":
                self._break()
            return
        if tag in _INVISIBLE or "hidden" in given or (self._hidden and tag == self._hidden[-1]):
            self._hidden.append(tag)
        self._pre += tag == "pre"
        if tag in _BLOCKS:
            self._break()

    def handle_endtag(self, tag: str) -> None:
        """Close an element."""
        self._in_title = False
        if self._hidden and tag == self._hidden[-1]:
            self._hidden.pop()
        self._pre = max(0, self._pre - (tag == "pre"))
        if tag in _BLOCKS:
            self._break()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element that is closed at once."""
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_data(self, data: str) -> None:
        """Characters as they stand there."""
        if self._in_title:
            self._title.append(data)
        if self._hidden:
            return
        at = self._offset()
        if self._pre:
            self.derived.take(data, at)
            return
        for match in _WORDS.finditer(data):
            if match[0][0] not in " \t\n\r\f":
                self.derived.take(match[0], at + match.start())
            elif match[0] == " " and not self.derived.ends_with_space():
                self.derived.take(" ", at + match.start())
            elif not self.derived.ends_with_space():
                self.derived.insert(" ")  # a run of white space is shown as one space

    def handle_entityref(self, name: str) -> None:
        """``&amp;``."""
        self._reference(f"&{name}")

    def handle_charref(self, name: str) -> None:
        """``&#38;``."""
        self._reference(f"&#{name}")

    def _reference(self, written: str) -> None:
        at = self._offset()
        width = len(written) + self._raw.startswith(";", at + len(written))
        shown = html.unescape(self._raw[at : at + width]).replace("\0", "\ufffd")
        if self._in_title:
            self._title.append(shown)
        if not self._hidden:
            self.derived.take(shown, at, width)

    def _break(self) -> None:
        if not self._hidden:
            self.derived.insert("\n\n")

    def _offset(self) -> int:
        line, column = self.getpos()
        return self._starts[line - 1] + column


def _read(content: Content, options: ReadingOptions) -> Found:
    raw = content.text()
    page = _Page(raw)
    try:
        page.feed(_closed(raw))
        page.close()
    except (AssertionError, ValueError, RecursionError) as exc:
        raise UnreadableSource(f"is not HTML: {exc}") from exc
    if not page.derived.text.strip():
        raise UnreadableSource("shows no text")
    named = (("title", page.title), ("lang", page.language))
    yield Document(
        content.uri,
        page.derived.text,
        excerpt=page.derived.excerpt(raw, 0),
        metadata=tuple((key, value) for key, value in named if value and len(value) <= LONGEST_VALUE),
        is_lines=options.lines,
    )


def _closed(raw: str) -> str:
    """A page up to a comment or a tag that is never closed: it hides the rest, as in a browser.

    The parser would look for the end of each of many such, in quadratic time.
    """
    comment = raw.find("<!--", raw.rfind("-->") + 1)
    raw = raw if comment < 0 else raw[:comment]
    mark = _OPEN.search(raw, raw.rfind(">") + 1)
    return raw if mark is None else raw[: mark.start()]


_OPEN = re.compile(r"<[!?/A-Za-z]")


def _looks_like(beginning: str) -> bool:
    return re.match(r"\s*(?:<!--.*?-->\s*)?<(?:!doctype html|html)\b", beginning, re.IGNORECASE | re.DOTALL) is not None


FORMAT = Format("html", (".html", ".htm", ".xhtml"), "web pages: the visible text", _read, looks_like=_looks_like)
