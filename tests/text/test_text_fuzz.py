"""Any bytes under any name give documents or reasons, in time linear in their number."""

import pytest

from tests.ratios import least
from tests.text.fuzz_formats import NAMES, OPTIONS, SEEDS, SPARKS, seconds, violations

SIZE = 40_000
SMALLER = {"a.c": 5, "pub.py": 5, "a.tex": 20, "paper.tex": 20}
"""Their readers take long in proportion."""


def test_broken_files_give_documents_or_reasons():
    assert [one for seed in range(1500) for one in violations(seed)] == []


@pytest.mark.slow
def test_twenty_thousand_broken_files_give_documents_or_reasons():
    assert [one for seed in range(20_000) for one in violations(seed)] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_time_is_linear_in_what_a_file_repeats(name):
    whole = dict(SEEDS)[name]
    base = SIZE // SMALLER.get(name, 1)
    slow = []
    for spark in (*SPARKS, whole):
        for options in OPTIONS[:2]:
            few, many = (spark * (size // len(spark)) for size in (base, 8 * base))

            def ratio(few=few, many=many, options=options) -> float:
                return seconds(name, many, options) / max(seconds(name, few, options), 0.004)

            found = least(ratio, 24)
            if found > 24:
                slow.append((spark, found))
    assert slow == []
