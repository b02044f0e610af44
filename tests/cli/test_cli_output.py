"""What is written fits the terminal, its encoding and the user's wishes."""

from __future__ import annotations

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

from exbert_rpc.cli.arguments import numbers
from exbert_rpc.cli.output import Screen, write_json
from exbert_rpc.cli.progress import ProgressBar, duration
from exbert_rpc.cli.serving import split_address
from exbert_rpc.cli.show_attention import _readable
from exbert_rpc.cli.show_corpora import ranges, size
from exbert_rpc.cli.show_summary import bar_of
from exbert_rpc.cli.tables import Column, draw
from exbert_rpc.cli.text import clip, clip_left, pad, tidy, width, wrap
from exbert_rpc.cli.work import run as run_call
from exbert_rpc.errors import Cancelled
from exbert_rpc.protocol.types.summarize import Bin
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
    assert _readable(token) == shown
