"""``previewSources``: what sources hold, before they are indexed."""

from __future__ import annotations

from exbert_rpc.methods.index_corpus import check_inline, read_options
from exbert_rpc.methods.method import Context, Method, Work
from exbert_rpc.protocol.types.index_corpus import Skipped
from exbert_rpc.protocol.types.preview_sources import (
    SIGNATURE,
    PreviewedFormat,
    PreviewSourcesParams,
    PreviewSourcesResult,
)
from exbert_rpc.text.preview import Preview


def prepare(params: PreviewSourcesParams, context: Context) -> Work:  # noqa: ARG001
    """Checks the inline texts now, looks at files later."""
    check_inline(params.sources)
    sources = tuple(source if isinstance(source, str) else (source.uri, source.text) for source in params.sources)
    reading = None if params.reading is None else read_options(params.reading)
    return lambda engine, task: _encode(engine.preview_sources(sources, reading, task))


def _encode(found: Preview) -> PreviewSourcesResult:
    formats = [
        PreviewedFormat(format=one.format, files=one.files, bytes=one.nbytes, fields=list(one.fields))
        for one in found.formats
    ]
    return PreviewSourcesResult(
        formats=formats, skipped=[Skipped(uri=one.uri, reason=one.reason) for one in found.skipped]
    )


METHOD = Method(SIGNATURE, prepare, title="looking at files")
