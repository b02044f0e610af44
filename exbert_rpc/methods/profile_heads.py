"""``profileHeads``: what heads do everywhere in a corpus."""

from __future__ import annotations

from collections.abc import Sequence

from exbert_rpc.analysis.profile import types as profile
from exbert_rpc.corpus import types as corpus
from exbert_rpc.engine import corpus_requests
from exbert_rpc.methods.method import Context, Method, Work
from exbert_rpc.methods.results import DIGITS, share
from exbert_rpc.methods.search_contexts import encode_hits
from exbert_rpc.methods.validation import as_tuple
from exbert_rpc.protocol.positions import PositionEncoding
from exbert_rpc.protocol.types.hits import Hit
from exbert_rpc.protocol.types.profile_heads import (
    SIGNATURE,
    HeadProfile,
    OffsetShare,
    ProfileParams,
    ProfileResult,
    Relation,
    Role,
    VocabularyWord,
)


def prepare(params: ProfileParams, context: Context) -> Work:
    """Nothing to check that needs no corpus."""
    request, encoding = read_request(params), context.encoding
    return lambda engine, task: encode_result(engine.profile_heads(request, task), encoding)


def read_request(params: ProfileParams) -> corpus_requests.ProfileRequest:
    """What the engine is asked."""
    return corpus_requests.ProfileRequest(
        corpus=params.corpus,
        layers=as_tuple(params.layers),
        heads=as_tuple(params.heads),
        measures=corpus_requests.MEASURES if params.measures is None else frozenset(params.measures),
        min_pairs=params.min_pairs,
        examples=params.examples,
    )


def encode_result(answer: corpus_requests.ProfileResult, encoding: PositionEncoding) -> ProfileResult:
    """The engine's answer on the wire."""
    examples = answer.examples or (None,) * len(answer.heads)
    return ProfileResult(
        corpus=answer.corpus,
        model=answer.model,
        tokens=answer.tokens,
        documents=answer.documents,
        heads=[_head(one, some, encoding) for one, some in zip(answer.heads, examples, strict=True)],
        notes=list(answer.notes),
    )


def _head(
    one: profile.HeadProfile, some: corpus_requests.HeadExamples | None, encoding: PositionEncoding
) -> HeadProfile:
    def hits(found: Sequence[corpus.Hit] | None) -> list[Hit] | None:
        return None if found is None else encode_hits(found, one.layer, (one.head,), encoding)

    of_roles = (None,) * len(one.roles) if some is None else some.roles
    of_words = (None,) * len(one.vocabulary) if some is None else some.vocabulary
    repeats = one.repeats
    return HeadProfile(
        layer=one.layer,
        head=one.head,
        entropy=share(one.entropy),
        special=share(one.special),
        first_token=share(one.first_token),
        offsets=[_offset(offset) for offset in one.offsets],
        beyond=[_offset(offset) for offset in one.beyond],
        roles=[_role(role, hits(found)) for role, found in zip(one.roles, of_roles, strict=True)],
        relations=[_relation(relation) for relation in one.relations],
        vocabulary=[_word(word, hits(found)) for word, found in zip(one.vocabulary, of_words, strict=True)],
        previous_token=None if repeats is None else share(repeats.previous_token),
        duplicate_token=None if repeats is None else share(repeats.duplicate_token),
        induction=None if repeats is None else share(repeats.induction),
        findings=list(one.findings),
    )


def _offset(one: profile.Offset) -> OffsetShare:
    return OffsetShare(offset=one.offset, mass=share(one.mass), share=share(one.share))


def _role(one: profile.Role, examples: list[Hit] | None) -> Role:
    return Role(
        role=one.role,
        direction=one.direction,
        mass=share(one.mass),
        expected=share(one.expected),
        lift=_number(one.lift),
        low=_number(one.low),
        high=_number(one.high),
        n=one.n,
        q_value=one.q_value,  # not rounded: small ones are the point
        examples=examples,
    )


def _relation(one: profile.Relation) -> Relation:
    return Relation(
        relation=one.relation,
        direction=one.direction,
        accuracy=share(one.accuracy),
        low=share(one.low),
        high=share(one.high),
        offset=one.offset,
        baseline=share(one.baseline),
        n=one.n,
        q_value=one.q_value,
    )


def _word(one: profile.AttractingWord, examples: list[Hit] | None) -> VocabularyWord:
    return VocabularyWord(
        word=one.word, lift=round(one.lift, DIGITS), low=round(one.low, DIGITS), n=one.n, examples=examples
    )


def _number(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


METHOD = Method(SIGNATURE, prepare, title="profiling heads")
