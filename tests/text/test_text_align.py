import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from exbert_rpc.text.align import join_words


def slow_join(words, tokens):
    """Largest overlap by comparing every token with every word."""
    out = []
    for start, end in tokens:
        best, most = -1, 0
        for number, (left, right) in enumerate(words):
            overlap = len(set(range(start, end)) & set(range(left, right)))
            if overlap > most:
                best, most = number, overlap
        out.append(best)
    return out


@st.composite
def spans(draw):
    cuts = sorted(draw(st.lists(st.integers(0, 30), unique=True, max_size=12)))
    words = [(a, b) for a, b in itertools.pairwise(cuts) if draw(st.booleans())]
    tokens = draw(
        st.lists(st.tuples(st.integers(0, 30), st.integers(0, 8)).map(lambda t: (t[0], t[0] + t[1])), max_size=12)
    )
    return words, tokens


@given(spans())
def test_the_word_with_the_largest_overlap_is_joined_the_first_on_ties(case):
    words, tokens = case
    columns = [np.array([pair[side] for pair in some], dtype=np.int32) for some in case for side in (0, 1)]
    joined = join_words(*columns)
    assert joined.dtype == np.int32
    assert joined.shape == (len(tokens),)
    assert joined.tolist() == slow_join(words, tokens)


def test_a_token_over_two_words_belongs_to_the_longer_part():
    # "New York": a token " York" behind "New"
    joined = join_words(np.array([0, 4]), np.array([3, 8]), np.array([2, 0]), np.array([8, 0]))
    assert joined.tolist() == [1, -1]
