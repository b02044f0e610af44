"""``summarize``: say what the hits of a search have in common, against what the corpus has anyway."""

from __future__ import annotations

import msgspec

from exbert_rpc.analysis import types as analysis
from exbert_rpc.engine import corpus_requests
from exbert_rpc.errors import InvalidParams
from exbert_rpc.methods import search_contexts
from exbert_rpc.methods.method import Context, Method, Work
from exbert_rpc.methods.results import DIGITS, share
from exbert_rpc.protocol.types.search_contexts import SearchParams
from exbert_rpc.protocol.types.summarize import (
    SIGNATURE,
    Bin,
    Controls,
    ControlShare,
    Finding,
    Histogram,
    MetadataHistogram,
    Peers,
    SummarizeParams,
    SummarizeResult,
)


def prepare(params: SummarizeParams, context: Context) -> Work:
    """Reads the search now, if it is given in full."""
    request = read_request(params, context)
    return lambda engine, task: encode_result(engine.summarize(request, task))


def read_request(params: SummarizeParams, context: Context) -> corpus_requests.SummarizeRequest:
    """What the engine is asked."""
    search = None
    if params.search_id is None:
        search = search_contexts.read_request(params, params.corpus, context)
    else:
        _check_search_id_alone(params)
    return corpus_requests.SummarizeRequest(
        session=context.session,
        search_id=params.search_id,
        search=search,
        subject=params.subject,
        attention=params.attention,
        include_special=params.include_special,
        controls=None if params.controls is None else tuple(params.controls),
        metadata=tuple(params.metadata or ()),
    )


def _check_search_id_alone(params: SummarizeParams) -> None:
    """Fields of a search beside the handle of one would be ignored without a word."""
    for field in msgspec.structs.fields(SearchParams):
        if field.name != "work_done_token" and getattr(params, field.name) not in (None, field.default):
            raise InvalidParams(
                field.encode_name, "may not be given together with `searchId`", hint="Give one of them."
            )


def encode_result(answer: corpus_requests.SummarizeResult) -> SummarizeResult:
    """The engine's answer on the wire."""
    summary = answer.summary
    return SummarizeResult(
        subject=summary.subject,
        n_hits=summary.n_hits,
        n_distinct=summary.n_distinct,
        histograms=[_histogram(histogram) for histogram in summary.histograms],
        findings=list(summary.findings),
        search_id=answer.search_id,
        attention=summary.attention,
        n_baseline=summary.n_baseline,
        findings_detailed=[_finding(one) for one in summary.findings_detailed],
        notes=list(summary.notes),
        metadata=[
            MetadataHistogram(key=one.key, bins=[_bin(row) for row in one.bins], findings=list(one.findings))
            for one in summary.metadata
        ],
    )


def _histogram(histogram: analysis.Histogram) -> Histogram:
    return Histogram(of=histogram.of, attribute=histogram.attribute, bins=[_bin(one) for one in histogram.bins])


def _bin(one: analysis.Bin) -> Bin:
    return Bin(
        label=one.label,
        count=one.count,
        share=share(one.share),
        baseline=share(one.baseline),
        lift=None if one.lift is None else round(one.lift, DIGITS),
        low=share(one.low),
        high=share(one.high),
        q_value=_q_value(one.q_value),
        controls=None if one.controls is None else _controls(one.controls),
    )


def _finding(one: analysis.Finding) -> Finding:
    return Finding(
        sentence=one.sentence,
        of=one.of,
        attribute=one.attribute,
        label=one.label,
        verdict=one.verdict,
        q_value=_q_value(one.q_value),
        controls=_controls(one.controls),
    )


def _controls(one: analysis.Controls) -> Controls:
    peers = one.peers
    return Controls(
        word=_control_share(one.word),
        echo=_control_share(one.echo),
        peers=None if peers is None else Peers(rank=peers.rank, of=peers.of, median=share(peers.median)),
    )


def _control_share(one: analysis.ControlShare | None) -> ControlShare | None:
    return None if one is None else ControlShare(share=share(one.share), n=one.n)


def _q_value(value: float) -> float:
    return min(1.0, max(0.0, float(value)))  # not rounded: small ones are the point


METHOD = Method(SIGNATURE, prepare, title="summarizing contexts")
