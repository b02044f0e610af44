"""What is written fits the terminal, its encoding and the user's wishes."""

from __future__ import annotations

import argparse
import io
import signal
import subprocess
import sys
import threading
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exbert_rpc.cli.output import Screen, write_json
from exbert_rpc.cli.progress import ProgressBar, duration
from exbert_rpc.cli.serving import split_address
from exbert_rpc.cli.show_attention import readable
from exbert_rpc.cli.show_corpora import ranges, size
from exbert_rpc.cli.show_summary import bar_of, show_summary
from exbert_rpc.cli.tables import Column, draw
from exbert_rpc.cli.text import clip, clip_left, pad, tidy, width, wrap
from exbert_rpc.cli.values import controls, numbers
from exbert_rpc.cli.work import run as run_call
from exbert_rpc.errors import Cancelled
from exbert_rpc.protocol.types.summarize import (
    Bin,
    Controls,
    ControlShare,
    Finding,
    Histogram,
    Peers,
    SummarizeResult,
)
from exbert_rpc.tasks import Task

HEAVY = ("torch", "transformers", "spacy", "numpy", "msgspec", "pygls", "usearch", "numkong")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [(["--help"], []), (["search", "--help"], ["msgspec"])],  # a command's help reads the wire types
)
def test_the_help_needs_nothing_heavy(arguments: list[str], needed: list[str]) -> None:
    code = f"""
import sys
from exbert_rpc.cli import main
assert main({arguments!r}) == 0
print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == f"{needed}\n"


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"{sys.executable} -m exbert_rpc schema | head -c 10"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert len(done.stdout) == 10
    assert done.stderr == ""


@given(st.text(max_size=60), st.integers(0, 40))
def test_clipped_text_fits(text: str, columns: int) -> None:
    text = tidy(text)
    assert width(clip(text, columns)) <= columns
    assert width(clip_left(text, columns)) <= columns
    assert width(pad(clip(text, columns), columns)) == columns or columns == 0


@given(st.text(max_size=60))
def test_tidy_text_is_one_line_that_steers_nothing(text: str) -> None:
    shown = tidy(text)
    assert not any(unicodedata.category(one) in ("Cc", "Cs") for one in shown)
    assert len(shown.splitlines()) <= 1


def test_wide_and_combining_characters_are_measured_as_they_are_shown() -> None:
    assert width("日本語") == 6
    assert width("e\u0301") == 1
    assert clip("日本語", 5) == "日本…"


def test_wrapped_lines_fit_and_lose_no_word() -> None:
    text = "one two three four five six seven"
    lines = wrap(text, 12, "  ")
    assert all(width(line) <= 12 for line in lines)
    assert " ".join(line.strip() for line in lines) == text


def test_a_table_fits_a_narrow_screen() -> None:
    stream = io.StringIO()
    columns = [Column("name"), Column("a long cell", may_shrink=True)]
    draw(Screen(stream, width=40), columns, [["one", "x" * 100], ["two", "short"]])
    assert all(width(line) <= 40 for line in stream.getvalue().splitlines())


def test_an_encoding_without_the_characters_gets_others() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    screen = Screen.of(stream)
    screen.line("█┃░ 日本 × “quoted”")
    assert raw.getvalue().decode("ascii") == '#|. ?? x "quoted"\n'


def test_json_stays_valid_in_any_encoding() -> None:
    import json

    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="latin-1")
    write_json(stream, '{"text": "日本 😀"}'.encode())
    assert json.loads(raw.getvalue().decode("ascii")) == {"text": "日本 😀"}


@pytest.mark.parametrize(
    ("environment", "terminal", "colour"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_colour_is_for_those_who_want_it(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], terminal: bool, colour: bool
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Screen.of(Terminal() if terminal else io.StringIO()).colour is colour


def test_a_match_is_boxed_with_and_without_colour() -> None:
    assert Screen(io.StringIO()).boxed("word") == "[word]"
    assert " word " in Screen(io.StringIO(), colour=True).boxed("word")


def test_a_bar_shows_the_share_and_marks_what_was_expected() -> None:
    row = Bin(label="VERB", count=5, share=0.5, baseline=0.8, lift=0.6, low=0.2, high=0.8, q_value=0.5)
    assert bar_of(row, 10) == "█████░░░┃░"


def test_a_progress_bar_fits_the_line_and_leaves_nothing_behind() -> None:
    terminal = Terminal()
    with ProgressBar(Screen(terminal, width=60), "indexing notes") as bar:
        bar.update("1,234 tokens, 99 tokens/s · 12 s left", 0.5)
        drawn = terminal.getvalue().split("\r")[-1]
        assert width(drawn) <= 60
        assert "50%" in drawn and "█" in drawn
    assert terminal.getvalue().endswith("\r")


def test_short_work_leaves_nothing_in_a_log() -> None:
    stream = io.StringIO()
    with ProgressBar(Screen(stream), "search") as bar:
        bar.update("loading", None)
    assert stream.getvalue() == ""


def test_ctrl_c_cancels_the_call_and_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import _thread

    left_clean = threading.Event()

    def call(task: Task) -> None:
        _thread.interrupt_main()
        for _ in range(1000):
            time.sleep(0.01)
            if task.cancelled:
                left_clean.set()
                task.check()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    try:
        with pytest.raises(Cancelled):
            run_call(call, "indexing")
    finally:
        signal.signal(signal.SIGINT, before)
    assert left_clean.is_set()


def test_lists_of_numbers_are_read() -> None:
    assert numbers("0,3,5-7") == (0, 3, 5, 6, 7)


def test_addresses_are_read() -> None:
    assert split_address("127.0.0.1:8765") == ("127.0.0.1", 8765)
    assert split_address("[::1]:0") == ("::1", 0)
    assert split_address("8765") == ("127.0.0.1", 8765)


def test_amounts_are_written_for_people() -> None:
    assert [size(n) for n in (999, 1_200, 688_107_070, 4_200_000_000)] == ["999 bytes", "1.2 KB", "688 MB", "4.2 GB"]
    assert [duration(s) for s in (3.4, 125, 7300)] == ["3 s", "2 min 05 s", "2 h 01 min"]
    assert ranges([0, 1, 2, 5, 7, 8]) == "0-2, 5, 7-8"


@pytest.mark.parametrize(
    ("token", "shown"), [("Ġof", "␣of"), ("▁of", "␣of"), ("Ċ", "↵"), ("ized", "ized"), ("##s", "##s"), ("", "")]
)
def test_a_predicted_token_shows_its_leading_space_as_a_person_knows_it(token: str, shown: str) -> None:
    assert readable(token) == shown


def controls_of(word: float, echo: float, median: float) -> Controls:
    return Controls(
        word=ControlShare(share=word, n=50),
        echo=ControlShare(share=echo, n=200),
        peers=Peers(rank=1, of=12, median=median),
    )


def summary_of(*findings: tuple[str, str], controls: Controls | None, notes: tuple[str, ...] = ()) -> SummarizeResult:
    row = Bin(label="VB", count=9, share=0.9, baseline=0.0, lift=None, low=0.6, high=1, q_value=0.01, controls=controls)
    nothing = Controls(word=None, echo=None, peers=None)
    detailed = [
        Finding(
            sentence=sentence,
            of="subject",
            attribute="tag",
            label="VB",
            verdict=verdict,
            q_value=0.01,
            controls=controls or nothing,
        )
        for sentence, verdict in findings
    ]
    return SummarizeResult(
        subject="match",
        n_hits=10,
        n_distinct=10,
        histograms=[Histogram(of="subject", attribute="tag", bins=[row])],
        findings=[sentence for sentence, _ in findings],
        search_id="s",
        attention="outgoing",
        n_baseline=100,
        findings_detailed=detailed,
        notes=list(notes),
    )


def shown(answer: SummarizeResult) -> list[str]:
    stream = io.StringIO()
    show_summary(Screen(stream, width=100), answer)
    return stream.getvalue().splitlines()


def test_a_bar_marks_its_controls_with_letters_that_the_legend_explains() -> None:
    answer = summary_of(controls=controls_of(0.5, 0.7, 0.1))
    assert bar_of(answer.histograms[0].bins[0], 10) == "┃h███w█a█░"
    legend = "(┃ expected, w the word alone, a what is attended to, h other heads)"
    assert any(line.endswith(legend) for line in shown(answer))
    assert any(line.endswith("(┃ expected)") for line in shown(summary_of(controls=None)))


def test_findings_of_the_head_come_first_and_the_others_under_what_explains_them() -> None:
    lines = shown(
        summary_of(
            ("Mine.", "head"),
            ("Echoed.", "echo"),
            ("Worded.", "word"),
            ("Open.", "unchecked"),
            controls=controls_of(0.5, 0.7, 0.1),
            notes=("echo was sampled",),
        )
    )
    assert lines[1:9] == [
        "• Mine.",
        "not checked:",
        "• Open.",
        "explained by the word:",
        "• Worded.",
        "explained by what is attended to:",
        "• Echoed.",
        "note: echo was sampled",
    ]


def test_a_summary_without_a_finding_of_the_head_says_so() -> None:
    lines = shown(summary_of(("Worded.", "word"), controls=controls_of(0.9, 0.1, 0.1)))
    assert lines[1] == "nothing that the word or what is attended to does not explain (q < 0.05)"


def test_without_controls_findings_are_listed_as_they_are() -> None:
    lines = shown(summary_of(("One.", "unchecked"), ("Two.", "unchecked"), controls=None))
    assert lines[1:3] == ["• One.", "• Two."]
    assert "not checked:" not in lines


@pytest.mark.parametrize(("given", "expected"), [("none", ()), ("word", ("word",)), ("peers, echo", ("peers", "echo"))])
def test_controls_are_named_with_commas_between(given: str, expected: tuple[str, ...]) -> None:
    assert controls(given) == expected


@pytest.mark.parametrize("given", ["", "luck", "word,none", ","])
def test_controls_that_do_not_exist_are_refused(given: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="word, echo, peers"):
        controls(given)
