"""Annotated blocks cut into sentences that a model can take, their tokens joined to spaCy's words."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.head_plan import SentenceWords
from exbert_rpc.corpus.types import CorpusModel
from exbert_rpc.model.types import Encoding
from exbert_rpc.text.align import join_words
from exbert_rpc.text.annotation.runs import LONGEST_RUN, has_long_run
from exbert_rpc.text.types import AnnotatedText


@dataclass(frozen=True, slots=True)
class TokenizedSentence:
    """A sentence of the corpus: a spaCy sentence, or a piece of one that is too long for the model.

    Attributes:
        start: Code point in the block where it starts.
        end: Code point behind it.
        encoding: Its tokens, ``n`` of them.
        word: int32 ``[n]``, word of the block that each token belongs to; -1 for special tokens.
        words: Its words as tokens of the sentence.
    """

    start: int
    end: int
    encoding: Encoding
    word: NDArray[np.int32]
    words: SentenceWords


@dataclass(frozen=True, slots=True)
class Loss:
    """A stretch of a block that no token covers, or one that was read in parts, and why."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class TokenizedBlock:
    """An annotated block with its sentences, in order, and what had to be left out of it.

    ``forms`` are the lower-cased texts of its words; ``cuts`` is what was read in parts.
    """

    annotated: AnnotatedText
    sentences: tuple[TokenizedSentence, ...]
    forms: tuple[str, ...]
    losses: tuple[Loss, ...] = ()
    cuts: tuple[Loss, ...] = ()


def tokenize_block(block: AnnotatedText, model: CorpusModel) -> TokenizedBlock:
    """Cut a block into sentences that the model can take, and tokenize them."""
    sentences: list[TokenizedSentence] = []
    losses: list[Loss] = []
    ends = zip(block.word_start.tolist(), block.word_end.tolist(), strict=True)
    forms = tuple(block.text[start:end].lower() for start, end in ends)
    numbers = {form: number for number, form in enumerate(forms)}
    of_word = np.array([numbers[form] for form in forms], dtype=np.int64)
    spans = [(int(s), int(e)) for s, e in zip(block.sentence_start, block.sentence_end, strict=True)]
    for start, end, encoding in _tokenize(block, spans, model):
        if len(encoding.ids) > model.info.max_tokens:
            losses.append(Loss(block.text[start:end], "it has more tokens than the model takes"))
            continue
        if encoding.is_special.all():
            losses.append(Loss(block.text[start:end], "the tokenizer keeps nothing of it"))
            continue
        word = join_words(block.word_start - start, block.word_end - start, encoding.start, encoding.end)
        word[encoding.is_special] = -1
        words = _words(block, word, encoding.is_special, of_word)
        sentences.append(TokenizedSentence(start, end, encoding, word, words))
    cuts = tuple(_cuts(block, spans, sentences, model.info.max_tokens))
    return TokenizedBlock(block, tuple(sentences), forms, tuple(losses), cuts)


def _cuts(
    block: AnnotatedText, spans: list[tuple[int, int]], sentences: list[TokenizedSentence], limit: int
) -> Iterator[Loss]:
    """What was read in parts: sentences that the model does not take whole, runs that a pipeline does not."""
    starts = [sentence.start for sentence in sentences]
    for start, end in spans:
        parts = bisect_left(starts, end) - bisect_left(starts, start)
        if parts > 1:
            told = f"a sentence of more than the {limit} tokens that the model takes was cut at words into {parts}"
            yield Loss(block.text[start:end], told)
    if block.variant == "" and has_long_run(block.text):
        yield Loss(block.text, f"a run of more than {LONGEST_RUN} characters without a space was annotated in parts")


def _words(
    block: AnnotatedText, word: NDArray[np.int32], is_special: NDArray[np.bool_], forms: NDArray[np.int64]
) -> SentenceWords:
    """Words of a block as tokens of one of its sentences."""
    tokens = np.flatnonzero(word >= 0)
    of_token = np.full(len(word), -1)
    head, form = of_token.copy(), of_token.copy()
    if len(tokens):
        here = word[tokens]
        low, high = int(here.min()), int(here.max())
        first = np.full(high - low + 1, -1)
        first[here[::-1] - low] = tokens[::-1]  # of several tokens the first one is written last
        of_token[tokens] = first[here - low]
        heads = block.syntactic_head[here]
        inside = (heads >= low) & (heads <= high)
        head[tokens[inside]] = first[heads[inside] - low]
        form[tokens] = forms[here]
    dep = [block.dep[at] if at >= 0 else "" for at in word.tolist()]
    return SentenceWords(is_special, of_token, head, dep, form)


def _tokenize(
    block: AnnotatedText, spans: list[tuple[int, int]], model: CorpusModel
) -> Iterator[tuple[int, int, Encoding]]:
    """Encodings of stretches of a block, those too long split at words (in the end: at tokens).

    What cannot be split any further comes as it is.
    """
    if not spans:
        return
    encodings = model.tokenize_many([block.text[start:end] for start, end in spans])
    for (start, end), encoding in zip(spans, encodings, strict=True):
        fits = len(encoding.ids) <= model.info.max_tokens
        pieces = [] if fits else _split(block, start, end, encoding, model.info.max_tokens)
        if fits or pieces == [(start, end)]:
            yield start, end, encoding
        else:
            yield from _tokenize(block, pieces, model)


def _split(block: AnnotatedText, start: int, end: int, encoding: Encoding, limit: int) -> list[tuple[int, int]]:
    """Stretches that cover ``start..end``, each of which should fit; one if it cannot be split."""
    begins = start + encoding.start[~encoding.is_special]
    room = max(limit - int(encoding.is_special.sum()), 1)
    spans, at, first = [], start, 0
    while first + room < len(begins):
        fits_until = int(begins[first + room])
        words = block.word_start[(block.word_start > at) & (block.word_start <= fits_until)]
        cut = int(words[-1]) if len(words) else max(fits_until, at + 1)
        spans.append((at, cut))
        at, first = cut, int(np.searchsorted(begins, cut))
    return [span for span in (_trim(block.text, *one) for one in (*spans, (at, end))) if span[0] < span[1]]


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - (len(piece) - len(piece.rstrip()))
