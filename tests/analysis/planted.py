"""Seeded sentences with words and a syntax, and heads that are planted in them."""

from __future__ import annotations

import numpy as np

from exbert_rpc.corpus.head_measures import measure
from exbert_rpc.corpus.head_plan import SentenceWords
from exbert_rpc.corpus.head_sums import HeadSums, add_sums

RELATIONS = ("det", "nsubj", "dobj", "prep", "pobj", "amod")
SEP, CLS = "last", "first"


def random_sentence(rng: np.random.Generator, n_words: int = 8, special: tuple[str, ...] = (CLS, SEP)) -> dict:
    """A sentence of words of one to three sub-words, with a random tree; see ``SlowHead``."""
    tokens: list[int] = []
    if CLS in special:
        tokens.append(-1)
    first = []
    for _ in range(n_words):
        first.append(len(tokens))
        tokens += [first[-1]] * int(rng.choice([1, 1, 1, 2, 3]))
    if SEP in special:
        tokens.append(-1)
    word = np.array(tokens)
    parents = rng.integers(0, n_words, n_words)
    head = np.full(len(word), -1)
    dep = [""] * len(word)
    form = np.zeros(len(word), np.int64)
    for number, at in enumerate(first):
        mine = word == at
        head[mine] = first[parents[number]]
        label = "ROOT" if parents[number] == number else str(rng.choice([*RELATIONS, "punct"]))
        form[mine] = rng.integers(0, 6)
        for token in np.flatnonzero(mine):
            dep[token] = label
    return {"special": word < 0, "word": word, "head": head, "dep": dep, "form": form}


def random_attention(rng: np.random.Generator, n: int, causal: bool, heads: int = 3) -> np.ndarray:
    """float32 ``[heads, n, n]``, rows sum to 1."""
    raw = rng.gamma(0.4, size=(heads, n, n)) + 1e-6
    if causal:
        raw = np.tril(raw)
    return (raw / raw.sum(axis=2, keepdims=True)).astype(np.float32)


def words_of(sentence: dict) -> SentenceWords:
    return SentenceWords(sentence["special"], sentence["word"], sentence["head"], sentence["dep"], sentence["form"])


def measured(sentence: dict, attention: np.ndarray, causal: bool = False) -> HeadSums:
    return measure([attention], words_of(sentence), causal=causal)[0]


def document_sums(sentences: list[dict], attentions: list[np.ndarray], causal: bool = False) -> HeadSums:
    parts = [measured(one, attention, causal) for one, attention in zip(sentences, attentions, strict=True)]
    return add_sums(parts[0].n_heads, parts)


def planted_heads(sentence: dict) -> np.ndarray:
    """float32 ``[4, n, n]``: previous token, syntactic head, same word, uniform. Rows without a target look at 0."""
    n = len(sentence["word"])
    attention = np.zeros((4, n, n), np.float32)
    attention[:3, :, 0] = 1
    attention[3] = 1 / n
    for i in range(n):
        if sentence["special"][i]:
            continue
        same = [
            j
            for j in range(n)
            if sentence["word"][j] == j and j != sentence["word"][i] and sentence["form"][j] == sentence["form"][i]
        ]
        targets = (i - 1 if i > 0 and not sentence["special"][i - 1] else None, int(sentence["head"][i]), *same[:1])
        for head, target in enumerate(targets):
            if target is not None and target >= 0:
                attention[head, i] = 0
                attention[head, i, target] = 1
    return attention
