"""One file a method: from what a client sends, over the engine, to what it is answered.

A module that is added here is found by itself: its ``METHOD`` is all that server and command line need to know.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from exbert_rpc.methods.method import Method
from exbert_rpc.protocol.types import signatures

__all__ = ["methods"]


@cache
def methods() -> dict[str, Method]:
    """Every method by its name, in the order of the protocol.

    Raises:
        RuntimeError: a method of the protocol has no module here, or several.
    """
    modules = [import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    listed = [module.METHOD for module in modules if hasattr(module, "METHOD")]
    found = {method.signature.name: method for method in listed}
    if len(listed) != len(found) or found.keys() != signatures().keys():
        named = sorted(method.signature.name for method in listed)
        raise RuntimeError(f"methods/ and protocol/types/ disagree: {named} against {sorted(signatures())}")
    return {name: found[name] for name in signatures()}
