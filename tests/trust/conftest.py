from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.model import zoo
from tests.trust.real import Real


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random BERT."""
    return zoo.make_model("bert", tmp_path_factory.mktemp("tiny") / "bert")


@pytest.fixture
def real(tmp_path: Path, tiny_bert: Path) -> Iterator[Real]:
    """A stdio client of a server with the tiny model."""
    with Real(tmp_path / "store", model=tiny_bert) as server:
        yield server
