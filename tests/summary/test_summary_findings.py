import pytest

from exbert_rpc.summary.findings import MAX_FINDINGS, Evidence, find
from exbert_rpc.summary.types import LabelCount


def evidence(of, attribute, label, count, baseline, *, q_value=1e-9, log_p=-20.0, n=50, n_distinct=50) -> Evidence:
    share = count / n
    row = LabelCount(label, count, share, baseline, share / baseline if baseline else None, 0.0, 1.0, q_value)
    return Evidence(of, attribute, row, n, n_distinct, log_p)


def sentence(one: Evidence, subject="match", attention="outgoing") -> str:
    (only,) = find([one], subject, attention)
    return only


@pytest.mark.parametrize(
    ("attribute", "label", "expected"),
    [
        ("pos", "VERB", "48 of 50 matches are VERB (verb): 96 %, 10 % expected, 9.6×, q < 0.001."),
        ("tag", "VB", "48 of 50 matches are tagged VB (verb, base form): 96 %, 10 % expected, 9.6×, q < 0.001."),
        ("dep", "zzz", "48 of 50 matches have the dependency zzz: 96 %, 10 % expected, 9.6×, q < 0.001."),
        (
            "entity",
            "PERSON",
            "48 of 50 matches are in an entity of type PERSON (people): 96 %, 10 % expected, 9.6×, q < 0.001.",
        ),
        ("entity", "none", "48 of 50 matches are in no entity: 96 %, 10 % expected, 9.6×, q < 0.001."),
    ],
)
def test_what_the_matches_are_is_said_in_words(attribute, label, expected):
    assert sentence(evidence("subject", attribute, label, 48, 0.1)) == expected


@pytest.mark.parametrize(
    ("subject", "attention", "opening"),
    [
        ("match", "outgoing", "The matches' strongest attention goes to PART (particle)"),
        ("match", "incoming", "The strongest attention to the matches comes from PART (particle)"),
        ("next", "outgoing", "The next tokens' strongest attention goes to PART (particle)"),
        ("next", "incoming", "The strongest attention to the next tokens comes from PART (particle)"),
    ],
)
def test_whose_attention_goes_where_is_said(subject, attention, opening):
    said = sentence(evidence("maxAttention", "pos", "PART", 48, 0.0225), subject, attention)
    assert said == f"{opening} in 96 % (2 % expected, 43×), q < 0.001."


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("-1", "to 1 token back (offset −1)"),
        ("0", "to the token itself (offset 0)"),
        ("3", "to 3 tokens ahead (offset +3)"),
    ],
)
def test_offsets_are_said_as_distances(label, words):
    assert words in sentence(evidence("maxAttention", "offset", label, 40, 0.1))


@pytest.mark.parametrize("attribute", ["pos", "tag", "dep", "entity"])
def test_special_tokens_are_called_so(attribute):
    assert "goes to special tokens in 96 %" in sentence(evidence("maxAttention", attribute, "special", 48, 0.1))


def test_the_same_sentence_is_not_said_twice():
    same = [evidence("maxAttention", attribute, "special", 48, 0.1) for attribute in ("pos", "tag", "dep", "entity")]
    assert len(find(same, "match", "outgoing")) == 1


def test_a_large_share_that_is_mostly_habit_is_called_hardly_special():
    said = sentence(evidence("maxAttention", "offset", "-1", 50, 0.83, q_value=0.0042))
    assert said.endswith("in 100 % (83 % expected, 1.2×), q = 0.0042; hardly special, these heads do so anyway.")


def test_copies_among_the_hits_are_told():
    assert sentence(evidence("subject", "pos", "VERB", 48, 0.1, n_distinct=31)).endswith(
        "q < 0.001 over 31 distinct sentences."
    )


def test_a_label_that_the_corpus_lacks_has_no_factor():
    assert "0 % expected, never seen there" in sentence(evidence("subject", "pos", "X", 10, 0.0))


def test_the_strongest_comes_first():
    weak, strong = (
        evidence("subject", "pos", "VERB", 30, 0.1, log_p=-9),
        evidence("subject", "dep", "xcomp", 40, 0.1, log_p=-70),
    )
    assert "xcomp" in find([weak, strong], "match", "outgoing")[0]


def test_what_is_missing_is_said_only_where_nothing_else_explains_it():
    missing = evidence("subject", "pos", "NOUN", 0, 0.3, log_p=-15)
    assert find([missing], "match", "outgoing") == (
        "0 of 50 matches are NOUN (noun): 0 %, 30 % expected, 0.0×, q < 0.001.",
    )
    both = find([missing, evidence("subject", "pos", "VERB", 48, 0.1)], "match", "outgoing")
    assert len(both) == 1
    assert "VERB" in both[0]


def test_findings_are_few():
    many = [
        evidence(of, attribute, str(n), 40, 0.1)
        for of in ("subject", "maxAttention")
        for attribute in ("pos", "tag", "dep", "entity")
        for n in range(9)
    ]
    assert len(find(many, "match", "outgoing")) == MAX_FINDINGS
