"""``indexCorpus``: make a corpus hold exactly what the sources name."""

from __future__ import annotations

from exbert_rpc.protocol.types.base import Index, Params, Precision, ProgressToken, Result, Signature, Space


class InlineSource(Params, frozen=True, kw_only=True):
    """A document given by value.

    Attributes:
        uri: Name of the document; its hits carry it.
        text: The text.
    """

    uri: str
    text: str


class IndexParams(Params, frozen=True, kw_only=True):
    """What to index, and how.

    Attributes:
        corpus: Name of the corpus.
        sources: Paths, globs, or texts with a uri: the whole corpus; a document that is no longer named leaves
            it.
        model: Model id; by default the model of the corpus, else of the session.
        pipeline: spaCy pipeline; by default that of the corpus, else of the session.
        layers: Layers to index; by default all.
        spaces: What to store: hidden states, head outputs, or both (default).
        precision: Bits of a stored number.
        work_done_token: Token that progress is reported under (LSP).
    """

    corpus: str
    sources: list[str | InlineSource]
    model: str | None = None
    pipeline: str | None = None
    layers: list[Index] | None = None
    spaces: list[Space] | None = None
    precision: Precision | None = None
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
    """

    corpus: str
    documents: int
    sentences: int
    tokens: int
    bytes: int
    seconds: float
    unchanged: int
    skipped: list[Skipped]


SIGNATURE = Signature("indexCorpus", IndexParams, IndexResult, order=4, positional=("corpus", "sources"))
