import pytest

from exbert_rpc.analysis.findings import MAX_FINDINGS, Evidence, find
from exbert_rpc.analysis.types import Bin

MEANINGS = {
    "VERB": "verb",
    "NOUN": "noun",
    "PROPN": "proper noun",
    "PART": "particle",
    "VB": "verb, base form",
    "TO": 'infinitival "to"',
    "aux": "auxiliary",
    "PERSON": "people, including fictional",
    "root": "root",
}


def evidence(
    of, attribute, label, count, baseline, *, q_value=1e-9, log_p=-20.0, n=50, n_distinct=50, first=0
) -> Evidence:
    """A label that ``count`` of ``n`` hits carry, from the hit ``first`` on."""
    share = count / n
    row = Bin(label, count, share, baseline, share / baseline if baseline else None, 0.0, 1.0, q_value)
    hits = frozenset(range(first, first + count))
    return Evidence(of, attribute, row, n, n_distinct, log_p, hits, MEANINGS.get(label))


def sentence(one: Evidence, subject="match", attention="outgoing") -> str:
    (only,) = find([one], subject, attention)
    return only


@pytest.mark.parametrize(
    ("attribute", "label", "expected"),
    [
        ("pos", "VERB", "48 of 50 matches are VERB (verb): 96 %, 10 % expected, 9.6×, q < 0.001."),
        ("tag", "VB", "48 of 50 matches are tagged VB (verb, base form): 96 %, 10 % expected, 9.6×, q < 0.001."),
        ("dep", "root", "48 of 50 matches have the dependency root: 96 %, 10 % expected, 9.6×, q < 0.001."),
        ("dep", "zzz", "48 of 50 matches have the dependency zzz: 96 %, 10 % expected, 9.6×, q < 0.001."),
        (
            "entity",
            "PERSON",
            "48 of 50 matches are in an entity of type PERSON (people, including fictional): 96 %, 10 % expected, "
            "9.6×, q < 0.001.",
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


@pytest.mark.parametrize("count", [48, 2, 0])
def test_of_special_tokens_one_sentence_is_said(count):
    same = [evidence("maxAttention", attribute, "special", count, 0.3) for attribute in ("pos", "tag", "dep", "entity")]
    (said,) = find(same, "match", "outgoing")
    assert "all of them" not in said


def test_labels_of_the_same_targets_are_one_finding_said_of_the_rarest_in_the_corpus():
    coarse = evidence("maxAttention", "pos", "PART", 48, 0.0225, log_p=-150)
    fine = evidence("maxAttention", "tag", "TO", 48, 0.015, log_p=-170)
    role = evidence("maxAttention", "dep", "aux", 48, 0.05, log_p=-120)
    assert find([coarse, fine, role], "match", "outgoing") == (
        'The matches\' strongest attention goes to tokens tagged TO (infinitival "to"), all of them PART (particle) '
        "and with the dependency aux (auxiliary), in 96 % (2 % expected, 64×), q < 0.001.",
    )


def test_labels_of_the_same_matches_are_one_finding():
    name = evidence("subject", "pos", "PROPN", 20, 0.1)
    person = evidence("subject", "entity", "PERSON", 20, 0.02, log_p=-40)
    assert find([name, person], "match", "outgoing") == (
        "20 of 50 matches are in an entity of type PERSON (people, including fictional), all of them PROPN (proper "
        "noun): 40 %, 2 % expected, 20×, q < 0.001.",
    )


def test_labels_of_different_hits_stay_two_findings_however_alike_their_counts():
    coarse = evidence("maxAttention", "pos", "PART", 40, 0.02)
    fine = evidence("maxAttention", "tag", "TO", 40, 0.015, first=5)
    said = find([coarse, fine], "match", "outgoing")
    assert len(said) == 2
    assert not any("all of them" in sentence for sentence in said)


def test_matches_and_targets_of_the_same_hits_are_two_findings():
    parts = [evidence("subject", "pos", "VERB", 48, 0.1), evidence("maxAttention", "pos", "PART", 48, 0.02)]
    assert len(find(parts, "match", "outgoing")) == 2


def test_a_distance_is_no_second_name_of_what_stands_there():
    parts = [evidence("maxAttention", "offset", "-1", 48, 0.4), evidence("maxAttention", "pos", "PART", 48, 0.02)]
    assert len(find(parts, "match", "outgoing")) == 2


def test_what_is_common_anyway_is_not_named_beside_what_is_not():
    verb = evidence("subject", "pos", "VERB", 48, 0.1, log_p=-90)
    no_entity = evidence("subject", "entity", "none", 48, 0.9)
    assert find([verb, no_entity], "match", "outgoing") == (
        "48 of 50 matches are VERB (verb): 96 %, 10 % expected, 9.6×, q < 0.001.",
    )


def test_labels_that_are_both_common_anyway_are_one_habit():
    noun = evidence("subject", "pos", "NOUN", 48, 0.8, log_p=-22)
    no_entity = evidence("subject", "entity", "none", 48, 0.9)
    assert find([noun, no_entity], "match", "outgoing") == (
        "48 of 50 matches are NOUN (noun), all of them in no entity: 96 %, 80 % expected, 1.2×, q < 0.001; "
        "hardly special, it is common all over this corpus.",
    )


def test_labels_that_are_missing_from_all_hits_are_not_one():
    missing = [evidence("subject", "pos", "NOUN", 0, 0.3), evidence("subject", "dep", "punct", 0, 0.2)]
    assert len(find(missing, "match", "outgoing")) == 2


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
        evidence(of, attribute, str(n), 40 - i, 0.1, first=n)
        for of in ("subject", "maxAttention")
        for i, attribute in enumerate(("pos", "tag", "dep", "entity"))
        for n in range(9)
    ]
    assert len(find(many, "match", "outgoing")) == MAX_FINDINGS
