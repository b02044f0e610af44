"""What names and texts hold never steers a terminal."""

import io

import pytest

from exbert_rpc.cli.output import Screen
from exbert_rpc.cli.text import shown_path


def shown(text, colour=True):
    stream = io.StringIO()
    Screen(stream, 80, colour).line(text)
    return stream.getvalue()


@pytest.mark.parametrize("evil", ["\x1b]0;title\x07", "\x1b[2J", "\x9b2J", "a\rb", "\x08\x08", "\x7f", "\x00"])
def test_characters_that_steer_are_left_out_wherever_a_text_comes_from(evil):
    screen = Screen(io.StringIO(), 80, True)
    plain = "".join(one for one in evil if one.isprintable())
    assert shown(evil) == plain + "\n"
    assert shown(screen.bold(evil)) == f"\x1b[1m{plain}\x1b[0m\n"
    assert shown(screen.boxed(evil)) == f"\x1b[1;38;5;231;48;5;54m {plain} \x1b[0m\n"


def test_a_name_cannot_guess_what_stands_for_our_own_sequences():
    assert "\x1b" not in shown("\ufdd0" * 13 + "[2J")


def test_a_uri_is_shown_as_a_path_that_people_can_read():
    assert shown_path("file:///x/with%20space%1b%5b2J.txt") == "/x/with space[2J.txt"
    assert shown_path("file:///x/a.zip#/d/%C3%BC.txt") == "/x/a.zip /d/ü.txt"
    assert shown_path("note:%20") == "note:%20"
