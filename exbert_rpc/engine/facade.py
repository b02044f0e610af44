"""The facade: everything that this package can do, as plain Python calls.

No JSON, no event loop. All methods are synchronous and may be called from many threads at once; each takes a
:class:`~exbert_rpc.tasks.Task` that it reports to and obeys.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from exbert_rpc.analysis.value_weights import value_weighted
from exbert_rpc.corpus.search.actors import ActorSettings, SearchActors
from exbert_rpc.corpus.search.graphs import Graphs
from exbert_rpc.corpus.types import CorpusDescription
from exbert_rpc.engine.ablation import ablate
from exbert_rpc.engine.annotations import Annotators, annotate_tokens, are_ready
from exbert_rpc.engine.captures import Pass, check_unchanged, chosen_heads, chosen_layers, continue_pass, read_text
from exbert_rpc.engine.comparison import compare_passes
from exbert_rpc.engine.corpora import Corpora
from exbert_rpc.engine.corpus_requests import (
    IndexRequest,
    IndexResult,
    ProfileRequest,
    ProfileResult,
    RelationRequest,
    SearchRequest,
    SearchResult,
    SummarizeRequest,
    SummarizeResult,
)
from exbert_rpc.engine.decomposition import decompose
from exbert_rpc.engine.defaults import DEFAULT_MODEL, DEFAULT_PIPELINE
from exbert_rpc.engine.graphs import make_graphs
from exbert_rpc.engine.handles import Handles
from exbert_rpc.engine.models import Models
from exbert_rpc.engine.profile import Profiler
from exbert_rpc.engine.reference import References, zero_outputs
from exbert_rpc.engine.requests import (
    AblateRequest,
    AblateResult,
    AnswerSize,
    AttendRequest,
    AttendResult,
    CompareRequest,
    CompareResult,
    DecomposeRequest,
    DecomposeResult,
    ModelListing,
    QueryKeyRequest,
    TextInput,
    TokenTable,
)
from exbert_rpc.engine.search import KeptSearch, Searcher, summarize_kept
from exbert_rpc.engine.text_notes import text_notes
from exbert_rpc.errors import InvalidParams
from exbert_rpc.model.capture import check_attends
from exbert_rpc.model.lanes import all_cores_but_one
from exbert_rpc.model.query_key import QueryKeyRow
from exbert_rpc.model.types import Capture, Encoding, ModelDescription
from exbert_rpc.tasks import Progress, Task
from exbert_rpc.text.formats.format import ReadingOptions
from exbert_rpc.text.preview import Preview
from exbert_rpc.text.sources import Source

_SINK_NOTE = (
    "rows of attention sum to less than 1: this model has attention sinks, which take the rest and are no tokens"
)
_VALUE_NOTE = "weights are attention times the norm of what each token hands over, each row divided by its sum"
_SHIFTED_NOTE = "the decoder reads its text behind the start token, as in training; each position predicts the next"
_UNSHIFTED_NOTE = (
    "the model's configuration names no start token (decoder_start_token_id): the decoder reads its text as it is, "
    "without one"
)
_DTYPE_NOTE = "computed in {}: numbers are right to about {} digits; `--dtype float32` gives more"
_DIGITS = {"bfloat16": 2, "float16": 3}
_WHOLE_ROW = 0.999
_WHOLE_ROW_ROUNDED = 0.98
_CAPTURE_BYTES = 512 << 20
_CAPTURES = 256
_SEARCHES = 64
_FIRST_TEXT = "Ready."


class Engine:
    """Models, corpora and what is kept of them for each session.

    Args:
        store: Folder of the corpora; ``None``: :func:`default_store`.
        default_model: Model that is meant when none is named.
        device: ``auto`` or a torch device.
        dtype: What weights are kept in, and passes computed in: ``float32``, ``bfloat16``, ``float16``, or ``auto`` for
            the checkpoint's own.
        allow_network: Whether a Hub id may be downloaded.
        allowed_roots: Folders that files may be read from; ``None``: anywhere.
        pipeline: spaCy pipeline that is meant when none is named.
        origin: URL below which all corpora lie, such as ``s3://bucket/store``; they are only read, and ``store`` has
            copies of what is used. ``None``: they lie in ``store``.
        actors: Actors of a Ray cluster that search the corpora; ``None``: this process does.

    Raises:
        InvalidParams: Ray or fsspec is asked for and not installed, or Ray cannot be loaded into this process any more.
    """

    def __init__(
        self,
        store: Path | None = None,
        *,
        default_model: str = DEFAULT_MODEL,
        device: str = "auto",
        dtype: str = "float32",
        allow_network: bool = False,
        allowed_roots: tuple[Path, ...] | None = None,
        pipeline: str = DEFAULT_PIPELINE,
        origin: str | None = None,
        actors: ActorSettings | None = None,
    ) -> None:
        self._actors = None if actors is None else SearchActors(actors)
        root = (default_store() if store is None else store).absolute()
        self._models = Models(default_model, device, allow_network, allowed_roots, root / ".models", dtype)
        self._annotators = Annotators(allowed_roots)
        self._corpora = Corpora(root, self._models, pipeline, allowed_roots, self._annotators, self._actors, origin)
        self._pipeline = pipeline
        self._captures: Handles[Pass] = Handles("captureId", _CAPTURE_BYTES, _CAPTURES, lambda kept: kept.nbytes)
        self._searches: Handles[KeptSearch] = Handles("searchId", _CAPTURE_BYTES, _SEARCHES, lambda kept: kept.nbytes)
        self._references = References()
        self._graphs = Graphs()
        self._profiler = Profiler(self._corpora, self._models, allowed_roots)
        self._searcher = Searcher(
            self._corpora, self._models, self._annotators, self._captures, self._graphs, allowed_roots
        )

    def attend(
        self, request: AttendRequest, task: Task, check: Callable[[AnswerSize], None] | None = None
    ) -> AttendResult:
        """Run a model over a text, or look again at a pass that is kept.

        Args:
            request: What to read and what to return of it.
            task: Reported to and obeyed.
            check: Is told the size of the answer before attention is materialised; what it raises ends the call.

        Raises:
            InvalidParams, TextTooLong, ModelNotFound, ModelNotSupported, UnknownHandle, Cancelled
        """
        if request.capture_id is None:
            if not self._models.has(request.model):
                self._annotate_ahead(request)  # the pipeline's process starts while the model is loaded
            model = self._models.get(request.model, task)
            with all_cores_but_one() if self._annotate_ahead(request) else nullcontext():
                kept = read_text(model, request.input, task, request.generate)
            capture_id = None
        else:
            kept = self._captures.get(request.session, request.capture_id)
            capture_id = request.capture_id
            if request.generate:
                kept, capture_id = continue_pass(kept, request.generate, task), None
        capture = kept.capture
        layers = _layers_of(request.layers, capture.info)
        heads = chosen_heads(request.heads, capture.info.n_heads)
        if check is not None:
            check(_plan(capture, len(layers), len(heads)))
        task.check()
        decoder = capture.decoder_encoding
        table = self._table(capture.encoding, capture if decoder is None else None, request)
        answer = _answer(capture_id or self._captures.put(request.session, kept), capture, table, layers, heads)
        if request.weights == "valueNorm":
            check_unchanged(kept)
            places = [capture.info.attention_layers.index(layer) for layer in answer.layers]
            norms = kept.model.value_norms(capture.encoding)[np.ix_(places, heads)]
            weighted = value_weighted(answer.attention, norms)
            answer = replace(answer, attention=weighted, notes=(*answer.notes, _VALUE_NOTE))
        notes = text_notes(capture, kept.model.prompts, kept.model.generation_settings)
        answer = replace(answer, notes=(*answer.notes, *notes, *([_ablated_note(kept)] if kept.ablated else [])))
        if decoder is not None:
            answer = _with_decoder(answer, capture, self._table(decoder, capture, request), layers)
        tables = (answer.tokens, answer.decoder_tokens)
        missing = any(one is not None and one.annotations is None for one in tables)
        return replace(answer, annotations_pending=request.annotate and missing)

    def search_contexts(self, request: SearchRequest, task: Task) -> SearchResult:
        """Find the contexts of a corpus that are represented most like one token.

        Raises:
            InvalidParams, CorpusNotFound, CorpusMismatch, CorpusDamaged, UnknownHandle, TextTooLong, Cancelled
        """
        found = self._searcher.search(request, task)
        return found.answer(self._searches.put(request.session, found))

    def search_relations(self, request: RelationRequest, task: Task) -> SearchResult:
        """Find the contexts of a corpus in which a head draws a relation like the one between two tokens.

        Raises:
            InvalidParams, CorpusNotFound, CorpusMismatch, CorpusDamaged, UnknownHandle, TextTooLong, Cancelled
        """
        found = self._searcher.search_relations(request, task)
        return found.answer(self._searches.put(request.search.session, found))

    def summarize(self, request: SummarizeRequest, task: Task) -> SummarizeResult:
        """Say what the hits of a search have in common.

        Raises:
            UnknownHandle, and what :meth:`search_contexts` raises.
        """
        if request.search_id is not None:
            kept = self._searches.get(request.session, request.search_id)
            search_id = request.search_id
        elif request.search is not None:
            kept = self._searcher.search(request.search, task)
            search_id = self._searches.put(request.session, kept)
        else:
            raise InvalidParams("searchId", "is missing", hint="give it, or all that searchContexts takes")
        return SummarizeResult(search_id, summarize_kept(kept, request, task))

    def ablate_heads(self, request: AblateRequest, task: Task) -> AblateResult:
        """Say what replacing heads by their mean (or by zero) does to a prediction, or to the similarity of two texts.

        Raises:
            InvalidParams, TextTooLong, ModelNotFound, CorpusNotFound, CorpusMismatch, UnknownHandle, Cancelled
        """
        kept = self.read(request.session, request.input, request.capture_id, request.model, task)
        if request.mode == "zero":
            if request.corpus is not None:
                raise InvalidParams("corpus", 'goes with `mode: "mean"`', hint="leave one of them out")
            values = zero_outputs(kept.capture.info)
        elif request.corpus is None:
            values = self._references.packaged(kept.model, task)
        else:
            values = self._references.corpus(kept.model, self._corpora.reader(request.corpus), task)
        result, changed = ablate(kept, request, values, task)
        capture_id = None if changed is None else self._captures.put(request.session, changed)
        return replace(result, capture_id=capture_id, model=kept.capture.info)

    def decompose(self, request: DecomposeRequest, task: Task) -> DecomposeResult:
        """Say which parts of a model a prediction, or the similarity of two texts, is the sum of.

        Raises:
            InvalidParams, TextTooLong, ModelNotFound, ModelNotSupported, UnknownHandle, Cancelled
        """
        return decompose(
            self.read(request.session, request.input, request.capture_id, request.model, task), request, task
        )

    def compare_captures(self, request: CompareRequest, task: Task) -> CompareResult:
        """Say how two kept passes over the same tokens differ.

        Raises:
            InvalidParams, UnknownHandle, Cancelled
        """
        first, second = (self._captures.get(request.session, handle) for handle in (request.first, request.second))
        return compare_passes(first, second, task)

    def query_key(self, request: QueryKeyRequest, task: Task) -> QueryKeyRow:
        """Query and keys of one row of one head, of a pass that is kept.

        Raises:
            InvalidParams, ModelNotSupported, UnknownHandle, Cancelled
        """
        task.check()
        capture = self._captures.get(request.session, request.capture_id).capture
        return capture.query_key(request.layer, request.head, request.token, request.stream)

    def read(
        self, session: str, given: TextInput | None, capture_id: str | None, model: str | None, task: Task
    ) -> Pass:
        """The pass that a handle names, or a new one over a text.

        Raises:
            InvalidParams, TextTooLong, ModelNotFound, ModelNotSupported, UnknownHandle
        """
        if capture_id is not None:
            return self._captures.get(session, capture_id)
        return read_text(self._models.get(model, task), given, task)

    def profile_heads(self, request: ProfileRequest, task: Task) -> ProfileResult:
        """What heads do everywhere in a corpus; raises what :meth:`Profiler.profile` raises."""
        return self._profiler.profile(request, task)

    def index_corpus(self, request: IndexRequest, task: Task) -> IndexResult:
        """Make a corpus hold exactly what the sources name; only what has changed is computed."""
        report = self._corpora.build(request, task)
        if not request.graphs and not self._corpora.has_graphs(request.corpus):
            return report
        started = time.monotonic()
        make_graphs(self._graphs, self._corpora.reader(request.corpus), request.graphs, task)
        graphs = self._corpora.describe(request.corpus, thorough=False).graphs
        return replace(report, graphs=graphs, seconds=report.seconds + time.monotonic() - started)

    def preview_sources(self, sources: Sequence[Source], reading: ReadingOptions | None, task: Task) -> Preview:
        """What sources hold, before they are indexed; raises what :func:`preview` raises."""
        return self._corpora.preview(sources, reading, task)

    def list_corpora(self) -> list[CorpusDescription]:
        """All corpora of the store."""
        return self._corpora.list()

    def describe_corpus(self, name: str) -> CorpusDescription:
        """What a corpus holds; every byte of it is checked."""
        return self._corpora.describe(name)

    def remove_corpus(self, name: str) -> None:
        """Remove a corpus for good."""
        self._graphs.forget(name)
        self._corpora.remove(name)

    def list_models(self) -> list[ModelListing]:
        """Models that can be asked for without network."""
        return self._models.at_hand()

    def describe_model(self, model: str, task: Task | None = None) -> ModelDescription:
        """What a model is; loads it."""
        return self._models.get(model, task or Task()).info

    def add_model(self, model: object, tokenizer: object, task: Task) -> str:
        """Take a transformers model and its tokenizer, verified as any other; the id that it is asked for by.

        The model is copied as it is now. The same model gets the same id again.

        Raises:
            ModelNotSupported: it cannot be copied, or not be reproduced exactly; says why.
        """
        return self._models.add(model, tokenizer, task)

    def warm_up(self, task: Task) -> None:
        """Load the default model, and beside it the default pipeline, so that the first answer is quick."""
        if self._actors is not None:
            self._actors.start()
        pool = self._annotators.get(self._pipeline)
        pool.begin(_FIRST_TEXT)
        self._models.get(None, task)
        task.report(Progress(f"loading pipeline {self._pipeline}"))
        pool.annotate(_FIRST_TEXT)

    def close_session(self, session: str) -> None:
        """Forget what a session kept."""
        self._captures.drop_session(session)
        self._searches.drop_session(session)

    def close(self) -> None:
        """End all helper processes and threads."""
        self._graphs.close()
        self._annotators.close()
        if self._actors is not None:
            self._actors.close()

    def _annotate_ahead(self, request: AttendRequest) -> bool:
        """Let the pipeline read the text while the model does; whether it has anything to read."""
        if not request.annotate or request.input is None:
            return False
        pool = self._annotators.get(request.pipeline or self._pipeline)
        begun = [pool.begin(text) for text in request.input.texts]
        return any(begun)

    def _table(self, encoding: Encoding, capture: Capture | None, request: AttendRequest) -> TokenTable:
        annotations = None
        if request.annotate:
            pool = self._annotators.get(request.pipeline or self._pipeline)
            if request.wait_for_annotations or are_ready(encoding, pool):
                annotations = annotate_tokens(encoding, pool)
        return TokenTable(
            encoding,
            annotations,
            capture.predictions(request.top_k) if capture is not None and request.top_k > 0 else None,
        )


def default_store() -> Path:
    """Where corpora lie unless another folder is named: ``exbert-rpc`` in the user's cache folder.

    That is ``$XDG_CACHE_HOME`` or ``~/.cache`` on Linux, ``~/Library/Caches`` on macOS, ``%LOCALAPPDATA%`` on Windows.
    """
    return user_cache_path("exbert-rpc", appauthor=False)


def _plan(capture: Capture, n_layers: int, n_heads: int) -> AnswerSize:
    decoder = capture.decoder_encoding
    return AnswerSize(len(capture.encoding.ids), 0 if decoder is None else len(decoder.ids), n_layers, n_heads)


def _answer(
    capture_id: str, capture: Capture, table: TokenTable, layers: tuple[int, ...], heads: tuple[int, ...]
) -> AttendResult:
    layers = tuple(layer for layer in layers if layer < capture.info.n_layers)
    attention = capture.attention(layers, heads)
    info = capture.info
    notes = (*_notes(attention, info), *_dtype_notes(info), *_unused_notes(info))
    return AttendResult(capture_id, capture.info, table, attention, layers, heads, notes=notes)


def _notes(attention: NDArray[np.float32], info: ModelDescription) -> tuple[str, ...]:
    """What a reader of the weights must know: some models (gpt_oss) let part of each row go to no token at all."""
    rows = attention[:1] @ np.ones(attention.shape[-1], dtype=np.float32)
    whole = _WHOLE_ROW if info.dtype == "float32" else _WHOLE_ROW_ROUNDED
    return (_SINK_NOTE,) if rows.size and float(rows.min()) < whole else ()


def _dtype_notes(info: ModelDescription) -> tuple[str, ...]:
    """That numbers are coarser than usual."""
    return () if info.dtype == "float32" else (_DTYPE_NOTE.format(info.dtype, _DIGITS[info.dtype]),)


def _unused_notes(info: ModelDescription) -> tuple[str, ...]:
    """That the files hold more than the model reads: then the author's own class may give other numbers."""
    unused = info.unused_weights
    if not unused:
        return ()
    more = f" and {len(unused) - 3} more" if len(unused) > 3 else ""
    return (f"the checkpoint has weights that {info.architecture} does not use: {', '.join(unused[:3])}{more}",)


def _ablated_note(kept: Pass) -> str:
    named = ", ".join(f"{layer}.{head}" for layer, head in kept.ablated)
    return f"in this pass heads gave a constant instead of their output: {named}"


def _layers_of(given: tuple[int, ...] | None, info: ModelDescription) -> tuple[int, ...]:
    """Layers whose attention is asked for; by default all that have attention.

    Raises:
        InvalidParams: one is not there, or has no attention.
    """
    if given is None and info.n_decoder_layers is None:
        return info.attention_layers
    layers = chosen_layers(given, _deepest(info), "layers")
    if info.n_decoder_layers is None:
        check_attends("layers", layers, info)
    return layers


def _deepest(info: ModelDescription) -> int:
    """Layers of the encoder or of the decoder, whichever has more: a decoder may be the deeper one."""
    return max(info.n_layers, info.n_decoder_layers or 0)


def _with_decoder(answer: AttendResult, capture: Capture, table: TokenTable, asked: tuple[int, ...]) -> AttendResult:
    """The decoder's side; of the layers asked for, those that it has."""
    layers = tuple(layer for layer in asked if layer < (capture.info.n_decoder_layers or 0))
    expected = table.encoding.expected
    has_start = expected is None or expected[-1] is not None
    return replace(
        answer,
        notes=(*answer.notes, _SHIFTED_NOTE if has_start else _UNSHIFTED_NOTE),
        decoder_tokens=table,
        decoder_attention=capture.attention(layers, answer.heads, "decoder"),
        cross_attention=capture.attention(layers, answer.heads, "cross"),
        decoder_layers=layers,
    )
