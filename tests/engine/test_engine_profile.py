"""Profiles of heads through the engine, on tiny models."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

from exbert_rpc.analysis.profile.repeats import measure_repeats
from exbert_rpc.corpus.head_measures import measure
from exbert_rpc.corpus.head_sums import add_sums
from exbert_rpc.corpus.search.document_sums import document_sums
from exbert_rpc.engine import Engine
from exbert_rpc.engine.corpus_requests import IndexRequest, ProfileRequest
from exbert_rpc.errors import AnswerTooLarge, CorpusMismatch, CorpusNotFound, InvalidParams
from exbert_rpc.methods.profile_heads import encode_result
from exbert_rpc.tasks import Task
from tests.engine.helpers import DOCUMENTS
from tests.golden.test_golden_disk import STORE


@pytest.fixture(scope="module", params=["bert", "llama"])
def profiled(request, tmp_path_factory, tiny_model):
    root = tmp_path_factory.mktemp("profile")
    engine = Engine(root / "store", default_model=str(tiny_model(request.param)), pipeline="blank:en")
    engine.index_corpus(IndexRequest("c", tuple(DOCUMENTS.items())), Task())
    yield engine, request.param
    engine.close()


def _profile(engine: Engine, **fields):
    return engine.profile_heads(ProfileRequest("c", **fields), Task())


def test_every_head_has_a_profile_of_the_whole_corpus(profiled):
    engine, _ = profiled
    answer = _profile(engine)
    info = engine._corpora.reader("c").config
    assert [(one.layer, one.head) for one in answer.heads] == [
        (layer, head) for layer in range(info.n_layers) for head in range(info.n_heads)
    ]
    assert (answer.tokens, answer.documents) == (engine.describe_corpus("c").tokens, len(DOCUMENTS))
    assert answer.examples is None


def test_the_numbers_are_those_of_the_attention_that_is_stored(profiled):
    engine, family = profiled
    reader = engine._corpora.reader("c")
    causal = family == "llama"
    parts = []
    for segment in reader.segments:
        for sentence in range(len(segment.first_token) - 1):
            layers = [segment.attention(layer, sentence, reader.config.n_heads) for layer in reader.config.layers]
            parts.append(measure(layers, segment.words(sentence), causal=causal)[0])
    stored = add_sums(len(layers) * reader.config.n_heads, parts)
    kept = add_sums(stored.n_heads, document_sums(reader, lambda: pytest.fail("no model is needed"), Task()))
    # stored attention has a weight to within 1/510
    np.testing.assert_allclose(kept.offset_mass / kept.n_rows, stored.offset_mass / kept.n_rows, atol=0.02)
    np.testing.assert_array_equal(kept.offset_pairs, stored.offset_pairs)
    np.testing.assert_allclose(kept.scalars[:, 1:] / kept.n_rows, stored.scalars[:, 1:] / kept.n_rows, atol=0.01)


def test_repeated_random_tokens_are_read_by_autoregressive_models_alone(profiled):
    engine, family = profiled
    (one, *_) = _profile(engine, layers=(0,)).heads
    assert (one.repeats is None) == (family == "bert")
    if one.repeats is not None:
        assert 0 < one.repeats.induction < 1
        assert 0 < one.repeats.previous_token < 1
    assert _profile(engine, layers=(0,), measures=frozenset({"roles"})).heads[0].repeats is None


@pytest.mark.parametrize("place", ["previous_token", "duplicate_token", "induction"])
def test_a_head_that_is_planted_on_repeated_tokens_scores_one(place):
    n, before = 6, 2
    attention = np.zeros((1, before + 2 * n, before + 2 * n), np.float32)
    for row in range(before + 2 * n):
        back = {"previous_token": 1, "duplicate_token": n, "induction": n - 1}[place]
        attention[0, row, row - back if row - back >= 0 else 0] = 1
    names = ("previous_token", "duplicate_token", "induction")
    measured = dict(zip(names, measure_repeats(attention, before)[0], strict=True))
    assert measured[place] == 1
    assert all(value < 0.2 for name, value in measured.items() if name != place)


def test_examples_are_hits_whose_match_looks_most_at_the_target(profiled):
    engine, _ = profiled
    answer = _profile(engine, layers=(0,), heads=(1,), examples=2, min_pairs=5)
    ((one,), (examples,)) = answer.heads, answer.examples
    assert len(examples.roles) == len(one.roles) and len(examples.vocabulary) == len(one.vocabulary)
    for word, hits in zip(one.vocabulary, examples.vocabulary, strict=True):
        assert len(hits) <= 2
        for hit in hits:
            assert hit.target == hit.peak_outgoing.index
            assert hit.score == pytest.approx(hit.peak_outgoing.weight, abs=0.003)
            looked_at = hit.sentence_text[hit.tokens.start[hit.target] : hit.tokens.end[hit.target]].lower()
            assert looked_at in word.word
    wire = encode_result(answer, "utf-16").heads[0]
    assert [len(word.examples) for word in wire.vocabulary] == [len(hits) for hits in examples.vocabulary]


def test_measures_that_are_not_asked_for_are_left_out(profiled):
    engine, _ = profiled
    (one, *_) = _profile(engine, measures=frozenset({"offsets"})).heads
    assert one.offsets and (one.roles, one.relations, one.vocabulary, one.repeats) == ((), (), (), None)
    (one, *_) = _profile(engine, measures=frozenset({"vocabulary"})).heads
    assert (one.offsets, one.beyond) == ((), ())


def test_what_is_left_out_is_noted_where_it_was_asked_for(profiled):
    engine, _ = profiled
    answer = _profile(engine, layers=(0,))
    assert answer.notes[0].startswith("No roles or relations: the pipeline blank:en gives no dependencies.")
    assert encode_result(answer, "utf-16").notes == list(answer.notes)
    assert _profile(engine, layers=(0,), measures=frozenset({"vocabulary"})).notes == ()


@pytest.mark.parametrize(
    ("fields", "error", "says"),
    [
        ({"corpus": "none"}, CorpusNotFound, "none"),
        ({"heads": (99,)}, InvalidParams, "heads: 99"),
        ({"layers": (99,)}, InvalidParams, "layers: 99"),
        ({"layers": ()}, InvalidParams, "names no layer"),
        ({"examples": 20}, AnswerTooLarge, "examples"),
    ],
)
def test_what_cannot_be_profiled_is_refused(profiled, fields, error, says):
    engine, _ = profiled
    with pytest.raises(error, match=says):
        engine.profile_heads(replace(ProfileRequest("c"), **fields), Task())


def test_a_corpus_of_an_earlier_version_says_what_to_do(tmp_path, tiny_model):
    shutil.copytree(STORE, tmp_path / "store")
    engine = Engine(tmp_path / "store", default_model=str(tiny_model("bert")), pipeline="blank:en")
    try:
        with pytest.raises(CorpusMismatch, match="earlier version") as caught:
            engine.profile_heads(ProfileRequest("int8"), Task())
        assert "index the corpus again" in caught.value.hint
    finally:
        engine.close()


@pytest.mark.parametrize("family", ["bert", "llama"])
def test_sums_that_counted_the_first_token_are_used_only_where_it_can_be_no_sink(
    tmp_path, tiny_model, monkeypatch, family
):
    engine = Engine(tmp_path, default_model=str(tiny_model(family)), pipeline="blank:en")
    request = IndexRequest("c", tuple(DOCUMENTS.items()))
    with monkeypatch.context() as patch:
        patch.setattr("exbert_rpc.corpus.build.segment_builder.SUMS_VERSION", 1)
        engine.index_corpus(request, Task())
    if family == "bert":
        assert len(_profile(engine).heads) > 0
        before = engine._corpora.reader("c").manifest.segments
        engine.index_corpus(request, Task())
        assert engine._corpora.reader("c").manifest.segments == before
    else:
        with pytest.raises(CorpusMismatch, match="earlier version, which counted otherwise"):
            _profile(engine)
        engine.index_corpus(request, Task())
        assert len(_profile(engine).heads) > 0
    engine.close()


def test_layers_that_were_not_indexed_are_named(tmp_path, tiny_model):
    engine = Engine(tmp_path, default_model=str(tiny_model("bert")), pipeline="blank:en")
    try:
        engine.index_corpus(IndexRequest("c", tuple(DOCUMENTS.items()), layers=(1,), precision="int4"), Task())
        assert {one.layer for one in _profile(engine).heads} == {1}
        with pytest.raises(InvalidParams, match="does not hold layer 0"):
            _profile(engine, layers=(0,))
        assert _profile(engine, layers=(1,), heads=(0,), examples=1).examples is not None
    finally:
        engine.close()


def test_a_corpus_that_is_edited_is_profiled_as_it_is_now(tmp_path, tiny_model):
    engine = Engine(tmp_path, default_model=str(tiny_model("bert")), pipeline="blank:en")
    try:
        engine.index_corpus(IndexRequest("c", tuple(DOCUMENTS.items())), Task())
        _profile(engine)
        (first, text), *rest = DOCUMENTS.items()
        edited = {first: text.partition("\n\n")[2], **dict(rest)}
        for name in ("c", "fresh"):
            engine.index_corpus(IndexRequest(name, tuple(edited.items())), Task())
        now, fresh = _profile(engine), engine.profile_heads(ProfileRequest("fresh"), Task())
        assert now.tokens == fresh.tokens
        for one, other in zip(now.heads, fresh.heads, strict=True):
            assert one.entropy == pytest.approx(other.entropy, abs=1e-4)
            assert [o.mass for o in one.offsets] == pytest.approx([o.mass for o in other.offsets], abs=1e-4)
    finally:
        engine.close()
