"""Models whose layers are not alike: some have no attention, or wider heads. Nothing is renumbered, nothing is lost."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest
import torch

from exbert_rpc.engine.corpus_requests import IndexRequest, ProfileRequest, SearchRequest, SummarizeRequest
from exbert_rpc.engine.requests import AblateRequest, AttendRequest, CompareRequest, DecomposeRequest, TextInput
from exbert_rpc.errors import InvalidParams, ModelNotSupported
from exbert_rpc.tasks import Task
from tests.engine.test_engine_search import QUERIES, TINY_RECALL, assert_close, compare
from tests.oracles_model import softmax, stock_model

HYBRIDS = ["lfm2", pytest.param("qwen3_next", marks=pytest.mark.slow)]
OTHERS = [pytest.param(name, marks=pytest.mark.slow) for name in ("gemma4", "gemma3n", "narrow-opt")]
FAMILIES = [*HYBRIDS, *OTHERS]
TEXT = "The girl ran to a local pub, to escape the din."


@pytest.fixture
def corpus(tiny_corpus, request):
    return tiny_corpus(getattr(request, "param", "lfm2"))


def attend(corpus, **fields):
    return corpus.engine.attend(AttendRequest("me", TextInput(TEXT), **fields), Task())


def named(corpus) -> str:
    return ", ".join(map(str, corpus.stock.attending))


@pytest.mark.parametrize("corpus", FAMILIES, indirect=True)
def test_attention_is_shown_of_the_layers_that_have_it(corpus):
    answer, expected = attend(corpus), corpus.stock.read(TEXT).attention
    assert answer.layers == answer.model.attention_layers == tuple(corpus.stock.attending)
    assert answer.model.n_layers == corpus.n_layers
    for place, layer in enumerate(answer.layers):
        np.testing.assert_allclose(answer.attention[place], expected[layer], atol=1e-5)


@pytest.mark.parametrize("corpus", HYBRIDS, indirect=True)
def test_heads_of_a_layer_without_attention_are_an_error_that_names_those_that_have(corpus):
    for ask in (
        lambda: attend(corpus, layers=(0,)),
        lambda: corpus.search(TEXT, token=3, space="headOutput", layer=0),
        lambda: corpus.engine.ablate_heads(AblateRequest("me", TextInput(TEXT), heads=((2, 0),)), Task()),
        lambda: corpus.engine.profile_heads(ProfileRequest("tiny", layers=(2,)), Task()),
        lambda: corpus.engine.index_corpus(IndexRequest("tiny", (("a:/b.txt", TEXT),), layers=(0, 2)), Task()),
    ):
        with pytest.raises(InvalidParams) as caught:
            ask()
        assert named(corpus) in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("corpus", FAMILIES, indirect=True)
def test_contexts_are_found_as_by_brute_force_in_every_layer(corpus):
    rng = np.random.default_rng(1)
    for layer in range(corpus.n_layers + 1):
        found = [compare(corpus, text, rng, space="hiddenState", layer=layer) for text in QUERIES[:2]]
        assert_close(found, TINY_RECALL)
    # Qwen3-Next multiplies head outputs by a gate before the projection where the oracle reads them
    for layer in corpus.stock.attending if corpus.family != "qwen3_next" else ():
        for heads in (None, (1, 3)):
            asked = {"space": "headOutput", "layer": layer, "heads": heads}
            assert_close([compare(corpus, text, rng, **asked) for text in QUERIES[:2]], TINY_RECALL)


@pytest.mark.parametrize("corpus", HYBRIDS, indirect=True)
def test_hits_of_a_hidden_state_show_the_next_layer_that_attends(corpus):
    for layer, shown in ((0, 1), (1, 1), (2, 3), (4, 3)):
        found = corpus.search(TEXT, token=3, space="hiddenState", layer=layer, k=5)
        assert found.attention_layer == shown
        for hit in found.hits:
            number, at = corpus.oracle.rows[corpus.oracle.row_of(hit)]
            mean = corpus.oracle.sentences[number].attention[shown].mean(axis=0)
            np.testing.assert_allclose(hit.outgoing, mean[at], atol=1 / 255)


def test_a_summary_of_a_layer_without_attention_counts_what_the_next_one_attends_to(corpus):
    search = SearchRequest("me", "tiny", 2, space="hiddenState", input=TextInput(TEXT), token=3, k=20)
    answer = corpus.engine.summarize(SummarizeRequest("me", search=search, subject="match"), Task())
    assert answer.summary.n_hits == 20
    assert corpus.engine.search_contexts(search, Task()).attention_layer == 3


def test_heads_are_profiled_where_there_are_any(corpus):
    profile = corpus.engine.profile_heads(ProfileRequest("tiny"), Task())
    assert [(one.layer, one.head) for one in profile.heads] == [(layer, head) for layer in (1, 3) for head in range(4)]


@pytest.mark.parametrize("corpus", OTHERS, indirect=True)
def test_a_prediction_is_taken_apart_only_where_states_are_alike(corpus):
    asked = DecomposeRequest("me", TextInput(TEXT))
    alike = corpus.family == "gemma4"
    with nullcontext() if alike else pytest.raises(ModelNotSupported, match=r"several|differ in width"):
        corpus.engine.decompose(asked, Task())


@pytest.mark.parametrize("corpus", FAMILIES, indirect=True)
def test_each_head_that_there_is_can_be_replaced(corpus):
    asked = AblateRequest("me", TextInput(TEXT), mode="zero", top_k=0)
    answer = corpus.engine.ablate_heads(asked, Task())
    heads = [(layer, head) for layer in corpus.stock.attending for head in range(4)]
    assert [(one.layer, one.head) for one in answer.effects] == heads
    for number in (1, len(heads) - 2):
        expected = zeroed(corpus, *heads[number])[answer.target.position, answer.target.id]
        assert answer.effects[number].effect.value == pytest.approx(np.log(expected), abs=1e-4)


def zeroed(corpus, layer: int, head: int) -> np.ndarray:
    """Probabilities ``[n, vocabulary]`` of the stock model with the head's part of a projection's input zeroed."""
    model = stock_model(corpus.folder)
    projections = [
        module for name, module in model.named_modules() if name.endswith(("self_attn.o_proj", "self_attn.out_proj"))
    ]
    projection = projections[corpus.stock.attending.index(layer)]

    def cut(_module, given):
        changed = given[0].clone()
        changed.reshape(*changed.shape[:2], 4, -1)[:, :, head] = 0
        return (changed, *given[1:])

    handle = projection.register_forward_pre_hook(cut)
    ids = torch.tensor([corpus.stock.tokenizer(TEXT)["input_ids"]])
    with torch.inference_mode():
        logits = model(input_ids=ids).logits[0].numpy()
    handle.remove()
    return softmax(logits)


@pytest.mark.parametrize("corpus", FAMILIES, indirect=True)
def test_replacing_heads_by_their_mean_changes_only_what_comes_after_them(corpus):
    layer = corpus.stock.attending[-1]
    asked = AblateRequest("me", TextInput(TEXT), heads=((layer, 1),), keep=True)
    changed = corpus.engine.ablate_heads(asked, Task()).capture_id
    found = corpus.engine.compare_captures(CompareRequest("me", attend(corpus).capture_id, changed), Task()).comparison
    assert found.layers == tuple(corpus.stock.attending)
    assert found.cosine[: layer + 1].min() > 1 - 1e-6
    assert found.cosine[layer + 1 :].min() < 1 - 1e-6


def test_parts_of_layers_without_attention_are_counted_with_mlps(corpus):
    answer = corpus.engine.decompose(DecomposeRequest("me", TextInput(TEXT)), Task())
    assert np.abs(answer.parts.heads[[0, 2]]).max() == 0
    assert np.abs(answer.parts.heads[[1, 3]]).min() > 0
    assert np.abs(answer.parts.mlps).min() > 0


def test_indexing_again_keeps_the_layers_without_attention(corpus):
    again = corpus.engine.index_corpus(IndexRequest("tiny", tuple(corpus.documents.items())), Task())
    assert again.unchanged == len(corpus.documents)
    corpus.search(TEXT, token=3, space="hiddenState", layer=0)


@pytest.mark.parametrize("corpus", ["lfm2", pytest.param("gemma4", marks=pytest.mark.slow)], indirect=True)
def test_value_weighted_attention_is_given_for_the_layers_that_attend(corpus):
    weighted = attend(corpus, weights="valueNorm").attention
    assert weighted.shape[0] == len(corpus.stock.attending)
    np.testing.assert_allclose(weighted.sum(-1), 1, atol=1e-4)
