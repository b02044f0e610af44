"""The models that are loaded, and those that can be."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from exbert_rpc.engine.requests import ModelListing
from exbert_rpc.recent import Recent
from exbert_rpc.tasks import Progress, Task

if TYPE_CHECKING:
    from exbert_rpc.model.loaded import LoadedModel

_MOST_LOADED = 2


class Models:
    """Loads models when they are first asked for and keeps the last few.

    Args:
        default: Id of the model that is meant when none is named.
        device: Where models run; ``auto`` chooses.
        dtype: What their weights are kept in; ``auto``: as in the checkpoint.
        allow_network: Whether a Hub id may be downloaded.
        allowed_roots: Folders that local models must lie in; ``None``: anywhere.
        cache_dir: Where converted models are kept.
    """

    def __init__(
        self,
        default: str,
        device: str,
        allow_network: bool,
        allowed_roots: Sequence[Path] | None,
        cache_dir: Path,
        dtype: str = "float32",
    ) -> None:
        self.default = default
        self.device = device
        self._dtype = dtype
        self._allow_network = allow_network
        self._allowed_roots = allowed_roots
        self._cache_dir = cache_dir
        self._loaded: Recent[str, LoadedModel] = Recent(_MOST_LOADED)
        self._given: dict[str, LoadedModel] = {}
        self._loading = threading.Lock()

    def has(self, model_id: str | None) -> bool:
        """Whether a model is loaded, so that :meth:`get` takes no time."""
        name = self.default if model_id is None else model_id
        return name in self._given or self._loaded.get(name) is not None

    def get(self, model_id: str | None, task: Task) -> LoadedModel:
        """A model, loaded.

        Raises:
            ModelNotFound: there is none of that id where we may look.
            ModelNotSupported: it cannot be loaded safely or reproduced exactly.
        """
        name = self.default if model_id is None else model_id
        found = self._given.get(name) or self._loaded.get(name)
        if found is not None:
            return found
        with self._loading:
            found = self._loaded.get(name)
            if found is None:
                task.report(Progress(f"loading model {name}"))
                found = self._load(name, task)
        return found

    def add(self, model: object, tokenizer: object, task: Task) -> str:
        """Keep a model that was given as an object, for the life of this engine; its id.

        Raises:
            ModelNotSupported: it cannot be copied, or not be reproduced exactly.
        """
        from exbert_rpc.model.given_model import given_id, prepare_given

        with self._loading:
            name = given_id(model, tokenizer)
            if name not in self._given:
                task.report(Progress(f"verifying {name}"))
                self._given[name] = prepare_given(model, tokenizer, name, self._cache_dir)
        return name

    def loader(self, model_id: str) -> partial[LoadedModel]:
        """What loads a model; can be pickled and called in another process, and takes ``report``."""
        from exbert_rpc.model.loading import load_model

        return partial(
            load_model,
            model_id,
            device=self.device,
            dtype=self._dtype,
            allow_network=self._allow_network,
            cache_dir=self._cache_dir,
            # whoever started us has named the default one
            allowed_roots=None if model_id == self.default else self._allowed_roots,
        )

    def at_hand(self) -> list[ModelListing]:
        """Models that can be asked for without network, the default among them."""
        from exbert_rpc.model.sources import list_models

        loaded = set(self._loaded.current_keys())
        listed = {model.id: model.source for model in list_models()}
        for name in (self.default, *loaded, *self._given):
            listed.setdefault(name, "local")
        loaded |= self._given.keys()
        return [ModelListing(name, source, name in loaded, name == self.default) for name, source in listed.items()]

    def _load(self, name: str, task: Task) -> LoadedModel:
        model = self.loader(name)(report=lambda sentence: task.report(Progress(sentence)))
        self._loaded.put(name, model)
        return model
