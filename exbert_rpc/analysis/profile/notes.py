"""What a profile leaves out, and why."""

from __future__ import annotations

from collections.abc import Sequence

from exbert_rpc.corpus.head_sums import HeadSums, add_sums

_LEAST_DOCUMENTS = 3


def notes_of(documents: Sequence[HeadSums], n_heads: int, min_pairs: int, pipeline: str) -> tuple[str, ...]:
    """Sentences about what was not measured or not tested in the whole corpus; none if everything was.

    Args:
        documents: Sums of each document, of all heads.
        n_heads: Number of heads, over all layers.
        min_pairs: Roles and relations with fewer pairs are left out.
        pipeline: What annotated the corpus.
    """
    found = [_about_pairs(add_sums(n_heads, documents), min_pairs, pipeline), _about_documents(len(documents))]
    return tuple(note for note in found if note)


def _about_pairs(total: HeadSums, min_pairs: int, pipeline: str) -> str:
    pairs = dict(zip(total.relations, total.role_pairs.sum(axis=2).max(axis=1).tolist(), strict=True))
    most = max(pairs, key=lambda name: pairs[name], default="")
    if not most or pairs[most] == 0:
        return (
            f"No roles or relations: the pipeline {pipeline} gives no dependencies. "
            "To have them, index the corpus with a pipeline that has a parser."
        )
    if pairs[most] < min_pairs:
        return (
            f"No roles or relations: none has {min_pairs:,} pairs of words. "
            f"The most frequent, {most}, has {pairs[most]:,}. Add texts, or lower `minPairs`."
        )
    return ""


def _about_documents(n_documents: int) -> str:
    if n_documents >= _LEAST_DOCUMENTS:
        return ""
    return (
        f"No intervals and no significant findings: they need at least {_LEAST_DOCUMENTS} documents of some length, "
        f"and there {'is' if n_documents == 1 else 'are'} {n_documents}."
    )
