from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from benchmarks import models_table
from benchmarks.tiny_models import text_classes
from exbert_rpc.model.loaded import LoadedModel
from exbert_rpc.model.loading import load_model
from tests.model import zoo


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("model-cache")


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("zoo")

    @cache
    def make(family: str) -> Path:
        return zoo.make_model(family, root / family)

    return make


@pytest.fixture(scope="session")
def load(folder_of: Callable[[str], Path], cache_dir: Path) -> Callable[[str], LoadedModel]:
    @cache
    def loaded(family: str) -> LoadedModel:
        return load_model(str(folder_of(family)), cache_dir=cache_dir, device="cpu")

    return loaded


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[LoadedModel, Any]]:
    """A tiny model of a class of transformers as this package loads it, and the stock model; each made once."""

    @cache
    def make(name: str) -> tuple[LoadedModel, Any]:
        (one,) = [one for one in text_classes() if one.name == name]
        folder = tmp_path_factory.mktemp(name)
        stock = models_table._make(one, folder)
        return models_table._load(folder, name), stock

    return make
