"""The wire types, one module a method: a frozen msgspec Struct for each JSON object, and the method's ``SIGNATURE``.

Everything that is generated (``protocol/``, the client's methods) is made from these modules; nothing else defines a
wire type. A module that is added here is found by itself. Names are camelCase on the wire. Layers, heads and tokens are
0-based; ``layer`` counts attention layers, ``hiddenLayer`` counts hidden states. Character offsets count in the
negotiated position encoding (UTF-16 unless the client offers another one first).
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from types import ModuleType

from exbert_rpc.protocol.types.base import Signature

__all__ = ["PROTOCOL_VERSION", "modules", "signatures"]

PROTOCOL_VERSION = "1.1"


@cache
def modules() -> tuple[ModuleType, ...]:
    """All modules of wire types: those of the methods in their order, the shared ones behind them."""
    found = [import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    return tuple(sorted(found, key=_place))


@cache
def signatures() -> dict[str, Signature]:
    """Every method of the protocol by its name, in the order of all lists."""
    return {module.SIGNATURE.name: module.SIGNATURE for module in modules() if hasattr(module, "SIGNATURE")}


def _place(module: ModuleType) -> tuple[int, str]:
    signature = getattr(module, "SIGNATURE", None)
    return (1_000, module.__name__) if signature is None else (signature.order, signature.name)
