"""``listModels``: the models that are available without network."""

from __future__ import annotations

from exbert_rpc.protocol.types.base import NoParams, Result, Signature


class ModelListing(Result, frozen=True, kw_only=True):
    """A model that can be asked for."""

    id: str
    source: str
    loaded: bool
    is_default: bool


class ListModelsResult(Result, frozen=True, kw_only=True):
    """The models that are available without network."""

    models: list[ModelListing]


SIGNATURE = Signature("listModels", NoParams, ListModelsResult, order=8)
