"""Source code: its comments and docstrings, on request. Python by its own tokenizer, other languages by Pygments."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import pairwise

from exbert_rpc.text.formats.derived import Derived
from exbert_rpc.text.formats.format import Content, Format, Found, ReadingOptions, UnreadableSource, name_of
from exbert_rpc.text.types import Document

SUFFIXES = (
    ".py",
    ".pyi",
    ".c",
    ".h",
    ".cc",
    ".cpp",
    ".cxx",
    ".hpp",
    ".cs",
    ".java",
    ".js",
    ".jsx",
    ".mjs",
    ".ts",
    ".tsx",
    ".go",
    ".rs",
    ".rb",
    ".php",
    ".swift",
    ".kt",
    ".scala",
    ".lua",
    ".pl",
    ".pm",
    ".r",
    ".jl",
    ".sh",
    ".bash",
    ".zsh",
    ".m",
    ".hs",
    ".ml",
    ".ex",
    ".exs",
    ".erl",
    ".clj",
    ".lisp",
    ".el",
    ".sql",
    ".f90",
    ".pas",
    ".dart",
    ".zig",
)

_QUOTES = re.compile(r"[A-Za-z]{0,2}(\"\"\"|'''|\"|')")
_MARKS = re.compile(r"(?:/\*+!?|\*+/|//+[!/]?|#+!?|--+|;+|%+|\(\*|\*\)|<!--|-->|\{-|-\}|\"{3}|'{3})[ \t]?")
_STAR = re.compile(r"[ \t]*\*(?!/)[ \t]?")

Span = tuple[int, int]


def _read(content: Content, options: ReadingOptions) -> Found:
    if not options.comments:
        raise UnreadableSource(
            "is source code: choose --comments for its comments and docstrings, or --format text for every character"
        )
    raw = content.text()
    is_python = name_of(content.uri).lower().endswith((".py", ".pyi"))
    derived = Derived()
    for spans in _groups(raw, list(_python(raw) if is_python else _others(content.uri, raw))):
        if derived.length:
            derived.insert("\n\n")
        for number, (start, end) in enumerate(spans):
            if number:
                derived.insert("\n")
            derived.take(raw[start:end], start)
    if not derived.text.strip():
        raise UnreadableSource("has no comments and no docstrings")
    yield Document(content.uri, derived.text, excerpt=derived.excerpt(raw, 0))


def _groups(raw: str, spans: list[Span]) -> Iterator[list[Span]]:
    """Stretches that follow each other line by line, together."""
    group: list[Span] = []
    for span in spans:
        if group and raw.count("\n", group[-1][1], span[0]) > 1:
            yield group
            group = []
        group.append(span)
    if group:
        yield group


def _python(raw: str) -> Iterator[Span]:
    """Comments, and strings that are statements of their own."""
    starts = [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", raw))]
    before = tokenize.NEWLINE
    skipped = {tokenize.NL, tokenize.COMMENT}
    try:
        for token, following in pairwise(tokenize.generate_tokens(io.StringIO(raw, newline="").readline)):
            # as from Python 3.12 on; before, the rest of the line is tried again behind each, in quadratic time
            if token.type == tokenize.ERRORTOKEN and token.string.strip():
                raise SyntaxError(f"{token.string[:20]!r} in line {token.start[0]}")
            start = starts[token.start[0] - 1] + token.start[1]
            end = starts[token.end[0] - 1] + token.end[1]
            if token.type == tokenize.COMMENT:
                yield from _without_marks(raw, start, end)
            elif token.type == tokenize.STRING and before in _BEGINS and following.type == tokenize.NEWLINE:
                quotes = _QUOTES.match(raw, start, end)
                if quotes:
                    yield quotes.end(), end - len(quotes[1])
            if token.type not in skipped:
                before = token.type
    except (tokenize.TokenError, SyntaxError, IndexError) as exc:
        raise UnreadableSource(f"is not Python that can be read: {exc.args[0]}") from exc


_BEGINS = {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING}


def _others(uri: str, raw: str) -> Iterator[Span]:
    """Comments of any language that Pygments knows."""
    if find_spec("pygments") is None:
        raise UnreadableSource("needs Pygments for its comments (pip install 'exbert-rpc[data]')")
    from pygments.lexers import get_lexer_for_filename
    from pygments.token import Comment, String
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_for_filename(name_of(uri), stripnl=False, ensurenl=False)
    except ClassNotFound as exc:
        raise UnreadableSource("is in a language whose comments are not known") from exc
    for at, kind, value in lexer.get_tokens_unprocessed(raw):
        wanted = kind in Comment and kind not in Comment.Preproc and kind not in Comment.PreprocFile
        if wanted or kind in String.Doc:
            yield from _without_marks(raw, at, at + len(value))


def _without_marks(raw: str, start: int, end: int) -> Iterator[Span]:
    """The lines of a comment without what marks them as one."""
    is_long = raw.startswith("/*", start)
    for line in re.finditer(r"[^\r\n]+", raw[start:end]):
        at, stop = start + line.start(), start + line.end()
        mark = _MARKS.match(raw, at, stop) or (_STAR.match(raw, at, stop) if is_long else None)
        at = mark.end() if mark else at
        for closing in ("*/", "*)", "-->", "-}"):
            if raw.endswith(closing, at, stop):
                stop -= len(closing)
        if raw[at:stop].strip():
            yield at, stop


FORMAT = Format(
    "code",
    SUFFIXES,
    "source code: with --comments its comments and docstrings",
    _read,
    lambda options: options.comments,
)
