"""The engines of this process, one for each store, which all cells share."""

from __future__ import annotations

import atexit
import threading
from pathlib import Path

from exbert_rpc.server.host import Host, real_engine
from exbert_rpc.server.options import EngineSettings, ServerLimits

_hosts: dict[EngineSettings, Host] = {}
_lock = threading.Lock()


def host_of(store: str | Path | None = None, device: str = "auto", *, allow_network: bool = False) -> Host:
    """The engine of a store, with threads of its own; it is made when it is first needed, and ends with the process."""
    folder = None if store is None else Path(store).expanduser().absolute()
    settings = EngineSettings(store=folder, device=device, allow_network=allow_network)
    with _lock:
        if settings not in _hosts:
            _hosts[settings] = Host(real_engine, settings, ServerLimits())
            atexit.register(_hosts[settings].close)
        return _hosts[settings]
