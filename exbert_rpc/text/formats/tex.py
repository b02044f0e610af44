r"""TeX: the prose of a document, by pylatexenc, whose nodes know their exact places.

1. Sections, captions, items and environments begin blocks. Of what formats text (``\emph``), the text is read.
2. Accents, dashes, quotes and symbols are the characters that they stand for, at the place of their command.
3. Left out are the preamble, comments, labels, references, citations, footnotes, displayed formulas, tables and code.
   Formulas within a sentence stay as they are written.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from exbert_rpc.text.formats.derived import Derived
from exbert_rpc.text.formats.format import Content, Format, Found, ReadingOptions, UnreadableSource
from exbert_rpc.text.formats.records import LONGEST_VALUE
from exbert_rpc.text.types import Document

if TYPE_CHECKING:
    from pylatexenc.latexwalker import LatexNode

_HEADINGS = frozenset(
    ["part", "chapter", "section", "subsection", "subsubsection", "paragraph", "subparagraph", "caption", "title"]
)
_FORMATTED = frozenset(
    [
        "emph",
        "textbf",
        "textit",
        "textsc",
        "texttt",
        "textrm",
        "textsf",
        "textsl",
        "textup",
        "textmd",
        "textnormal",
        "underline",
        "mbox",
        "text",
        "enquote",
    ]
)
_LAST_ARGUMENT = frozenset(["href", "textcolor", "foreignlanguage", "colorbox"])
_BREAKS = frozenset(["par", "item", "newpage", "clearpage", "maketitle", "bigskip", "medskip", "smallskip"])
_SPACES = {"\\": "\n", "newline": "\n", "quad": " ", "qquad": " ", " ": " ", ",": " ", ";": " ", ":": " "}
_SPECIALS = {"~": " ", "&": " ", "``": "“", "''": "”", "--": "–", "---": "—", "!`": "¡", "?`": "¿"}
_LEFT_OUT = frozenset(
    [
        "equation",
        "align",
        "gather",
        "multline",
        "eqnarray",
        "displaymath",
        "tikzpicture",
        "tabular",
        "tabularx",
        "array",
        "longtable",
        "verbatim",
        "lstlisting",
        "minted",
        "alltt",
        "thebibliography",
        "comment",
        "filecontents",
    ]
)
_LONGEST_SYMBOL = 4


def _read(content: Content, options: ReadingOptions) -> Found:
    if find_spec("pylatexenc") is None:
        raise UnreadableSource("needs pylatexenc to be read (pip install 'exbert-rpc[data]')")
    from pylatexenc.latexwalker import LatexEnvironmentNode, LatexWalker, LatexWalkerError

    raw = content.text()
    try:
        nodes = LatexWalker(raw, tolerant_parsing=True).get_latex_nodes()[0]
        bodies = [one for one in nodes if isinstance(one, LatexEnvironmentNode) and one.environmentname == "document"]
        prose = _Prose(raw)
        prose.read(bodies[0].nodelist if bodies else nodes)
        title = _title(raw, nodes)
    except (LatexWalkerError, RecursionError, ValueError, TypeError, AttributeError, IndexError) as exc:
        raise UnreadableSource(f"is not TeX that can be read: {type(exc).__name__}") from exc
    if not prose.derived.text.strip():
        raise UnreadableSource("has no prose")
    yield Document(
        content.uri,
        prose.derived.text,
        excerpt=prose.derived.excerpt(raw, 0),
        metadata=(("title", title),) if title else (),
        is_lines=options.lines,
    )


def _title(raw: str, nodes: Iterable[LatexNode]) -> str:
    r"""What ``\title`` says in the preamble; ``""`` if nothing, or too much for metadata."""
    for node in nodes:
        if getattr(node, "macroname", None) == "title":
            prose = _Prose(raw)
            prose.read(_arguments(node)[-1:])
            found = " ".join(prose.derived.text.split())
            return found if len(found) <= LONGEST_VALUE else ""
    return ""


class _Prose:
    """Collects the prose of nodes."""

    def __init__(self, raw: str) -> None:
        from pylatexenc.latex2text import LatexNodes2Text

        self._raw = raw
        self._symbols = LatexNodes2Text()
        self.derived = Derived()

    def read(self, nodes: Iterable[LatexNode | None]) -> None:
        """Add what stands in nodes, in order."""
        from pylatexenc import latexwalker as kinds

        for node in nodes:
            if isinstance(node, kinds.LatexCharsNode):
                self.derived.take(self._raw[node.pos : node.pos + node.len], node.pos)
            elif isinstance(node, kinds.LatexGroupNode):
                self.read(node.nodelist)
            elif isinstance(node, kinds.LatexMacroNode):
                self._macro(node)
            elif isinstance(node, kinds.LatexEnvironmentNode):
                self._environment(node)
            elif isinstance(node, kinds.LatexSpecialsNode):
                self._special(node)
            elif isinstance(node, kinds.LatexCommentNode):
                self._space()
            elif isinstance(node, kinds.LatexMathNode) and node.displaytype == "inline":
                self.derived.take(self._raw[node.pos : node.pos + node.len], node.pos)
            elif node is not None:
                self._break()

    def _macro(self, node: LatexNode) -> None:
        name = node.macroname
        if name in _HEADINGS:
            self._break()
            self.read(_arguments(node)[-1:])
            self._break()
        elif name in _FORMATTED:
            self.read(_arguments(node))
        elif name in _LAST_ARGUMENT:
            self.read(_arguments(node)[-1:])
        elif name in _BREAKS:
            self._break()
        elif name in _SPACES:
            self.derived.insert(_SPACES[name])
        else:
            self._symbol(node, len(node.macro_post_space))

    def _symbol(self, node: LatexNode, space: int) -> None:
        """A character by its command; commands that stand for more, or for nothing, are left out."""
        is_accent = len(node.macroname) == 1  # \c{c} as \'e; \ref{a} and \footnote{b} are none
        is_symbol = is_accent or not _arguments(node)
        shown = self._symbols.nodelist_to_text([node]).strip() if is_symbol else ""
        if 0 < len(shown) <= _LONGEST_SYMBOL and not shown.startswith("<"):
            self._take(shown, node.pos, node.len - space)
        if space:
            self._space()

    def _environment(self, node: LatexNode) -> None:
        self._break()
        if node.environmentname.rstrip("*") not in _LEFT_OUT:
            self.read(node.nodelist)
        self._break()

    def _special(self, node: LatexNode) -> None:
        shown = _SPECIALS.get(node.specials_chars)
        if shown is not None:
            self._take(shown, node.pos, node.len)
        elif not node.specials_chars.strip():
            self._break()

    def _take(self, shown: str, at: int, width: int) -> None:
        """Characters that stand for a command; a command with line ends or other letters has no places within."""
        written = self._raw[at : at + width]
        if written.isascii() and "\n" not in written and "\r" not in written:
            self.derived.take(shown, at, width)
        else:
            self.derived.insert(shown)

    def _space(self) -> None:
        if not self.derived.ends_with_space():
            self.derived.insert(" ")

    def _break(self) -> None:
        self.derived.insert("\n\n")


def _arguments(node: LatexNode) -> list[LatexNode]:
    given = node.nodeargd.argnlist if node.nodeargd is not None else None
    return [one for one in given or () if one is not None]


def _installed(options: ReadingOptions) -> bool:  # noqa: ARG001
    return find_spec("pylatexenc") is not None


FORMAT = Format("tex", (".tex", ".ltx"), "TeX: the prose of a document (needs exbert-rpc[data])", _read, _installed)
