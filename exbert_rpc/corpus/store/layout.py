"""What a segment's sections are called, and what they hold.

A corpus folder::

    manifest.json           what is current: segments and document table with sizes and checksums; replaced atomically
    documents-<n>.json      the documents: where each block of each document stands
    segment-<digest>.exb    immutable; see segment.py. One that the manifest does not name is of a build that has not
                            finished: the next one takes its blocks from there and then deletes it
    committed               empty: a build was finished here once, so that a missing manifest is known as damage
    graph-<section>-<digest>.exg  a search graph; see graphs.py. Not in the manifest: the corpus is whole without it
    graphs.lock             held while a graph is made
    lock                    held while a build runs

Sections of a segment (``B`` blocks, ``S`` sentences, ``T`` tokens, special ones included, ``R`` rows: tokens that are
not special, in order):

    block/digest            u8  [B, 16]   content digest: the key by which a block is found again
    block/sentences         u32 [B + 1]   first sentence of each block
    block/text              u8            UTF-8 of all blocks, one behind the other
    block/offset            u64 [B + 1]   where each block's UTF-8 begins
    sentence/start, /end    u32 [S]       code points within the block
    sentence/tokens         u64 [S + 1]   first token of each sentence
    token/id                i32 [T]
    token/start, token/end  u32 [T]       code points within the sentence
    token/special           u8  [T]
    token/pos|tag|dep|entity u16 [T]      index into meta["labels"][…]; 0 is None
    token/lemma             u32 [T]       index into meta["labels"]["lemma"]; 0 is None
    hidden/<i>/codes        i8 [R, D] or u8 [R, W]   hiddenLayer i; see quantize.py
    hidden/<i>/outliers     OUTLIER [m]
    hidden/<i>/steps, center f32 [D]
    head/<l>/…              the same for the head outputs of layer l, D = H · d
    attention/<l>/bytes     u8            for each sentence zlib of u8 [H, n, n] (value / 255); int8 corpora only:
                                          compact ones rerun the sentences of an answer
    attention/<l>/offset    u64 [S + 1]

Since 0.2, in every precision (segments of earlier versions have none of these):

    token/word, token/head  u16 [T]       token, counted in the sentence, where the token's word begins, and where the
                                          word that it depends on begins; 65535: none
    token/form              u32 [T]       index into meta["labels"]["form"]: its word, lower-cased; 0 is None
    peak/<l>/target         u8 or u16 [H, R]   token, counted in the sentence: the strongest one that is not special
                                          (u8 where no sentence of the segment is longer than 256 tokens)
    peak/<l>/weight         u8  [H, R]    its weight times 255
    peak/<l>/packed         u8            int4 and binary corpora have this instead: for each head zlib of u8 or u16 [R]
                                          targets, and then zlib of u8 [R] weights in steps of 17/255
    peak/<l>/offset         u64 [2 H + 1] where each of these begins
    sums/group              i32 [B]       the group of each block; -1: its group has lost a block and was not kept
    sums/<name>             f32 or u32 [G, …]  sums of all heads, see corpus/head_sums.py, over meta["relations"]
"""

from __future__ import annotations

from typing import Literal

from exbert_rpc.corpus.types import Space

ANNOTATIONS = ("pos", "tag", "dep", "entity")
NO_TOKEN = 65_535
"""Stands for no token in ``token/word`` and ``token/head``."""


def vectors_key(space: Space, layer: int) -> str:
    """Prefix of the sections of one layer in one space."""
    return f"{'hidden' if space == 'hiddenState' else 'head'}/{layer}"


def attention_key(layer: int) -> str:
    """Prefix of the sections of one layer's attention."""
    return f"attention/{layer}"


def peak_key(layer: int, what: Literal["target", "weight", "packed", "offset"]) -> str:
    """A section of one layer's peaks."""
    return f"peak/{layer}/{what}"


def sums_key(name: str) -> str:
    """A section of sums."""
    return f"sums/{name}"
