"""Where corpora lie when no folder is named."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from exbert_rpc.engine.facade import default_store

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the folder has another name on this system")


@on_linux
def test_the_default_store_is_that_of_the_xdg_specification(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert default_store() == tmp_path / ".cache" / "exbert-rpc"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert default_store() == tmp_path / ".cache" / "exbert-rpc"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert default_store() == tmp_path / "elsewhere" / "exbert-rpc"


def test_asking_for_the_default_store_makes_nothing(monkeypatch, tmp_path):
    for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    assert not default_store().exists()
    assert list(Path(tmp_path).iterdir()) == []
