"""Sums over sentences against counting cell by cell."""

from dataclasses import replace
from statistics import fmean

import numpy as np
import pytest

from exbert_rpc.corpus.head_measures import measure, measure_many
from exbert_rpc.corpus.head_plan import relations_of
from exbert_rpc.corpus.head_sums import MAX_OFFSET, SUMS, HeadSums, add_sums, sum_shapes
from tests.analysis.planted import CLS, SEP, measured, random_attention, random_sentence, words_of
from tests.oracles_analysis import SlowHead

CASES = [(False, (CLS, SEP)), (True, (CLS,)), (True, ()), (False, ())]


def _text(seed: int, causal: bool, special: tuple[str, ...], n: int = 12, words: int = 9):
    rng = np.random.default_rng(seed)
    sentences = [random_sentence(rng, int(rng.integers(1, words + 1)), special) for _ in range(n)]
    return [one | {"all": random_attention(rng, len(one["word"]), causal)} for one in sentences]


def _slow(sentences, head, causal):
    return SlowHead([one | {"attention": one["all"][head].tolist()} for one in sentences], causal)


@pytest.mark.parametrize(("causal", "special"), CASES)
@pytest.mark.parametrize("words", [9, 25])
def test_sums_are_what_counting_cell_by_cell_gives(causal, special, words):
    sentences = _text(1, causal, special, words=words)
    sums = add_sums(3, [measured(one, one["all"], causal) for one in sentences])
    for head in range(3):
        slow = _slow(sentences, head, causal)
        assert sums.n_rows == len(slow.peaks)
        assert sums.scalars[head, 0] / sums.rows[1] == pytest.approx(fmean(slow.entropy), abs=1e-5)
        assert sums.scalars[head, 1] / sums.n_rows == pytest.approx(fmean(slow.special), abs=1e-5)
        assert sums.scalars[head, 2] / sums.n_rows == pytest.approx(fmean(slow.first), abs=1e-5)
        for offset in range(-MAX_OFFSET - 1, MAX_OFFSET + 2):
            at = offset + MAX_OFFSET + 1
            assert sums.offset_pairs[at] == len(slow.offset_mass[offset])
            assert sums.offset_mass[head, at] == pytest.approx(sum(slow.offset_mass[offset]), abs=1e-4)
            assert sums.word_pairs[at] == len(slow.word_mass[offset])
            assert sums.word_mass[head, at] == pytest.approx(sum(slow.word_mass[offset]), abs=1e-4)
            assert sums.offset_peaks[head, at] == slow.peaks.count(offset)
        assert sums.rows[2] == len(slow.role_mass["sameWord", None])
        assert sums.scalars[head, 3] == pytest.approx(sum(slow.role_mass["sameWord", None]), abs=1e-4)
        assert sums.same_word_pairs.sum() == len(slow.role_offsets["sameWord", None])
        assert {name for name, _ in slow.role_mass} - {"sameWord"} <= set(sums.relations)
        for r, name in enumerate(sums.relations):
            for d, direction in enumerate(("toHead", "toDependent")):
                role = (name, direction)
                assert sums.role_pairs[r, d].sum() == len(slow.role_mass[role])
                assert sums.role_mass[head, r, d] == pytest.approx(sum(slow.role_mass[role]), abs=1e-4)
                assert sums.relation_hits[head, r, d] == sum(slow.right[role])
                distances = [one for one in slow.distances[role] if abs(one) <= 10]
                assert sums.relation_offsets[r, d].tolist() == [distances.count(one) for one in range(-10, 11)]


@pytest.mark.parametrize(("causal", "special"), CASES)
def test_peaks_are_the_first_strongest_target_that_is_not_special(causal, special):
    for sentence in _text(2, causal, special):
        attention = sentence["all"]
        attention[0] = 1 / attention.shape[1]  # all equal
        _, peaks = measure([attention], words_of(sentence), causal=causal)
        plain = np.flatnonzero(~sentence["special"])
        among = attention[:, plain][:, :, plain]
        np.testing.assert_array_equal(peaks.target, plain[among.argmax(axis=2)])
        np.testing.assert_array_equal(peaks.weight, np.rint(among.max(axis=2) * 255))


def test_special_tokens_in_the_middle_are_no_targets_and_keep_their_distance():
    rng = np.random.default_rng(3)
    sentence = random_sentence(rng, 9)
    middle = 4
    sentence["special"] = sentence["special"].copy()
    sentence["special"][middle] = True
    sentence["word"][sentence["word"] == sentence["word"][middle]] = -1
    sentence["word"][middle] = -1
    sentence |= {"all": random_attention(rng, len(sentence["word"]), False)}
    sums, slow = measured(sentence, sentence["all"]), _slow([sentence], 0, False)
    for offset in range(-MAX_OFFSET - 1, MAX_OFFSET + 2):
        assert sums.offset_pairs[offset + MAX_OFFSET + 1] == len(slow.offset_mass[offset])


def test_layers_measured_in_chunks_are_those_measured_at_once(monkeypatch):
    rng = np.random.default_rng(4)
    sentence = random_sentence(rng)
    layers = [random_attention(rng, len(sentence["word"]), False) for _ in range(5)]
    at_once, peaks = measure(layers, words_of(sentence), causal=False)
    monkeypatch.setattr("exbert_rpc.corpus.head_measures._CHUNK", 2 * layers[0].size)
    chunked, same = measure(layers, words_of(sentence), causal=False)
    for name in SUMS:
        np.testing.assert_allclose(getattr(chunked, name), getattr(at_once, name), rtol=1e-5)
    np.testing.assert_array_equal(peaks.target, same.target)


@pytest.mark.parametrize(("causal", "special"), CASES)
@pytest.mark.parametrize("group", [1 << 18, 2000, 1])
def test_sentences_measured_together_are_those_measured_one_by_one(causal, special, group, monkeypatch):
    monkeypatch.setattr("exbert_rpc.corpus.head_measures._GROUP", group)
    sentences = [one for words in (3, 30) for one in _text(9, causal, special, words=words)]
    layers = [[one["all"], one["all"][::-1]] for one in sentences]
    words = [words_of(one) for one in sentences]
    names = relations_of(words)
    together = measure_many(layers, words, causal=causal, relations=names)
    for attention, of_one, (sums, peaks) in zip(layers, words, together, strict=True):
        alone, same = measure(attention, of_one, causal=causal)
        assert sums.relations == names
        for name in SUMS:
            np.testing.assert_allclose(getattr(sums, name), getattr(alone.over(names), name), rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(peaks.target, same.target)
        np.testing.assert_array_equal(peaks.weight, same.weight)


def test_a_head_that_attends_to_special_tokens_alone_finds_no_syntactic_head():
    rng = np.random.default_rng(10)
    sentence = random_sentence(rng, 12)
    attention = np.zeros((1, len(sentence["word"]), len(sentence["word"])), np.float32)
    attention[:, :, 0] = 1
    sums, peaks = measure([attention], words_of(sentence), causal=False)
    assert sums.relation_hits.sum() == 0
    assert not peaks.weight.any()
    assert (peaks.target == 1).all()  # all are equal: the first one


def test_the_attention_is_not_changed():
    rng = np.random.default_rng(5)
    sentence = random_sentence(rng, special=())
    attention = random_attention(rng, len(sentence["word"]), False)
    before = attention.copy()
    measured(sentence, attention)
    np.testing.assert_array_equal(attention, before)


def test_sums_of_parts_add_up_whatever_relations_each_part_has():
    sentences = _text(6, False, (CLS, SEP), n=20)
    parts = [measured(one, one["all"]) for one in sentences]
    assert len({part.relations for part in parts}) > 1
    left, right = add_sums(3, parts[:7]), add_sums(3, parts[7:])
    whole, merged = add_sums(3, parts), left + right
    assert merged.relations == whole.relations
    for name in SUMS:
        np.testing.assert_allclose(getattr(merged, name), getattr(whole, name), rtol=1e-12)
    back = whole - right
    for name in SUMS:
        np.testing.assert_allclose(getattr(back, name), getattr(left.over(back.relations), name), atol=1e-9)


def test_sums_have_the_shapes_that_are_promised():
    sums = measured(*(lambda one: (one, one["all"]))(_text(7, False, (CLS, SEP), n=1)[0]))
    for name, (dtype, shape) in sum_shapes(3, len(sums.relations)).items():
        assert (getattr(sums, name).dtype, getattr(sums, name).shape) == (dtype, shape), name


def test_words_outside_of_the_pass_are_no_heads():
    rng = np.random.default_rng(8)
    sentence = random_sentence(rng)
    words = replace(words_of(sentence), syntactic_head=np.full(len(sentence["word"]), -1))
    sums, _ = measure([random_attention(rng, len(sentence["word"]), False)], words, causal=False)
    assert sums.relations == ()
    assert HeadSums.zero(3).n_rows == 0 < sums.n_rows
