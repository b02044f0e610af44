import numpy as np
import pytest

from exbert_rpc.analysis.summary import LabelCounts, Observations, count_labels, summarize_hits
from tests.oracles_analysis import hand_count

POS = np.array(["VERB", "NOUN", "PUNCT", "ADP", "PART", "DET", "ADJ", "PRON"])
POS_RATES = [0.1, 0.25, 0.15, 0.15, 0.03, 0.15, 0.1, 0.07]
ENTITIES = np.array(["", "PERSON", "GPE", "DATE"])
ENTITY_RATES = [0.9, 0.05, 0.03, 0.02]
OFFSETS = np.array([-1, 0, 1, -2, 5])
OFFSET_RATES = [0.5, 0.2, 0.15, 0.1, 0.05]
EVERY = np.ones(50, dtype=bool)


def draw(rng, n) -> tuple[dict, dict]:
    """Labels of ``n`` random subjects and of their targets."""
    subject = {
        "pos": rng.choice(POS, n, p=POS_RATES).tolist(),
        "entity": rng.choice(ENTITIES, n, p=ENTITY_RATES).tolist(),
    }
    target = {
        "pos": rng.choice(POS, n, p=POS_RATES).tolist(),
        "offset": rng.choice(OFFSETS, n, p=OFFSET_RATES).tolist(),
    }
    return subject, target


def baselines(rng, n=5_000) -> tuple[dict, dict]:
    return tuple({key: count_labels(values) for key, values in part.items()} for part in draw(rng, n))


def summarize(subject, target, base, *, sentences=None, exists=EVERY, target_exists=EVERY, which="match"):
    return summarize_hits(
        range(50) if sentences is None else sentences,
        Observations(exists, subject, base[0]),
        Observations(target_exists, target, base[1]),
        subject=which,
        attention="outgoing",
        meanings={"PART": "particle", "TO": 'infinitival "to"'},
    )


def bins_of(summary, of, attribute):
    (histogram,) = (one for one in summary.histograms if (one.of, one.attribute) == (of, attribute))
    return {row.label: row for row in histogram.bins}


def test_counts_and_shares_equal_a_hand_count():
    rng = np.random.default_rng(1)
    subject, target = draw(rng, 50)
    base = baselines(rng)
    summary = summarize(subject, target, base)
    assert (summary.n_hits, summary.n_distinct, summary.n_baseline) == (50, 50, 5_000)
    for of, labels, expected in (("subject", subject, base[0]), ("maxAttention", target, base[1])):
        for attribute, values in labels.items():
            rows = bins_of(summary, of, attribute)
            assert {label: row.count for label, row in rows.items() if row.count} == hand_count(values)
            for label, row in rows.items():
                assert row.share == pytest.approx(row.count / 50)
                assert row.baseline == pytest.approx(expected[attribute].counts.get(label, 0) / 5_000)
                assert row.low <= row.share <= row.high
                assert row.lift is None or row.lift == pytest.approx(row.share / row.baseline)


def test_bins_are_sorted_by_count_then_label():
    rng = np.random.default_rng(2)
    for histogram in summarize(*draw(rng, 50), baselines(rng)).histograms:
        keys = [(-row.count, row.label) for row in histogram.bins]
        assert keys == sorted(keys)


def test_random_hits_are_seldom_significant():
    rng = np.random.default_rng(3)
    base = baselines(rng)
    false = sum(bool(summarize(*draw(rng, 50), base).findings) for _ in range(400))
    assert false <= 400 * 0.05 + 3 * np.sqrt(400 * 0.05 * 0.95)


def test_a_planted_enrichment_is_found_in_its_histogram_only():
    rng = np.random.default_rng(4)
    subject, target = draw(rng, 50)
    target["pos"][:25] = ["PART"] * 25
    summary = summarize(subject, target, baselines(rng))
    significant = {
        (one.of, one.attribute, row.label)
        for one in summary.histograms
        for row in one.bins
        if row.q_value < 0.05 and row.share > row.baseline
    }
    assert significant == {("maxAttention", "pos", "PART")}
    assert "PART (particle)" in summary.findings[0]


def test_two_annotations_are_one_finding_only_if_the_very_same_hits_carry_them():
    fine = {"VERB": "VB", "PART": "TO"}
    rng = np.random.default_rng(9)
    base = {"pos": count_labels(rng.choice(POS, 5_000, p=POS_RATES).tolist())}
    base["tag"] = count_labels([fine.get(label, "XX") for label, n in base["pos"].counts.items() for _ in range(n)])
    pos = ["PART"] * 25 + rng.choice(["NOUN", "DET", "ADP"], 25).tolist()
    tag = [fine.get(label, "XX") for label in pos]

    def said(tags) -> tuple[str, ...]:
        findings = summarize({}, {"pos": pos, "tag": tags}, ({}, base)).findings
        return tuple(one for one in findings if "PART" in one or "TO" in one)

    (together,) = said(tag)
    assert 'PART (particle), all of them tagged TO (infinitival "to"), in 50 %' in together
    apart = said([*tag[1:], "TO"])  # as many, but not the same ones
    assert len(apart) == 2


def test_a_label_that_is_missing_from_all_hits_is_a_bin_only_if_that_is_significant():
    rng = np.random.default_rng(5)
    subject, target = draw(rng, 50)
    subject["pos"] = ["VERB"] * 50
    rows = bins_of(summarize(subject, target, baselines(rng)), "subject", "pos")
    assert rows["NOUN"].count == 0
    assert rows["NOUN"].q_value < 0.05
    assert "PART" not in rows


def test_identical_sentences_are_counted_once_for_significance():
    rng = np.random.default_rng(6)
    base = baselines(rng)
    subject, target = draw(rng, 50)
    subject["pos"] = ["PART"] * 40 + subject["pos"][40:]
    copies = summarize(subject, target, base, sentences=["same"] * 40 + list(range(10)))
    apart = summarize(subject, target, base)
    assert (copies.n_hits, copies.n_distinct) == (50, 11)
    once, often = bins_of(copies, "subject", "pos")["PART"], bins_of(apart, "subject", "pos")["PART"]
    assert once.count == often.count
    assert once.share == often.share
    assert often.q_value < 0.001
    assert once.q_value > 0.05
    assert once.high - once.low > often.high - often.low
    assert not any("PART" in finding for finding in copies.findings)


def test_a_hundred_copies_are_as_significant_as_one():
    rng = np.random.default_rng(7)
    base = baselines(rng)
    subject, target = draw(rng, 50)
    keys = [0] * 26 + list(range(1, 25))
    for part in (subject, target):
        for values in part.values():
            values[:26] = [values[0]] * 26
    copies = summarize(subject, target, base, sentences=keys)
    single = summarize_hits(
        range(25),
        Observations(EVERY[:25], {key: values[25:] for key, values in subject.items()}, base[0]),
        Observations(EVERY[:25], {key: values[25:] for key, values in target.items()}, base[1]),
        subject="match",
        attention="outgoing",
    )
    for of, attribute in (("subject", "pos"), ("subject", "entity"), ("maxAttention", "offset")):
        many, one = bins_of(copies, of, attribute), bins_of(single, of, attribute)
        assert {label: row.q_value for label, row in many.items()} == {label: row.q_value for label, row in one.items()}


def test_hits_without_a_subject_are_left_out_of_the_denominator():
    rng = np.random.default_rng(8)
    subject, target = draw(rng, 50)
    exists = np.arange(50) % 5 != 0
    target_exists = np.arange(50) != 1
    summary = summarize(subject, target, baselines(rng), exists=exists, target_exists=target_exists, which="next")
    assert summary.n_hits == summary.n_distinct == 40
    counts = [sum(row.count for row in one.bins) for one in summary.histograms]
    assert counts == [40, 40, 39, 39]


def test_a_label_that_the_baseline_never_saw_has_no_lift_and_may_still_be_chance():
    base = ({"pos": LabelCounts({"NOUN": 10})}, {})
    summary = summarize({"pos": ["NOUN"] * 49 + ["X"]}, {}, base)
    row = bins_of(summary, "subject", "pos")["X"]
    assert row.lift is None
    assert row.baseline == 0.0
    assert row.q_value > 0.05


def test_no_hits_give_empty_histograms():
    none = np.zeros(0, dtype=bool)
    base = {"pos": LabelCounts({"NOUN": 10})}
    summary = summarize_hits(
        [],
        Observations(none, {"pos": []}, base),
        Observations(none, {"pos": []}, base),
        subject="match",
        attention="incoming",
    )
    assert summary.n_hits == 0
    assert [one.bins for one in summary.histograms] == [(), ()]
    assert summary.findings == ()


def test_missing_labels_count_as_none():
    assert count_labels(["", None, "NOUN", -1]).counts == {"none": 2, "NOUN": 1, "-1": 1}
    assert count_labels(["", None, "NOUN", -1]).total == 4
