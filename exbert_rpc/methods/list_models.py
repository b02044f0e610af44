"""``listModels``: the models that can be asked for without network."""

from __future__ import annotations

from exbert_rpc.engine import requests
from exbert_rpc.methods.method import Context, Method, Work
from exbert_rpc.protocol.types.base import NoParams
from exbert_rpc.protocol.types.list_models import SIGNATURE, ListModelsResult, ModelListing


def prepare(params: NoParams, context: Context) -> Work:  # noqa: ARG001
    """Nothing to check."""
    return lambda engine, _task: ListModelsResult(models=[encode_listing(model) for model in engine.list_models()])


def encode_listing(model: requests.ModelListing) -> ModelListing:
    """A listed model on the wire."""
    return ModelListing(id=model.id, source=model.source, loaded=model.loaded, is_default=model.is_default)


METHOD = Method(SIGNATURE, prepare)
