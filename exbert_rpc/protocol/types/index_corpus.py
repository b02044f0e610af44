"""``indexCorpus``: make a corpus hold exactly what the sources name."""

from __future__ import annotations

from typing import Literal

import msgspec

from exbert_rpc.protocol.types.base import Index, Params, Precision, ProgressToken, Result, Signature, Space
from exbert_rpc.protocol.types.describe_corpus import GraphDescription


class InlineSource(Params, frozen=True, kw_only=True):
    """A document given by value.

    Attributes:
        uri: Name of the document; its hits carry it.
        text: The text.
    """

    uri: str
    text: str


class Reading(Params, frozen=True, kw_only=True):
    """How files are read, where that is a choice.

    Attributes:
        format: Name of the format of all sources; by default their endings and contents say it.
        lines: Whether each line of a text is one sentence.
        text_field: Field or column of records that holds the text; a dotted path reaches into nested ones, a number
            chooses a column of a table without a header.
        encoding: Encoding of files that are no Unicode; by default it is found out, where there is no doubt.
        errors: What happens to a file with bytes that are no characters: it is left out, or they are replaced.
        leave_out: Parts of Markdown that are not read.
        comments: Whether comments and docstrings of source code are read.
        outputs: Whether text outputs of notebooks are read.
        annotations: Which annotations texts that bring their own get; `both`: each such sentence is there twice.
        gitignore: Whether files that `.gitignore` names are left out of folders.
    """

    format: str | None = None
    lines: bool = False
    text_field: str | None = None
    encoding: str | None = None
    errors: Literal["strict", "replace"] = "strict"
    leave_out: list[Literal["code", "frontMatter", "html"]] = msgspec.field(default_factory=list)
    comments: bool = False
    outputs: bool = False
    annotations: Literal["gold", "automatic", "both"] = "gold"
    gitignore: bool = False


class GraphSection(Params, frozen=True, kw_only=True):
    """A part of a corpus that gets a search graph.

    Attributes:
        space: What it compares.
        layer: Attention layer, or hidden state.
    """

    space: Space
    layer: Index


class IndexParams(Params, frozen=True, kw_only=True):
    """What to index, and how.

    Attributes:
        corpus: Name of the corpus.
        sources: Paths, globs, or texts with a uri: the whole corpus; a document that is no longer named leaves
            it. With `graphs` it may be empty: the corpus stays as it is.
        model: Model id; by default the model of the corpus, else of the session.
        pipeline: spaCy pipeline; by default that of the corpus, else of the session.
        layers: Layers to index; by default all.
        spaces: What to store: hidden states, head outputs, or both (default).
        precision: Bits of a stored number.
        reading: How files are read; by default as for the corpus that is there, else by their endings.
        replace: Whether a corpus of another model may be replaced.
        graphs: Parts that get a search graph (with usearch), for corpora so large that comparing every vector is slow.
            Graphs that are there already follow the corpus.
        work_done_token: Token that progress is reported under (LSP).
    """

    corpus: str
    sources: list[str | InlineSource]
    model: str | None = None
    pipeline: str | None = None
    layers: list[Index] | None = None
    spaces: list[Space] | None = None
    precision: Precision | None = None
    reading: Reading | None = None
    replace: bool = False
    graphs: list[GraphSection] | None = None
    work_done_token: ProgressToken | None = None


class Skipped(Result, frozen=True, kw_only=True):
    """Something that was not indexed, and why."""

    uri: str
    reason: str


class IndexResult(Result, frozen=True, kw_only=True):
    """What the corpus holds now, and what this build did.

    Attributes:
        corpus: Name of the corpus.
        documents: Documents in it.
        sentences: Sentences in it.
        tokens: Tokens in it that are not special.
        bytes: Its size on disk.
        seconds: Time of this build.
        unchanged: Documents that were there already.
        skipped: What was not indexed, and why.
        kept: Whether the corpus is what it was, as nothing of the sources could be read.
        graphs: Search graphs beside the corpus.
    """

    corpus: str
    documents: int
    sentences: int
    tokens: int
    bytes: int
    seconds: float
    unchanged: int
    skipped: list[Skipped]
    kept: bool = False
    graphs: list[GraphDescription] = msgspec.field(default_factory=list)


SIGNATURE = Signature("indexCorpus", IndexParams, IndexResult, order=4, positional=("corpus", "sources"))
