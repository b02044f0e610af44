"""What the engine answers, as the Structs of the protocol.

The only place that rounds numbers and counts characters in the client's units.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.types import AttentionPeak, ContextHit, CorpusInfo, SearchReport, TextPosition
from exbert_rpc.engine.requests import (
    Attended,
    IndexReport,
    ModelAtHand,
    Searched,
    Summarized,
    TokenTable,
)
from exbert_rpc.model.types import Encoding, ModelInfo, TokenPrediction
from exbert_rpc.server import protocol as wire
from exbert_rpc.server.positions import OffsetMap, PositionEncoding, units
from exbert_rpc.server.tensors import encode_tensor

DIGITS = 6


def model_description(info: ModelInfo) -> wire.ModelDescription:
    """A model."""
    return wire.ModelDescription(
        id=info.id,
        architecture=info.architecture,
        kind=info.kind,
        n_layers=info.n_layers,
        n_heads=info.n_heads,
        n_kv_heads=info.n_kv_heads,
        hidden_size=info.hidden_size,
        head_size=info.head_size,
        max_tokens=info.max_tokens,
        has_lm_head=info.has_lm_head,
        mask_token=info.mask_token,
        fingerprint=info.fingerprint,
        device=info.device,
        n_decoder_layers=info.n_decoder_layers,
    )


def attend_result(answer: Attended, form: wire.TensorForm, encoding: PositionEncoding) -> wire.AttendResult:
    """Answer of ``attend``."""

    def tensor(array: NDArray[np.float32] | None) -> wire.Tensor | None:
        return None if array is None else encode_tensor(array, form)

    decoder = answer.decoder_tokens
    return wire.AttendResult(
        capture_id=answer.capture_id,
        model=model_description(answer.model),
        tokens=tokens(answer.tokens, encoding),
        attention=encode_tensor(answer.attention, form),
        layers=list(answer.layers),
        heads=list(answer.heads),
        text=answer.tokens.encoding.text,
        decoder_tokens=None if decoder is None else _decoder_tokens(answer.tokens, decoder, encoding),
        decoder_attention=tensor(answer.decoder_attention),
        cross_attention=tensor(answer.cross_attention),
        decoder_layers=None if answer.decoder_layers is None else list(answer.decoder_layers),
        notes=list(answer.notes),
    )


def _decoder_tokens(encoder: TokenTable, decoder: TokenTable, encoding: PositionEncoding) -> list[wire.Token]:
    """What the decoder read: the second segment where there is one, although for the decoder it is the first."""
    segment = 0 if encoder.encoding.pair is None else 1
    return [msgspec.structs.replace(token, segment=segment) for token in tokens(decoder, encoding)]


def tokens(table: TokenTable, encoding: PositionEncoding) -> list[wire.Token]:
    """The tokens of a pass."""
    of, annotations, rows = table.encoding, table.annotations, table.predictions
    words = (
        zip(*(getattr(annotations, name) for name in _ANNOTATIONS), strict=True) if annotations is not None else None
    )
    start, end = _units(of, encoding)
    columns = (of.ids, of.segment, of.start, of.end, of.is_special, of.is_masked)
    found = []
    for index, (id_, segment, first, last, is_special, is_masked) in enumerate(
        zip(*(column.tolist() for column in columns), strict=True)
    ):
        token = wire.Token(
            index=index,
            id=id_,
            token=of.tokens[index],
            text=(of.pair or "" if segment == 1 else of.text)[first:last],
            start=start[index],
            end=end[index],
            segment=segment,
            is_special=is_special,
            is_masked=is_masked,
            predictions=None if rows is None else [_prediction(one) for one in rows[index]],
            **({} if words is None else dict(zip(_ANNOTATIONS, next(words), strict=True))),
        )
        found.append(token)
    return found


def _units(tokens: Encoding, encoding: PositionEncoding) -> tuple[list[int], list[int]]:
    """Start and end of each token in units, within its own segment."""
    start, end = np.zeros_like(tokens.start), np.zeros_like(tokens.end)
    for segment, text in enumerate((tokens.text, tokens.pair)):
        mine = tokens.segment == segment
        if text is not None:
            offsets = OffsetMap(text, encoding)
            start[mine], end[mine] = offsets(tokens.start[mine]), offsets(tokens.end[mine])
    return start.tolist(), end.tolist()


_ANNOTATIONS = ("pos", "tag", "dep", "lemma", "syntactic_head", "entity", "word", "sentence")


def _prediction(one: TokenPrediction) -> wire.Prediction:
    probability = min(1.0, max(0.0, round(float(one.probability), DIGITS)))
    return wire.Prediction(token=one.token, id=int(one.id), probability=probability)


def search_result(answer: Searched, encoding: PositionEncoding) -> wire.SearchResult:
    """Answer of ``searchContexts``."""
    query = tokens(answer.query, encoding)
    return wire.SearchResult(
        search_id=answer.search_id,
        model=model_description(answer.model),
        hits=[_hit(hit, answer.attention_layer, answer.heads, encoding) for hit in answer.hits],
        stats=_stats(answer.report),
        query=query[answer.token] if 0 <= answer.token < len(query) else None,
    )


def _stats(report: SearchReport) -> wire.SearchStats:
    return wire.SearchStats(
        searched=report.searched,
        exact=report.exact,
        milliseconds=round(report.milliseconds, 3),
        precision=report.precision,
        reranked=report.reranked,
        note=report.note,
    )


def _hit(hit: ContextHit, layer: int, heads: tuple[int, ...], encoding: PositionEncoding) -> wire.Hit:
    return wire.Hit(
        rank=hit.rank,
        score=min(1.0, max(-1.0, round(float(hit.score), DIGITS))),
        document=hit.document,
        range=_range(hit.start, hit.end, encoding),
        stale=hit.stale,
        sentence=wire.HitSentence(index=hit.sentence_index, text=hit.sentence_text),
        match=hit.match,
        next=hit.next,
        tokens=_hit_tokens(hit, encoding),
        attention=wire.HitAttention(
            layer=layer, heads=list(heads), outgoing=_rounded(hit.outgoing), incoming=_rounded(hit.incoming)
        ),
        max_attention=wire.MaxAttention(
            outgoing=_peak(hit.peak_outgoing), incoming=_peak(hit.peak_incoming), next=_peak(hit.peak_next)
        ),
        cell=hit.cell,
        sentence_range=_range(hit.sentence_start, hit.sentence_end, encoding),
    )


def _hit_tokens(hit: ContextHit, encoding: PositionEncoding) -> list[wire.HitToken]:
    table, text = hit.tokens, hit.sentence_text
    offsets = OffsetMap(text, encoding)
    places = zip(table.start.tolist(), table.end.tolist(), offsets(table.start), offsets(table.end), strict=True)
    return [
        wire.HitToken(
            text=text[first:last],
            start=start,
            end=end,
            pos=table.pos[index],
            tag=table.tag[index],
            dep=table.dep[index],
            lemma=table.lemma[index],
            entity=table.entity[index],
            is_special=bool(table.is_special[index]),
        )
        for index, (first, last, start, end) in enumerate(places)
    ]


def _rounded(values: NDArray[np.float32]) -> list[float]:
    return [float(value) for value in np.round(values.astype(np.float64), DIGITS)]


def _peak(peak: AttentionPeak | None) -> wire.Peak | None:
    if peak is None:
        return None
    return wire.Peak(index=peak.index, offset=peak.offset, weight=round(float(peak.weight), DIGITS))


def _range(start: TextPosition, end: TextPosition, encoding: PositionEncoding) -> wire.Range:
    return wire.Range(start=_position(start, encoding), end=_position(end, encoding))


def _position(place: TextPosition, encoding: PositionEncoding) -> wire.Position:
    return wire.Position(line=place.line, character=units(place.line_text[: place.column], encoding))


def summarize_result(answer: Summarized) -> wire.SummarizeResult:
    """Answer of ``summarize``."""
    summary = answer.summary
    histograms = [
        wire.Histogram(
            of=histogram.of,
            attribute=histogram.attribute,
            bins=[
                wire.Bin(
                    label=one.label,
                    count=one.count,
                    share=_share(one.share),
                    baseline=_share(one.baseline),
                    lift=None if one.lift is None else round(one.lift, DIGITS),
                    low=_share(one.low),
                    high=_share(one.high),
                    q_value=min(1.0, max(0.0, float(one.q_value))),  # not rounded: small ones are the point
                )
                for one in histogram.bins
            ],
        )
        for histogram in summary.histograms
    ]
    return wire.SummarizeResult(
        subject=summary.subject,
        n_hits=summary.n_hits,
        n_distinct=summary.n_distinct,
        histograms=histograms,
        findings=list(summary.findings),
        search_id=answer.search_id,
        attention=summary.attention,
        n_baseline=summary.n_baseline,
    )


def _share(value: float) -> float:
    return min(1.0, max(0.0, round(float(value), DIGITS)))


def index_result(report: IndexReport) -> wire.IndexResult:
    """Answer of ``indexCorpus``."""
    return wire.IndexResult(
        corpus=report.corpus,
        documents=report.documents,
        sentences=report.sentences,
        tokens=report.tokens,
        bytes=report.nbytes,
        seconds=round(report.seconds, 3),
        unchanged=report.unchanged,
        skipped=[wire.Skipped(uri=one.uri, reason=one.reason) for one in report.skipped],
    )


def corpus_description(info: CorpusInfo) -> wire.CorpusDescription:
    """A corpus."""
    return wire.CorpusDescription(
        corpus=info.name,
        model=info.model,
        pipeline=info.pipeline,
        precision=info.precision,
        documents=info.documents,
        sentences=info.sentences,
        tokens=info.tokens,
        bytes=info.nbytes,
        layers=list(info.layers),
        spaces=list(info.spaces),
        fingerprint=info.fingerprint,
        damaged=list(info.damaged),
    )


def model_listing(model: ModelAtHand) -> wire.ModelListing:
    """A model that is at hand."""
    return wire.ModelListing(id=model.id, source=model.source, loaded=model.loaded, is_default=model.is_default)
