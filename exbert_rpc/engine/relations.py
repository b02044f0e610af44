"""From a request for the relation that a head draws to the plan of its search."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from exbert_rpc.corpus.search.finding import Scope
from exbert_rpc.corpus.search.plan import SearchPlan
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.search.relations import Relation, attending_rows
from exbert_rpc.corpus.types import CorpusModel
from exbert_rpc.engine.corpus_requests import RelationRequest
from exbert_rpc.engine.plan import make_plan, query_of
from exbert_rpc.errors import CorpusMismatch, InvalidParams
from exbert_rpc.model.capture import check_range
from exbert_rpc.model.types import Capture

NOTHING_PASSES = "no token of the corpus passes the filter"
NOTHING_ATTENDS = "of the tokens that pass the filter, none gives a single token so much of this head's attention"
_OTHERWISE = (
    "in the query, this head's strongest attention goes to token {strongest} ({strongest_weight:.0%}), not to {target} "
    "({weight:.0%}): hits show pairs that look like the marked one, but the head may not draw it here"
)


def check_relations(request: RelationRequest, reader: CorpusReader) -> None:
    """Return at once if a corpus can be searched for relations of the head.

    Raises:
        InvalidParams: there is no such layer or head, or the corpus does not hold what is compared.
        CorpusMismatch: an earlier version has built the corpus.
    """
    config, layer = reader.config, request.search.layer
    check_range("layer", [layer], config.n_layers, "layer")
    check_range("head", [request.head], config.n_heads, "head")
    if not reader.has_head_tables:
        raise CorpusMismatch(
            f"corpus {reader.name!r} was built by an earlier version, which did not keep what each token attends to "
            "most",
            hint="index the corpus again: all its text is run through the model once more",
        )
    held = [one for one in config.layers if one in config.vector_layers("hiddenState")]
    if layer not in held:
        raise InvalidParams(
            "layer",
            f"corpus {reader.name!r} does not hold the hidden states that layer {layer} reads",
            hint=f"layers that can be searched for relations: {', '.join(map(str, held)) or 'none'}; to add others, "
            "index the corpus again with them among `layers`, and with hiddenState among `spaces`",
            allowed=held,
        )


def relation_plan(
    request: RelationRequest, reader: CorpusReader, model: CorpusModel, capture: Capture, source: int
) -> SearchPlan:
    """The plan of one search.

    Raises:
        InvalidParams: source or target is no token that a head's peaks can name, or the filter names nothing there is.
    """
    search, target = request.search, request.target
    _check_ends(capture, source, target)
    layer, head = search.layer, request.head
    plan = make_plan(search, reader, model, query_of(search, capture, (source,)))
    relation = Relation(plan.query, query_of(search, capture, (target,)), layer, head)
    passing = plan.scope.eligible
    attending = reader.cached(
        ("attending", search.filter, layer, head, request.min_weight),
        lambda: attending_rows(reader, passing, layer, head, request.min_weight),
    )
    notes = [plan.note, _note(capture, layer, head, source, target)]
    if passing.total == 0:
        notes.append(NOTHING_PASSES)
    elif attending.total == 0:
        notes.append(NOTHING_ATTENDS)
    return replace(
        plan,
        scope=Scope(reader, plan.scope.space, layer, attending),
        relation=relation,
        find=relation.find,
        note=". ".join(one for one in notes if one is not None) or None,
    )


def weight_of(capture: Capture, layer: int, head: int, source: int, target: int) -> float:
    """How much of its attention a head gives from one token of a pass to another, in [0, 1]."""
    return float(capture.attention((layer,), (head,))[0, 0, source, target])


def _note(capture: Capture, layer: int, head: int, source: int, target: int) -> str | None:
    """A remark if the head draws another relation in the query than the one that was marked."""
    row = np.where(capture.encoding.is_special, -1.0, capture.attention((layer,), (head,))[0, 0, source])
    strongest = int(row.argmax())
    if row[strongest] <= row[target]:
        return None
    return _OTHERWISE.format(
        strongest=strongest, strongest_weight=row[strongest], target=target, weight=float(row[target])
    )


def _check_ends(capture: Capture, source: int, target: int) -> None:
    encoding = capture.encoding
    n = len(encoding.ids)
    if not 0 <= target < n:
        raise InvalidParams("target", f"{target} is out of range", hint=f"tokens of this text are 0 to {n - 1}")
    for field, token in (("source", source), ("target", target)):
        if encoding.is_special[token]:
            raise InvalidParams(
                field,
                f"token {token} ({encoding.tokens[token]}) is a special token, which no row of a corpus is or attends "
                "to most",
                hint="mark a token of the text",
            )
