import pytest
from hypothesis import given
from hypothesis import strategies as st

from exbert_rpc.text.blocks import MAX_BLOCK, split_blocks
from exbert_rpc.text.types import Document

PIECES = [
    *(
        "word",
        " ",
        "  ",
        "\n",
        "\r\n",
        "\r",
        "\n\n",
        "\t",
        "# ",
        "## ",
        "- ",
        "* ",
        "1. ",
        "> ",
        ">",
        "```",
        "~~~",
        "````",
    ),
    *(
        "| a | b |",
        "|---|---|",
        "a | b",
        "---|---",
        "---",
        "===",
        "***",
        "😀",
        "é",
        "e\u0301",
        "\u200d",
        "\u2028",
        "\x0c",
    ),
    *("[CLS]", "مرحبا", "don't", "`code`"),
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def texts_of(text: str, *, markdown: bool = True) -> list[str]:
    return [block.text for block in split_blocks(Document("x", text, is_markdown=markdown))]


@given(TEXTS, st.booleans())
def test_every_character_that_is_not_blank_is_in_exactly_one_block_in_order(text, markdown):
    blocks = split_blocks(Document("x", text, is_markdown=markdown))
    end = 0
    for block in blocks:
        assert not text[end : block.start].strip()
        assert text[block.start : block.start + len(block.text)] == block.text
        assert block.text == block.text.strip() != ""
        end = block.start + len(block.text)
    assert not text[end:].strip()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_blank_lines_separate_paragraphs_whatever_ends_a_line(end):
    text = f"one{end}two{end} \t{end}three{end}"
    assert texts_of(text, markdown=False) == [f"one{end}two", "three"]


def test_headings_lists_quotes_tables_and_code_begin_their_own_blocks():
    text = (
        "# Title\nText that\ngoes on\n- item one\n  goes on\n- item two\n1. first\n> quoted\n> more\nafter\n"
        "| a | b |\n|---|---|\n| c | d |\n\n```python\nx = 1\ny = 2\n```\nend\n"
    )
    assert texts_of(text) == [
        *(
            "# Title",
            "Text that\ngoes on",
            "- item one\n  goes on",
            "- item two",
            "1. first",
            "> quoted\n> more",
            "after",
        ),
        *("| a | b |", "|---|---|", "| c | d |", "```python", "x = 1", "y = 2", "```", "end"),
    ]


def test_an_underlined_heading_ends_before_its_underline():
    assert texts_of("Title\n=====\nText\n\nSub\n---\nMore") == ["Title", "=====", "Text", "Sub", "---", "More"]


def test_a_table_without_outer_bars_has_a_block_for_each_row():
    assert texts_of("a | b\n--- | ---\nc | d\n\nnot | a table\nat all") == [
        "a | b",
        "--- | ---",
        "c | d",
        "not | a table\nat all",
    ]


def test_a_blank_line_within_fenced_code_does_not_end_the_fence():
    assert texts_of("```\na\n\n# no heading\nb\n```\nc\nd") == ["```", "a", "# no heading", "b", "```", "c\nd"]


def test_a_fence_is_closed_only_by_one_as_long():
    assert texts_of("````\n```\nx\ny\n````\nc\nd")[-1] == "c\nd"


def test_inline_code_in_three_backticks_opens_no_fence():
    assert texts_of("```x``` is code\nand goes on") == ["```x``` is code\nand goes on"]


def test_markdown_marks_mean_nothing_in_plain_text():
    assert texts_of("# no heading\n- no item", markdown=False) == ["# no heading\n- no item"]


@pytest.mark.parametrize("unit", ["word ", "line\n", "x"])
def test_a_very_long_block_is_cut_at_a_line_or_a_space_and_loses_nothing(unit):
    text = unit * (3 * MAX_BLOCK // len(unit))
    blocks = texts_of(text, markdown=False)
    assert all(len(block) <= MAX_BLOCK for block in blocks)
    assert "".join("".join(block.split()) for block in blocks) == "".join(text.split())
    if unit != "x":
        assert all(block.split()[0] == block.split()[-1] == unit.strip() for block in blocks)
