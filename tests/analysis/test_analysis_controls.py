"""Summaries with controls, on labels that are drawn at random and planted."""

import numpy as np
import pytest

from exbert_rpc.analysis.controls import ControlRows, LabeledRows, summarize_with_controls
from exbert_rpc.analysis.findings import with_controls
from exbert_rpc.analysis.summary import LabelCounts, Labels, Observations, summarize_hits
from exbert_rpc.analysis.types import Controls, ControlShare, Peers

POS = np.array(["VERB", "NOUN", "PUNCT", "ADP", "PART"])
RATES = [0.2, 0.3, 0.2, 0.2, 0.1]
OFFSETS = np.array([-1, 1, 2])
BASE = (
    {"pos": LabelCounts(dict(zip(POS.tolist(), (2_000, 3_000, 2_000, 2_000, 1_000), strict=True)))},
    {
        "pos": LabelCounts(dict(zip(POS.tolist(), (2_000, 3_000, 2_000, 2_000, 1_000), strict=True))),
        "offset": LabelCounts({"-1": 5_000, "1": 3_000, "2": 2_000}),
    },
)


def rows(seed: int, n: int, *, verbs=0.2, parts=0.1, back=0.5) -> LabeledRows:
    """Random rows: the share of verbs among subjects, of particles and of offset -1 among targets is given."""
    rng = np.random.default_rng(seed)

    def plant(label, share, labels):
        planted = rng.random(n) < share
        others = np.array([one for one in labels if one != label])
        return np.where(planted, label, rng.choice(others, n)).tolist()

    exists = np.ones(n, dtype=bool)
    subjects = Labels(exists, {"pos": plant("VERB", verbs, POS)})
    targets = Labels(exists, {"pos": plant("PART", parts, POS), "offset": plant(-1, back, OFFSETS)})
    return LabeledRows([(seed, row) for row in range(n)], list(range(n)), subjects, targets)


def summarize(hits: LabeledRows, controls: ControlRows, own=None):
    return summarize_with_controls(
        hits.keys,
        hits.documents,
        Observations(hits.subjects.exists, hits.subjects.labels, BASE[0]),
        Observations(hits.targets.exists, hits.targets.labels, BASE[1]),
        controls,
        own=np.zeros(len(hits.keys), dtype=bool) if own is None else own,
        subject="match",
        attention="outgoing",
    )


def verdicts(summary) -> dict[tuple[str, str, str], str]:
    return {(one.of, one.attribute, one.label): one.verdict for one in summary.findings_detailed}


def controlled(seed=0, **peers) -> ControlRows:
    """The word explains the verbs, what is attended to explains the particles, and nothing explains the offset."""
    return ControlRows(
        word=rows(seed + 1, 50, verbs=0.9),
        echo=rows(seed + 2, 200, parts=0.9),
        peers=[rows(seed + 3 + head, 50) for head in range(11)],
        needed=("word", "echo"),
        **peers,
    )


def test_each_finding_gets_the_verdict_of_what_explains_it_and_the_heads_come_first():
    summary = summarize(rows(0, 50, verbs=0.9, parts=0.9, back=0.98), controlled())
    assert verdicts(summary) == {
        ("maxAttention", "offset", "-1"): "head",
        ("subject", "pos", "VERB"): "word",
        ("maxAttention", "pos", "PART"): "echo",
    }
    assert summary.findings_detailed[0].verdict == "head"
    assert summary.findings == tuple(one.sentence for one in summary.findings_detailed)


def test_every_bin_carries_the_shares_of_its_label_in_every_control():
    hits, controls = rows(0, 50, verbs=0.9), controlled()
    for histogram in summarize(hits, controls).histograms:
        for row in histogram.bins:
            for name, sample in (("word", controls.word), ("echo", controls.echo)):
                part = sample.subjects if histogram.of == "subject" else sample.targets
                values = [str(value) for value in part.labels[histogram.attribute]]
                found = getattr(row.controls, name)
                assert found.n == len(values)
                assert found.share == pytest.approx(values.count(row.label) / len(values))
            assert row.controls.peers.of == 12


def test_peers_rank_the_head_among_its_layer():
    hits = rows(0, 50, back=0.98)
    peers = [rows(5 + head, 50, back=0.1 * head) for head in range(11)]
    summary = summarize(hits, ControlRows(peers=peers))
    (found,) = [one for one in summary.findings_detailed if one.label == "-1"]
    shares = sorted(one.targets.labels["offset"].count(-1) / 50 for one in peers)
    mine = hits.targets.labels["offset"].count(-1) / 50
    assert found.controls.peers.median == pytest.approx(shares[5])
    assert found.controls.peers.rank == 1 + sum(share >= mine for share in shares)
    assert found.verdict == "unchecked"  # peers test nothing


def test_copies_in_a_control_count_once():
    word = rows(1, 50, verbs=0.0)
    labels = ["VERB"] * 40 + word.subjects.labels["pos"][:10]
    copies = LabeledRows(
        [0] * 40 + list(range(1, 11)),
        word.documents,
        Labels(word.subjects.exists, {"pos": labels}),
        word.targets,
    )
    summary = summarize(rows(0, 50, verbs=0.9), ControlRows(word=copies))
    (found,) = [one for one in summary.findings_detailed if one.label == "VERB"]
    assert found.controls.word == ControlShare(1 / 11, 11)


def test_rows_without_a_target_are_left_out_of_its_shares():
    word = rows(1, 50)
    exists = np.arange(50) < 20
    some = LabeledRows(word.keys, word.documents, word.subjects, Labels(exists, word.targets.labels))
    summary = summarize(rows(0, 50, back=0.98), ControlRows(word=some))
    by_place = {(one.of, one.attribute): one.bins[0].controls.word.n for one in summary.histograms}
    assert by_place == {("subject", "pos"): 50, ("maxAttention", "pos"): 20, ("maxAttention", "offset"): 20}


def test_a_control_without_rows_has_no_share():
    none = rows(1, 0)
    summary = summarize(rows(0, 50, back=0.98), ControlRows(word=none, needed=("word",)))
    assert all(row.controls.word is None for one in summary.histograms for row in one.bins)
    assert set(verdicts(summary).values()) == {"unchecked"}


def test_without_controls_bins_and_findings_are_those_of_a_plain_summary_of_independent_hits():
    hits = rows(0, 50, verbs=0.9, back=0.98)
    observed = [
        Observations(part.exists, part.labels, base)
        for part, base in zip((hits.subjects, hits.targets), BASE, strict=True)
    ]
    plain = summarize_hits(hits.keys, *observed, subject="match", attention="outgoing")
    found = summarize(hits, ControlRows())
    assert found.findings == plain.findings
    for one, other in zip(plain.histograms, found.histograms, strict=True):
        assert [(row.label, row.count, row.share) for row in one.bins] == [
            (row.label, row.count, row.share) for row in other.bins
        ]


def test_hits_of_one_document_widen_intervals_and_weaken_findings():
    hits = rows(0, 48, verbs=0.5)
    verbs = [document % 2 == 0 for document in range(6) for _ in range(8)]
    labels = Labels(hits.subjects.exists, {"pos": ["VERB" if one else "NOUN" for one in verbs]})
    documents = [document for document in range(6) for _ in range(8)]
    apart = summarize(LabeledRows(hits.keys, hits.documents, labels, hits.targets), ControlRows())
    together = summarize(LabeledRows(hits.keys, documents, labels, hits.targets), ControlRows())
    (one,), (other,) = (
        [row for row in summary.histograms[0].bins if row.label == "VERB"] for summary in (apart, together)
    )
    assert one.share == other.share == 0.5
    assert one.q_value < 0.001
    assert other.q_value > 0.05
    assert other.high - other.low > 1.5 * (one.high - one.low)


def test_hits_in_the_querys_own_sentence_are_counted_but_prove_nothing():
    hits = rows(0, 50, verbs=0.0)
    some = np.arange(50) < 25
    labels = Labels(hits.subjects.exists, {"pos": np.where(some, "VERB", hits.subjects.labels["pos"]).tolist()})
    planted = LabeledRows(hits.keys, hits.documents, labels, hits.targets)
    word = ControlRows(word=rows(1, 50, verbs=0.02), needed=("word",))
    (shown,), (hidden,) = (
        [row for row in summarize(planted, word, own).histograms[0].bins if row.label == "VERB"] for own in (None, some)
    )
    assert shown.count == hidden.count == 25
    assert shown.q_value < 0.001
    assert hidden.high - hidden.low > 1.2 * (shown.high - shown.low)
    assert verdicts(summarize(planted, word))["subject", "pos", "VERB"] == "head"
    assert ("subject", "pos", "VERB") not in verdicts(summarize(planted, word, some))


def test_random_hits_are_seldom_the_heads():
    claims = 0
    for seed in range(200):
        controls = ControlRows(
            word=rows(1_000 + seed, 50, verbs=0.9, back=0.9),
            echo=rows(3_000 + seed, 200, parts=0.9, back=0.9),
            needed=("word", "echo"),
        )
        claims += "head" in verdicts(summarize(rows(seed, 50, verbs=0.9, parts=0.9, back=0.9), controls)).values()
    assert claims <= 200 * 0.05 + 3 * np.sqrt(200 * 0.05 * 0.95)


# ---- in words


def test_a_sentence_carries_its_controls():
    controls = Controls(ControlShare(0.28, 50), ControlShare(0.44, 200), Peers(1, 12, 0.0))
    said = with_controls("The matches' strongest attention goes to PART (particle) in 98 %.", controls, "to")
    assert said == (
        "The matches' strongest attention goes to PART (particle) in 98 %; the word alone gives 28 %, tokens that look "
        "at “to” give 44 %, the median other head of the layer gives 0 % (this head is 1st of 12)."
    )


@pytest.mark.parametrize(("rank", "said"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd")])
def test_ranks_are_said_as_people_say_them(rank, said):
    assert f"this head is {said} of 30" in with_controls("So.", Controls(peers=Peers(rank, 30, 0.5)), None)


def test_only_controls_that_were_looked_at_are_said():
    assert with_controls("So.", Controls(), "to") == "So."
    assert with_controls("So.", Controls(echo=ControlShare(0.5, 8)), None) == (
        "So; tokens that look at the same words give 50 %."
    )
