"""``indexCorpus``: make a corpus hold exactly what the sources name."""

from __future__ import annotations

from exbert_rpc.engine import corpus_requests
from exbert_rpc.errors import InvalidParams
from exbert_rpc.methods.describe_corpus import encode_graphs
from exbert_rpc.methods.method import Context, Method, Work
from exbert_rpc.methods.validation import as_tuple, check_text
from exbert_rpc.protocol.types.index_corpus import SIGNATURE, IndexParams, IndexResult, InlineSource, Reading, Skipped
from exbert_rpc.text.formats.format import ReadingOptions


def prepare(params: IndexParams, context: Context) -> Work:
    """Checks the inline texts now."""
    request = read_request(params, context)
    return lambda engine, task: encode_result(engine.index_corpus(request, task))


def read_request(params: IndexParams, context: Context) -> corpus_requests.IndexRequest:
    """What the engine is asked."""
    check_inline(params.sources)
    sources = tuple(source if isinstance(source, str) else (source.uri, source.text) for source in params.sources)
    return corpus_requests.IndexRequest(
        corpus=params.corpus,
        sources=sources,
        model=params.model,
        pipeline=params.pipeline,
        layers=as_tuple(params.layers),
        spaces=as_tuple(params.spaces),
        precision=params.precision,
        reading=None if params.reading is None else read_options(params.reading),
        replace=params.replace,
        graphs=tuple((one.space, one.layer) for one in params.graphs or ()),
        defaults=corpus_requests.IndexDefaults(
            context.defaults.model, context.defaults.pipeline, context.defaults.precision
        ),
    )


def read_options(reading: Reading) -> ReadingOptions:
    """How files are read."""
    return ReadingOptions(
        format=reading.format,
        lines=reading.lines,
        text_field=reading.text_field,
        encoding=reading.encoding,
        errors=reading.errors,
        leave_out=tuple(reading.leave_out),
        comments=reading.comments,
        outputs=reading.outputs,
        annotations=reading.annotations,
        gitignore=reading.gitignore,
    )


def check_inline(sources: list[str | InlineSource]) -> None:
    """Raise ``InvalidParams`` for texts by value that have no name, or one name for two texts."""
    texts: dict[str, str] = {}
    for number, source in enumerate(sources):
        if not isinstance(source, InlineSource):
            continue
        field = f"sources[{number}]"
        check_text(f"{field}.text", source.text)
        if not source.uri.strip():
            raise InvalidParams(f"{field}.uri", "is empty", hint="Name the text; its hits will carry the name.")
        if texts.setdefault(source.uri, source.text) != source.text:
            problem = f"{source.uri!r} is already the uri of another text"
            raise InvalidParams(f"{field}.uri", problem, hint="Give each text a uri of its own.")


def encode_result(report: corpus_requests.IndexResult) -> IndexResult:
    """The engine's answer on the wire."""
    return IndexResult(
        corpus=report.corpus,
        documents=report.documents,
        sentences=report.sentences,
        tokens=report.tokens,
        bytes=report.nbytes,
        seconds=round(report.seconds, 3),
        unchanged=report.unchanged,
        skipped=[Skipped(uri=one.uri, reason=one.reason) for one in report.skipped],
        kept=report.kept,
        graphs=encode_graphs(report.graphs),
    )


METHOD = Method(SIGNATURE, prepare, title="indexing the corpus", builds=True, abandonable=False)
