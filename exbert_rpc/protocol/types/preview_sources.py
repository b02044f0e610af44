"""``previewSources``: what sources hold, before they are indexed."""

from __future__ import annotations

from exbert_rpc.protocol.types.base import Params, ProgressToken, Result, Signature
from exbert_rpc.protocol.types.index_corpus import InlineSource, Reading, Skipped


class PreviewSourcesParams(Params, frozen=True, kw_only=True):
    """What to look at.

    Attributes:
        sources: Paths, globs, or texts with a uri, as for `indexCorpus`.
        reading: How files would be read.
        work_done_token: Token that progress is reported under (LSP).
    """

    sources: list[str | InlineSource]
    reading: Reading | None = None
    work_done_token: ProgressToken | None = None


class PreviewedFormat(Result, frozen=True, kw_only=True):
    """The files of one format.

    Attributes:
        format: Its name, as `reading.format` takes it; `zip` for archives, which are not opened.
        files: Number of files.
        bytes: Their size.
        fields: Fields of their records, one of which `reading.textField` names; empty where a file is a text. Files of
            records in folders are read only if that field is named.
    """

    format: str
    files: int
    bytes: int
    fields: list[str]


class PreviewSourcesResult(Result, frozen=True, kw_only=True):
    """What `indexCorpus` would read, by format (most files first), and what it would leave out."""

    formats: list[PreviewedFormat]
    skipped: list[Skipped]


SIGNATURE = Signature("previewSources", PreviewSourcesParams, PreviewSourcesResult, order=4, positional=("sources",))
