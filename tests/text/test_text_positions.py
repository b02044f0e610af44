import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from exbert_rpc.text.positions import LineIndex

TEXTS = st.text(alphabet=st.sampled_from(list("ab é😀\t\r\n\x0b\x0c\u2028\x85")), max_size=60)


def slow_position(text: str, offset: int) -> tuple[int, int]:
    """Line and column by walking through the text, a CRLF being one step."""
    line = column = position = 0
    while position < offset:
        if text[position] in "\r\n":
            width = 2 if text[position : position + 2] == "\r\n" else 1
            if position + width > offset:
                break
            line, column, position = line + 1, 0, position + width
        else:
            column, position = column + 1, position + 1
    return line, column


@given(TEXTS, st.data())
def test_an_offset_is_where_a_walk_through_the_text_says(text, data):
    offset = data.draw(st.integers(0, len(text)))
    line, column, line_text = LineIndex(text).locate(offset)
    assert (line, column) == slow_position(text, offset)
    assert line_text == re.split(r"\r\n|\n|\r", text)[line]


@given(TEXTS, st.data())
def test_a_place_leads_back_to_its_offset(text, data):
    offset = data.draw(st.integers(0, len(text)))
    index = LineIndex(text)
    line, column, _line_text = index.locate(offset)
    back = index.offset(line, column)
    assert back == offset or text[back : offset + 1] == "\r\n"


def test_form_feed_and_line_separator_end_no_line():
    assert LineIndex("a\x0cb\u2028c\x85d").n_lines == 1


def test_offsets_outside_the_text_are_moved_to_its_ends():
    index = LineIndex("ab\ncd")
    assert index.locate(-5)[:2] == (0, 0)
    assert index.locate(99)[:2] == (1, 2)
    assert index.offset(99, 0) == 5
    assert index.offset(0, 99) == 2


def test_many_offsets_are_looked_up_at_once():
    lines, columns = LineIndex("ab\r\ncd").locate_many(np.array([0, 1, 2, 4, 6]))
    assert lines.dtype == columns.dtype == np.int64
    assert lines.tolist() == [0, 0, 0, 1, 1]
    assert columns.tolist() == [0, 1, 2, 0, 2]
