"""The parts of the benchmarks that compute figures, apart from what they time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from benchmarks.exact import mean_cosines, recall, unit_heads
from benchmarks.fake import FakeModel, annotate_one
from benchmarks.ideal import Spent, ideal_seconds
from benchmarks.memory_floor import reader
from benchmarks.page import BEGIN, END, replace_figures, table
from benchmarks.planted import specificity
from benchmarks.rows import at_least, at_most, reported
from benchmarks.texts import plain_sentence
from benchmarks.timing import Times, interleaved
from exbert_rpc.text.types import Document


def test_the_ratio_compares_calls_of_the_same_round() -> None:
    times = Times({"a": [1.0, 10.0, 3.0], "b": [2.0, 20.0, 3.0]})
    assert times.ratio("a", "b") == 0.5


def test_calls_take_turns_and_warm_up_rounds_do_not_count() -> None:
    order: list[str] = []
    times = interleaved({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=2, warm_up=1)
    assert order == ["a", "b"] * 3
    assert [len(times.seconds[name]) for name in "ab"] == [2, 2]


def test_a_goal_on_either_side_is_reached_exactly_at_its_value() -> None:
    assert at_most("s", "w", "", 2.0, 2.0, "×", "").verdict == "reached"
    assert at_most("s", "w", "", 2.0, 2.1, "×", "").verdict == "missed"
    assert at_least("s", "w", "", 2.0, 2.0, "×", "").verdict == "reached"
    assert at_least("s", "w", "", 2.0, 1.9, "×", "").verdict == "missed"
    assert reported("s", "w", 1.0, "ms", "").verdict == "–"


def test_every_row_of_the_table_has_as_many_cells_as_its_head() -> None:
    rows = [at_most("one", "w", "peer", 2.0, 1.0, "×", "d"), reported("two", "w", 1234.5, "ms", "")]
    widths = {line.count("|") for line in table(rows).splitlines()}
    assert widths == {7}


def test_figures_replace_only_what_stands_between_the_markers() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert replace_figures(page, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    with pytest.raises(ValueError, match="lacks"):
        replace_figures("no markers", "new")


def test_a_section_with_markers_of_its_own_is_replaced_apart_from_the_others() -> None:
    own = [marker.replace("figures", "figures of insight") for marker in (BEGIN, END)]
    page = f"{BEGIN}\nall\n{END}\n{own[0]}\nold\n{own[1]}\n"
    assert replace_figures(page, "new", "insight") == page.replace("\nold\n", "\n\nnew\n\n")
    assert replace_figures(page, "new", "search") == page.replace("\nall\n", "\n\nnew\n\n")


def test_the_truth_is_the_mean_of_the_cosines_of_the_chosen_heads() -> None:
    rng = np.random.default_rng(0)
    rows, query = rng.standard_normal((7, 12)), rng.standard_normal((1, 12))
    got = mean_cosines(unit_heads(rows, 3), unit_heads(query, 3)[0], (0, 2))
    for row, score in zip(rows, got, strict=True):
        cosines = [
            row[4 * h : 4 * h + 4]
            @ query[0, 4 * h : 4 * h + 4]
            / np.linalg.norm(row[4 * h : 4 * h + 4])
            / np.linalg.norm(query[0, 4 * h : 4 * h + 4])
            for h in (0, 2)
        ]
        assert score == pytest.approx(np.mean(cosines), abs=1e-6)


def test_recall_counts_equal_scores_alike_and_repeated_rows_once() -> None:
    scores = np.array([0.9, 0.8, 0.8, 0.1], dtype=np.float32)
    assert recall(scores, [0, 2], 2) == 1.0
    assert recall(scores, [0, 3], 2) == 0.5
    assert recall(scores, [0, 0], 2) == 0.5


def test_the_memory_floor_reads_every_array_to_its_end() -> None:
    arrays = [np.zeros((1001, 8), np.int8), np.zeros((3, 16), np.int8)]
    arrays[0][-1, -1] = 1
    with ThreadPoolExecutor(2) as pool:
        assert reader(arrays, pool)() == 1 << 56
        arrays[1][-1, 0] = 1
        assert reader(arrays, pool)() == (1 << 56) + 1


def test_the_ideal_build_is_bounded_by_all_the_work_and_by_the_forward_passes() -> None:
    assert ideal_seconds(Spent(3.0, 3.0), Spent(2.0, 4.0), cores=2) == 3.5
    assert ideal_seconds(Spent(1.0, 1.0), Spent(5.0, 5.0), cores=2) == 5.0


def test_the_made_up_model_gives_what_a_model_gives() -> None:
    model = FakeModel()
    encoding = model.tokenize("The dog, however, ran.")
    capture = model.capture_batch([encoding], hidden_layers=(0, 1), layers=(0, 1), attention_layers=(1,))[0]
    n = len(encoding.ids)
    assert [one.shape for one in capture.hidden_states] == 2 * [(n, 384)]
    assert [one.shape for one in capture.head_outputs] == 2 * [(12, n, 32)]
    assert [one.shape for one in capture.attention] == [(12, n, n)]
    np.testing.assert_allclose(capture.attention[0].sum(-1), 1.0, rtol=1e-5)
    assert not np.array_equal(capture.hidden_states[0], capture.hidden_states[1])


def test_the_made_up_pipeline_cuts_sentences_where_they_end() -> None:
    text = "It rained. The dog ran home."
    annotated = annotate_one(text)
    spans = zip(annotated.sentence_start, annotated.sentence_end, strict=True)
    assert [text[start:end] for start, end in spans] == ["It rained.", "The dog ran home."]
    assert len(annotated.pos) == len(annotated.word_start) == len(annotated.sentence)


def test_tagged_words_become_a_sentence_that_a_person_would_write() -> None:
    assert (
        plain_sentence("\tHe/pps said/vbd ,/, ``/`` yes/rb ''/'' (/( twice/rb )/) ./.") == 'He said, " yes " (twice).'
    )


@pytest.mark.slow
def test_a_planted_heads_findings_are_the_heads_and_those_of_the_word_are_not(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    words = [first + vowel + last for first in "bdfgklmn" for vowel in "aeiou" for last in "rst"][:60]

    def sentence() -> str:
        return " ".join(rng.choice(words, 10)).capitalize() + "."

    def paragraph() -> str:
        return " ".join(sentence() for _ in range(4))

    documents = [Document(f"d:/{n}.txt", "\n\n".join(paragraph() for _ in range(5))) for n in range(20)]
    found = specificity(tmp_path, documents, [sentence() for _ in range(12)])
    assert found.planted >= 12
    assert found.planted_head >= 0.95 * found.planted
    assert found.word >= 8
    assert found.word_head <= 0.05 * found.word
