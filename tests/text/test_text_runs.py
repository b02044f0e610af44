"""Long runs without white space are annotated in parts, in time linear in their length."""

import time

import numpy as np

from exbert_rpc.text.annotation.pipeline import Annotator
from exbert_rpc.text.annotation.runs import LONGEST_RUN, cut_runs, has_long_run
from tests.ratios import least


def test_parts_join_to_the_text_and_none_has_a_long_run():
    for text in ("", "a b", "x" * 5000, "a " + "ab。" * 900 + " z", "x" * LONGEST_RUN):
        parts = cut_runs(text)
        assert "".join(parts) == text
        assert not any(has_long_run(part) for part in parts)
    assert all(part.endswith("。") for part in cut_runs("ab。" * 900)[:-1])


def test_annotations_of_parts_are_those_of_one_text():
    text = "One two. " + "😀" * (3 * LONGEST_RUN) + " three four."
    found = Annotator("blank:en").annotate(text)
    assert found.text == text
    words = [text[start:end] for start, end in zip(found.word_start, found.word_end, strict=True)]
    assert "".join(words) == text.replace(" ", "")
    assert (np.diff(found.word_start) > 0).all() and (found.word_end[:-1] <= found.word_start[1:]).all()
    inside = [found.sentence_start[at] <= s for at, s in zip(found.sentence, found.word_start, strict=True)]
    assert all(inside) and found.sentence_end[-1] == len(text)
    assert len(found.pos) == len(words) == len(found.syntactic_head)


def test_time_is_linear_in_a_run():
    annotator = Annotator("blank:en")

    def seconds(n):
        started = time.process_time()
        annotator.annotate("😀" * n)
        return time.process_time() - started

    seconds(1000)
    assert least(lambda: seconds(8_000) / max(seconds(1000), 0.005), 16) < 16
