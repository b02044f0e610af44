"""Which of ``layer`` and ``hiddenLayer`` goes with which space: the rule of the wire, and what the engine is asked."""

from __future__ import annotations

from itertools import product

import pytest

from exbert_rpc.errors import InvalidParams
from exbert_rpc.methods.method import Context
from exbert_rpc.methods.search_contexts import read_request
from exbert_rpc.protocol.types.search_contexts import SearchParams


class NoDefaults:
    model = pipeline = precision = None


def no_document(uri: str):
    raise AssertionError(uri)


def read(**fields):
    params = SearchParams(corpus="c", text="a b", **({} if "tokens" in fields else {"token": 1}), **fields)
    return read_request(params, "c", Context("s", no_document, NoDefaults()))


@pytest.mark.parametrize(
    ("space", "layer", "hidden"), list(product(("headOutput", "hiddenState"), (None, 2), (None, 3)))
)
def test_each_space_takes_its_own_layer_and_no_other(space, layer, hidden):
    own, other = (layer, hidden) if space == "headOutput" else (hidden, layer)
    own_name, other_name = ("layer", "hiddenLayer") if space == "headOutput" else ("hiddenLayer", "layer")
    if own is not None and other is None:
        request = read(space=space, layer=layer, hidden_layer=hidden)
        assert (request.space, request.layer) == (space, own)
        return
    with pytest.raises(InvalidParams) as caught:
        read(space=space, layer=layer, hidden_layer=hidden)
    if own is None:
        assert caught.value.message == f"{own_name}: is required in space `{space}`"
        assert caught.value.hint is not None and (other_name in caught.value.hint) == (other is not None)
    else:
        assert caught.value.message == f"{other_name}: does not exist in space `{space}`"


def test_layer_0_is_a_layer():
    assert read(layer=0).layer == 0
    assert read(space="hiddenState", hidden_layer=0).layer == 0


def test_a_search_names_its_token_or_several_that_count_as_one():
    assert read(layer=0).tokens is None
    assert read(layer=0, tokens=[1, 2]).tokens == (1, 2)


def test_what_is_searched_is_named_once():
    params = SearchParams(corpus="c", text="a b", token=1, tokens=[1, 2], layer=0)
    with pytest.raises(InvalidParams, match="tokens: may not be given together with `token`"):
        read_request(params, "c", Context("s", no_document, NoDefaults()))
    with pytest.raises(InvalidParams, match="tokens: names nothing"):
        read(layer=0, tokens=[])
