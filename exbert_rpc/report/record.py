"""What a report holds: answers of the protocol's methods, in the order in which a person would ask for them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from exbert_rpc.errors import InvalidParams
from exbert_rpc.protocol.jsonrpc import encode
from exbert_rpc.protocol.types.attend import AttendParams, AttendResult
from exbert_rpc.protocol.types.base import NoParams, Params, Result
from exbert_rpc.protocol.types.list_corpora import ListCorporaResult
from exbert_rpc.protocol.types.list_models import ListModelsResult
from exbert_rpc.protocol.types.search_contexts import SearchParams, SearchResult
from exbert_rpc.protocol.types.summarize import SummarizeParams, SummarizeResult
from exbert_rpc.report.names import without_folders

R = TypeVar("R", bound=Result)

_PREDICTIONS = 5


class Ask(Protocol):
    """Answers a request; offsets count UTF-16 code units, as a page does."""

    def __call__(self, params: Params, result: type[R]) -> R:
        """The answer, or what the method raises."""
        ...


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """What a report is about.

    Attributes:
        text: The text to read.
        model: Model id; ``None``: the corpus' model, or the default one.
        corpus: Where contexts come from; ``None``: the report has none.
        layer: Attention layer that the page opens with, and whose contexts it holds; ``None``: the last one.
        heads: Heads that are shown and searched; ``None``: all.
        token: Token whose contexts the page opens with; ``None``: none is chosen.
        k: Contexts of each token.
    """

    text: str
    model: str | None = None
    corpus: str | None = None
    layer: int | None = None
    heads: Sequence[int] | None = None
    token: int | None = None
    k: int = 20


def request_of_view(state: Mapping[str, Any]) -> ReportRequest:
    """What a page is asked to hold of a view, from the view's state as clients keep it.

    Raises:
        InvalidParams: the view shows what a page does not hold.
    """
    given, pinned = ({} if not isinstance(state.get(one), dict) else state[one] for one in ("input", "pinned"))
    if not isinstance(given.get("text"), str) or given.get("textPair") or state.get("mask") or state.get("without"):
        raise InvalidParams("page", "holds a single text as the model reads it, without masks or heads that are off")
    model, corpus, layer, heads = (state.get(name) for name in ("model", "corpus", "layer", "heads"))
    return ReportRequest(given["text"], model, corpus, layer, heads, pinned.get("token"))


@dataclass(frozen=True, slots=True)
class Recording:
    """Answers as they go over the wire, and what the page opens with.

    Attributes:
        title: For the page.
        attend: Answer of ``attend``, all layers and heads.
        models: Answer of ``listModels``, this model only.
        corpora: Answer of ``listCorpora``, this corpus only.
        view: View state of the clients.
        searches: For each token its number, layer and heads, and the answers of ``searchContexts`` and ``summarize``.
    """

    title: str
    attend: dict[str, Any]
    models: dict[str, Any]
    corpora: dict[str, Any]
    view: dict[str, Any]
    searches: list[dict[str, Any]]

    def with_hits(self, k: int) -> dict[str, Any]:
        """The plain value that stands in a page, with ``k`` contexts of each token at most."""
        return {
            "version": 1,
            "holds": self.holds(k),
            "attend": self.attend,
            "models": self.models,
            "corpora": self.corpora,
            "view": {**self.view, "k": k},
            "searches": [
                {**one, "answer": {**one["answer"], "hits": one["answer"]["hits"][:k]}} for one in self.searches
            ],
        }

    def holds(self, k: int) -> str:
        """What a page with so many contexts holds, in words."""
        if not self.searches:
            return "It holds this text's attention in all layers and heads, and no contexts of a corpus."
        view = self.view
        heads = "all heads" if view["heads"] is None else f"heads {', '.join(map(str, view['heads']))}"
        found = self.most_hits
        contexts = f"{min(k, found)} contexts of each token in layer {view['layer']}, {heads}"
        if view["pinned"] is not None:
            contexts += ", of the chosen token also in other layers and single heads"
        summary = f"summaries of {found} contexts" if k < found else "their summaries"
        return (
            f"It holds attention in all layers and heads, {contexts}, and {summary}."
            " Other contexts, filters and texts need exBERT itself."
        )

    @property
    def most_hits(self) -> int:
        """Contexts of the token that has most."""
        return max((len(one["answer"]["hits"]) for one in self.searches), default=0)


def record(request: ReportRequest, ask: Ask) -> Recording:
    """Ask for everything that a report holds.

    Args:
        request: What it is about.
        ask: Answers requests.

    Raises:
        ExbertError: what a method raises: no such corpus, a text that is too long, a layer that is not stored, …
    """
    corpora = ask(NoParams(), ListCorporaResult)
    mine = [one for one in corpora.corpora if one.corpus == request.corpus]
    model = request.model or (mine[0].model if mine else None)
    pipeline = mine[0].pipeline if mine else None
    read = ask(
        AttendParams(text=request.text, model=model, pipeline=pipeline, tensors="float16", top_k=_PREDICTIONS),
        AttendResult,
    )
    layer = read.layers[-1] if request.layer is None else request.layer
    heads = None if request.heads is None else list(request.heads)
    chosen = _Query(request.token or 0, layer, heads)
    queries = [] if request.corpus is None else _queries(request, read, mine[0].layers if mine else [], chosen)
    searches = [_answered(request, ask, read.capture_id, one) for one in queries]
    models = ask(NoParams(), ListModelsResult)
    return Recording(
        title=request.text if len(request.text) <= 60 else request.text[:59] + "…",
        attend=_plain(read),
        models={"models": [_listing(_plain(models)["models"], read.model.id)]},
        corpora=without_folders({"corpora": [_plain(one) for one in mine]}),
        view=without_folders(_view(request, read, layer, heads)),
        searches=searches,
    )


@dataclass(frozen=True, slots=True)
class _Query:
    """A search that a person can click to: a token, a layer, and heads of it (``None``: all)."""

    token: int
    layer: int
    heads: list[int] | None


def _queries(request: ReportRequest, read: AttendResult, stored: Sequence[int], chosen: _Query) -> Iterator[_Query]:
    """Each token as the page opens; the chosen token also in the other stored layers, and in each head alone."""
    for token, known in enumerate(read.tokens):
        if not known.is_special or token == request.token:
            yield replace(chosen, token=token)
    if request.token is None:
        return
    for layer in stored:
        if layer != chosen.layer:
            yield replace(chosen, layer=layer)
    for head in read.heads:
        if chosen.heads != [head]:
            yield replace(chosen, heads=[head])


def _answered(request: ReportRequest, ask: Ask, capture: str, query: _Query) -> dict[str, Any]:
    assert request.corpus is not None
    token, layer, heads = query.token, query.layer, query.heads
    asked = SearchParams(
        corpus=request.corpus, capture_id=capture, token=token, layer=layer, heads=heads, k=request.k, distinct=True
    )
    found = ask(asked, SearchResult)
    summary = ask(SummarizeParams(search_id=found.search_id), SummarizeResult)
    return {"token": token, "layer": layer, "heads": heads, "answer": _plain(found), "summary": _plain(summary)}


def _view(request: ReportRequest, read: AttendResult, layer: int, heads: list[int] | None) -> dict[str, Any]:
    """The state that the view opens with."""
    pinned = None if request.token is None else {"side": "left", "token": request.token}
    return {
        "version": 1,
        "input": {"text": request.text},
        "label": "report",
        "model": read.model.id,
        "corpus": request.corpus,
        "layer": layer,
        "heads": heads,
        "pinned": pinned,
        "distinct": True,
        "pane": "attention",
    }


def _listing(models: list[dict[str, Any]], model: str) -> dict[str, Any]:
    listed = next((one for one in models if one["id"] == model), {"loaded": True})
    named: dict[str, Any] = without_folders({**listed, "id": model, "source": "report", "isDefault": True})
    return named


def _plain(answer: Result) -> dict[str, Any]:
    """An answer as it goes over the wire, without folders of the machine that gave it."""
    value: dict[str, Any] = without_folders(json.loads(encode(answer)))
    return value
