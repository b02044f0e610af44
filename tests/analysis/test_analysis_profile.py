"""Profiles of planted heads, of chance, and against slow formulas."""

from collections import Counter
from dataclasses import replace
from statistics import fmean

import numpy as np
import pytest
from scipy import stats

from exbert_rpc.analysis.profile.findings import find_in_profile
from exbert_rpc.analysis.profile.heads import finish, profile_heads
from exbert_rpc.analysis.profile.notes import notes_of
from exbert_rpc.analysis.profile.types import AttractingWord, RandomRepeats, Role
from exbert_rpc.analysis.profile.vocabulary import WordTable, attracting_words
from exbert_rpc.analysis.statistics import student_t_quantile, student_t_upper
from exbert_rpc.corpus.head_sums import MAX_OFFSET, N_BINS, HeadSums, add_sums
from tests.analysis.planted import document_sums, measured, planted_heads, random_attention, random_sentence
from tests.oracles_analysis import SlowHead, slow_baseline, slow_jackknife_lift
from tests.samples import sizes

N_DOCUMENTS = 8


def _documents(seed: int, n_sentences: int = 6, n_words: int = 9) -> list[list[dict]]:
    rng = np.random.default_rng(seed)
    return [[random_sentence(rng, n_words) for _ in range(n_sentences)] for _ in range(N_DOCUMENTS)]


def _planted(seed: int = 0):
    documents = _documents(seed)
    sums = [document_sums(one, [planted_heads(sentence) for sentence in one]) for one in documents]
    return [finish(one, (), None) for one in profile_heads(sums, [(0, h) for h in range(4)], min_pairs=20)]


def test_a_planted_previous_token_head_scores_one_and_is_named():
    previous, *_ = _planted()
    assert {one.offset: one.mass for one in previous.offsets}[-1] == 1
    assert any("the previous token, 100 % of attention" in one for one in previous.findings)


def test_a_planted_syntactic_head_scores_one_in_every_relation_and_is_named():
    _, parent, *_ = _planted()
    to_head = [one for one in parent.roles if one.direction == "toHead"]
    assert {one.role for one in to_head} == {"det", "nsubj", "dobj", "prep", "pobj", "amod"}
    assert all(one.mass == pytest.approx(1) and one.q_value < 0.01 and one.low > 1.5 for one in to_head)
    accuracy = {(one.relation, one.direction): one for one in parent.relations}
    assert all(
        accuracy[one.role, "toHead"].accuracy == 1 and accuracy[one.role, "toHead"].baseline < 0.5 for one in to_head
    )
    assert all(one.q_value < 0.01 for (_, direction), one in accuracy.items() if direction == "toHead")
    assert any(
        one.startswith("Head 0.1: ") and "look at" in one and "100 % of attention" in one for one in parent.findings
    )
    assert len(parent.findings) > 1 and all(one.startswith("Head 0.1 also: ") for one in parent.findings[1:])


def test_a_planted_same_word_head_scores_one_and_is_named():
    same = _planted()[2]
    (role,) = [one for one in same.roles if one.role == "sameWord"]
    assert role.direction is None
    assert role.mass == pytest.approx(1)
    assert role.q_value < 0.01
    assert "words look at other places of the same word, 100 % of attention" in same.findings[0]


def test_uniform_attention_has_entropy_one_and_no_finding():
    uniform = _planted()[3]
    assert uniform.entropy == pytest.approx(1, abs=1e-4)
    assert uniform.findings == ()


@pytest.mark.parametrize("seeds", sizes(5, 20))
def test_a_shuffled_annotation_finds_nothing(seeds):
    rng = np.random.default_rng(1)
    found = 0
    for seed in range(seeds):
        sums = []
        for document in _documents(seed):
            attention = [planted_heads(one)[1:2] for one in document]
            shuffled = [_shuffle(rng, one) for one in document]
            sums.append(document_sums(shuffled, attention))
        (profile,) = profile_heads(sums, [(0, 1)], min_pairs=20)
        found += len(find_in_profile(profile))
    assert found <= 2  # 0 in expectation; 20 times twelve roles and twelve relations were tested


def _shuffle(rng: np.random.Generator, sentence: dict) -> dict:
    """The same words under another random tree of the same labels."""
    first = np.flatnonzero(sentence["word"] == np.arange(len(sentence["word"])))
    heads, labels = rng.permutation(first), [sentence["dep"][at] for at in rng.permutation(first)]
    head, dep = sentence["head"].copy(), list(sentence["dep"])
    for at, word in enumerate(first.tolist()):
        for token in np.flatnonzero(sentence["word"] == word).tolist():
            head[token], dep[token] = heads[at], labels[at]
    return sentence | {"head": head, "dep": dep}


@pytest.mark.parametrize("causal", [False, True])
def test_roles_and_relations_are_what_slow_formulas_give(causal):
    rng = np.random.default_rng(2)
    documents = _documents(2, n_sentences=1, n_words=8)
    for document in documents:
        for one in document:
            one["all"] = random_attention(rng, len(one["word"]), causal, heads=1)
    sums = [document_sums(one, [sentence["all"] for sentence in one], causal) for one in documents]
    profiles = profile_heads(sums, [(0, 0)], min_pairs=1)
    for head, profile in enumerate(profiles):
        by_document = [[s | {"attention": s["all"][head].tolist()} for s in one] for one in documents]
        slow = SlowHead([one for document in by_document for one in document], causal)
        assert profile.roles
        for role in profile.roles:
            key = (role.role, role.direction)
            assert role.mass == pytest.approx(fmean(slow.role_mass[key]), rel=1e-4)
            assert role.expected == pytest.approx(slow.expected(key), rel=1e-4)
            n = sum(bool(SlowHead(one, causal).role_mass[key]) for one in by_document)
            if n < 3:
                assert (role.low, role.high, role.p_value) == (None, None, 1)
                continue
            log_lift, error = slow_jackknife_lift(by_document, key, causal)
            assert role.lift == pytest.approx(np.exp(log_lift), rel=1e-4)
            assert role.low == pytest.approx(np.exp(log_lift - stats.t.ppf(0.975, n - 1) * error), rel=1e-3)
            assert role.high == pytest.approx(np.exp(log_lift + stats.t.ppf(0.975, n - 1) * error), rel=1e-3)
            assert role.p_value == pytest.approx(stats.t.sf(log_lift / error, n - 1), rel=1e-3, abs=1e-9)
        assert profile.relations
        for relation in profile.relations:
            key = (relation.relation, relation.direction)
            assert relation.accuracy == pytest.approx(fmean(slow.right[key]))
            distances = [SlowHead(one, causal).distances[key] for one in by_document]
            assert relation.baseline == pytest.approx(slow_baseline(distances))
            assert relation.low <= relation.accuracy <= relation.high


def test_offsets_are_means_over_the_rows_that_have_one_and_shares_of_all_rows():
    documents = _documents(3, n_sentences=2)
    sums = [document_sums(one, [planted_heads(sentence)[:1] for sentence in one]) for one in documents]
    (profile,) = profile_heads(sums, [(0, 0)])
    slow = SlowHead([s | {"attention": planted_heads(s)[0].tolist()} for one in documents for s in one], False)
    assert [one.offset for one in profile.offsets] == list(range(-8, 9))
    assert [one.offset for one in profile.beyond] == [-9, 9]
    for one in (*profile.offsets, *profile.beyond):
        assert one.mass == pytest.approx(fmean(slow.offset_mass[one.offset] or [0]), abs=1e-6)
        assert one.share == pytest.approx(slow.peaks.count(one.offset) / len(slow.peaks))
    assert sum(one.share for one in (*profile.offsets, *profile.beyond)) == pytest.approx(1)


def test_merged_sums_give_the_profile_of_one_pass():
    documents = _documents(4)
    sums = [document_sums(one, [planted_heads(sentence) for sentence in one]) for one in documents]
    halves = [
        document_sums(one[:2], [planted_heads(s) for s in one[:2]])
        + document_sums(one[2:], [planted_heads(s) for s in one[2:]])
        for one in documents
    ]
    heads = [(0, h) for h in range(4)]
    assert profile_heads(sums, heads) == profile_heads(halves, heads)


def test_too_few_documents_support_nothing():
    documents = _documents(5)[:2]
    sums = [document_sums(one, [planted_heads(sentence) for sentence in one]) for one in documents]
    profiles = profile_heads(sums, [(0, h) for h in range(4)], min_pairs=5)
    assert all(one.q_value == 1 and one.low is None for profile in profiles for one in profile.roles)
    assert all(one.q_value == 1 for profile in profiles for one in profile.relations)


def test_roles_with_too_few_pairs_are_left_out():
    sums = [measured(one, planted_heads(one)) for one in _documents(6)[0]]
    n = min(one.n for one in profile_heads(sums, [(0, h) for h in range(4)], min_pairs=1)[0].roles)
    assert all(one.n > n for one in profile_heads(sums, [(0, h) for h in range(4)], min_pairs=n + 1)[0].roles)


def test_nothing_measured_gives_an_empty_profile():
    (profile,) = profile_heads([], [(0, 0)])
    assert (profile.roles, profile.relations, profile.entropy) == ((), (), 0)


def _null_roles(rng: np.random.Generator, n_heads: int, n_roles: int) -> list[HeadSums]:
    """Documents of heads that have habits of offsets, a noise, a trait a document, and no syntax."""
    relations = tuple(f"r{at}" for at in range(n_roles))
    habit = rng.gamma(0.5, size=(n_heads, N_BINS))
    bias = rng.dirichlet(np.full(N_BINS, 0.4), size=2 * n_roles)
    documents = []
    for _ in range(12):
        n_pairs = int(rng.integers(300, 900))
        bins = rng.integers(0, N_BINS, n_pairs)
        trait = rng.gamma(20, 1 / 20, size=(n_heads, 1))
        cells = habit[:, bins] * trait * rng.gamma(0.3, 1 / 0.3, size=(n_heads, n_pairs))
        sums = HeadSums.zero(n_heads, relations)
        sums.rows[0] = n_pairs
        np.add.at(sums.word_pairs, bins, 1)
        for at in range(N_BINS):
            sums.word_mass[:, at] = cells[:, bins == at].sum(axis=1)
        for role in range(2 * n_roles):
            weights = bias[role, bins] / bias[role, bins].sum()
            chosen = rng.choice(n_pairs, size=int(rng.integers(5, 25)), p=weights)
            np.add.at(sums.role_pairs[role // 2, role % 2], bins[chosen], 1)
            sums.role_mass[:, role // 2, role % 2] = cells[:, chosen].sum(axis=1)
        documents.append(sums)
    return documents


@pytest.mark.slow
def test_roles_of_heads_that_know_only_offsets_have_calibrated_p_values():
    rng = np.random.default_rng(7)
    p, false = [], 0
    for _ in range(200):
        profiles = profile_heads(_null_roles(rng, 4, 3), [(0, h) for h in range(4)], min_pairs=20)
        roles = [one for profile in profiles for one in profile.roles]
        p += [one.p_value for one in roles]
        false += any(one.q_value < 0.05 for one in roles)
    assert len(p) > 4000
    for level in (0.01, 0.05, 0.1):
        assert np.mean(np.array(p) <= level) <= 1.15 * level, level
    assert false / 200 <= 0.075  # 0.05, and one and a half standard errors


def _null_relations(rng: np.random.Generator, n_heads: int) -> list[HeadSums]:
    """Documents of heads that find syntactic heads exactly as often as the best distance does."""
    documents = []
    shares = np.array([[0.5, 0.2, 0.1, 0.1, 0.1], [0.1, 0.1, 0.6, 0.1, 0.1], [0.2, 0.2, 0.1, 0.1, 0.4]])
    best = shares.max(axis=1)
    for _ in range(12):
        sums = HeadSums.zero(n_heads, ("a", "b", "c"))
        for relation in range(3):
            n = int(rng.integers(10, 80))
            sums.role_pairs[relation, :, 0] = n
            sums.relation_offsets[relation, :, :5] = rng.multinomial(n, shares[relation], size=2)
            sums.relation_hits[:, relation] = rng.binomial(n, best[relation], size=(n_heads, 2))
        documents.append(sums)
    return documents


def test_relations_of_heads_that_are_as_good_as_the_best_distance_have_calibrated_p_values():
    rng = np.random.default_rng(8)
    p, false = [], 0
    for _ in range(200):
        profiles = profile_heads(_null_relations(rng, 4), [(0, h) for h in range(4)], min_pairs=20)
        relations = [one for profile in profiles for one in profile.relations]
        p += [one.p_value for one in relations]
        false += any(one.q_value < 0.05 for one in relations)
    for level in (0.01, 0.05, 0.1):
        assert np.mean(np.array(p) <= level) <= 1.3 * level, level
    assert false / 200 <= 0.075


def test_a_head_that_finds_its_relation_more_often_than_the_best_distance_is_found():
    rng = np.random.default_rng(9)
    documents = _null_relations(rng, 1)
    for one in documents:
        one.relation_hits[0, 0] = one.role_pairs[0, :, 0] * 0.95
    (profile,) = profile_heads(documents, [(0, 0)])
    assert {one.relation for one in profile.relations if one.q_value < 0.05} == {"a"}


@pytest.mark.parametrize("df", [1, 2, 3, 7, 30, 250])
def test_students_t_is_that_of_scipy(df):
    t = np.array([-40, -3.3, -1, -0.1, 0, 0.2, 1, 2, 5, 12, 90])
    np.testing.assert_allclose(student_t_upper(t, df), stats.t.sf(t, df), rtol=1e-9)
    assert student_t_upper(np.inf, df) == 0
    assert student_t_quantile(0.975, df) == pytest.approx(stats.t.ppf(0.975, df), rel=1e-10)


def test_sentences_name_words_induction_and_sinks():
    (profile,) = profile_heads([HeadSums.zero(1)], [(3, 7)])
    words = tuple(AttractingWord(word, lift, lift / 2, 40) for word, lift in (("lost", 30.4), ("free", 20), ("end", 9)))
    whole = finish(replace(profile, special=0.6), words, RandomRepeats(0.1, 0.2, 0.91))
    assert whole.findings == (
        "Head 3.7: where text repeats, looks at what came next the first time (induction), 91 % of attention.",
        "Head 3.7 also: looks at certain words many times as often as at others: lost (30×), free (20×), end (9×).",
        "Head 3.7 also: rests mostly on special tokens, 60 % of attention.",
    )


def test_a_head_that_rests_on_the_first_token_says_so_before_its_roles_and_words():
    (profile,) = profile_heads([HeadSums.zero(1)], [(3, 7)])
    words = tuple(AttractingWord(word, lift, lift / 2, 40) for word, lift in (("but", 11), ("he", 8), ("while", 14)))
    role = Role("prep", "toDependent", 0.45, 0.06, 7.5, 6.3, 9.0, 104, 1e-9, 1e-8)
    resting = replace(profile, roles=(role,), first_token=0.85)
    said = finish(resting, words, RandomRepeats(0.1, 0.2, 0.91)).findings
    assert [one.split(": ")[1].split(",")[0] for one in said] == [
        "where text repeats",
        "rests mostly on the first token",
        "words look at their preposition",
        "looks at certain words many times as often as at others",
    ]
    assert said[1].endswith("85 % of attention, which counts for no role.")
    # [CLS] is first and special: nothing of a role or a word is its doing
    bidirectional = finish(replace(resting, special=0.85), (), None).findings
    assert [one.split(": ")[1].split(",")[0] for one in bidirectional] == [
        "words look at their preposition",
        "rests mostly on special tokens",
    ]


@pytest.mark.parametrize("share", [1.0, 0.8])
def test_a_head_that_rests_on_the_first_token_has_no_role_by_it(share):
    rng = np.random.default_rng(12)
    documents = [[random_sentence(rng, 10, special=()) for _ in range(12)] for _ in range(12)]
    sums = []
    for sentences in documents:
        for one in sentences:  # as "And ..." does: the first word depends on one that sees it
            last = int(np.flatnonzero(one["word"] == np.arange(len(one["word"])))[-1])
            one["head"][one["word"] == 0] = last
            one["dep"] = ["cc" if word == 0 else dep for word, dep in zip(one["word"], one["dep"], strict=True)]
        attention = [_resting(len(one["word"]), share) for one in sentences]
        sums.append(document_sums(sentences, attention, causal=True))
    (profile,) = profile_heads(sums, [(0, 0)], min_pairs=20)
    assert profile.first_token >= share
    assert all(role.role != "cc" for role in profile.roles)  # all of its pairs end at the first token
    assert all(role.q_value >= 0.05 for role in profile.roles)
    assert find_in_profile(profile) == (
        f"Head 0.0: rests mostly on the first token, {100 * profile.first_token:.0f} % of attention, "
        "which counts for no role.",
    )


def _resting(n: int, share: float) -> np.ndarray:
    """float32 ``[1, n, n]``: a causal head that gives a share to the first token, and the rest to all it sees alike."""
    attention = np.tril(np.ones((n, n))) / np.arange(1, n + 1)[:, None]
    attention *= 1 - share
    attention[:, 0] += share
    return attention[None].astype(np.float32)


def test_offset_bins_are_those_that_the_sums_have():
    assert N_BINS == 2 * MAX_OFFSET + 3
    assert add_sums(2, []).offset_mass.shape == (2, N_BINS)


def test_words_that_draw_attention_are_found_with_the_lower_end_of_a_slow_jackknife():
    rng = np.random.default_rng(10)
    names = [f"w{number}" for number in range(40)]
    word, document = rng.integers(0, 40, 6000), rng.integers(0, 12, 6000)
    drawn = rng.random(6000) < np.where(word == 7, 0.6, 0.05)
    table, pair = WordTable.of(names, word, document)
    found = attracting_words(table, np.bincount(pair[drawn], minlength=table.n_pairs), 5)
    assert found[0].word == "w7"
    assert found[0].n == int((word == 7).sum())
    rate = drawn.sum() / 6000
    assert found[0].lift == pytest.approx((drawn & (word == 7)).sum() / (word == 7).sum() / rate)
    left = []
    for one in range(12):
        kept = (document != one) & (word == 7)
        left.append(np.log((drawn & kept).sum() / kept.sum()))
    error = np.sqrt(11 / 12 * np.sum((np.array(left) - np.mean(left)) ** 2))
    assert found[0].low == pytest.approx(found[0].lift * np.exp(-stats.t.ppf(0.975, 11) * error))


def test_words_of_few_documents_or_occurrences_are_left_out():
    word = np.array([0] * 7 + [1] * 20 + [2] * 200)
    document = np.array([*range(7), *([0] * 20), *(number % 9 for number in range(200))])
    table, pair = WordTable.of(["rare", "local", "common"], word, document)
    assert attracting_words(table, np.bincount(pair[word < 2], minlength=table.n_pairs), 5) == ()


def test_tokens_are_counted_by_word_and_document_as_one_by_one():
    rng = np.random.default_rng(11)
    word, document = rng.integers(-1, 9, 400), rng.integers(0, 5, 400)
    table, pair = WordTable.of([f"w{number}" for number in range(9)], word, document)
    held = Counter((int(w), int(d)) for w, d in zip(word, document, strict=True) if w >= 0)
    assert table.counts.tolist() == [held[key] for key in sorted(held)]
    assert [sorted(held).index(key) if key in held else table.n_pairs for key in zip(word, document, strict=True)] == (
        pair.tolist()
    )
    for number in range(9):
        assert table.occurrences[number] == (word == number).sum()
        of_word = table.counts[table.first[number] :][: table.documents[number]]
        assert of_word.sum() == table.occurrences[number]


def _document(n_pairs: int) -> HeadSums:
    """Sums of a document whose only relation, ``det``, has that many pairs in one direction."""
    sums = HeadSums.zero(2, ("det",))
    pairs = np.zeros_like(sums.role_pairs)
    pairs[0, 0, 3] = n_pairs
    pairs[0, 1, 5] = n_pairs // 2
    return replace(sums, role_pairs=pairs)


@pytest.mark.parametrize(
    ("documents", "min_pairs", "words"),
    [
        ([_document(20)] * 3, 60, []),
        ([_document(20)] * 3, 61, ["none has 61 pairs", "det, has 60", "`minPairs`"]),
        ([HeadSums.zero(2)] * 3, 1, ["the pipeline blank:en gives no dependencies"]),
        ([_document(0)] * 3, 1, ["the pipeline blank:en gives no dependencies"]),
        ([_document(20)], 1, ["at least 3 documents", "there is 1"]),
        ([_document(20)] * 2, 1, ["at least 3 documents", "there are 2"]),
    ],
)
def test_notes_say_what_is_left_out_and_why(documents, min_pairs, words):
    notes = notes_of(documents, 2, min_pairs, "blank:en")
    assert len(notes) == bool(words)
    assert [word for word in words if word not in notes[0]] == []
