"""The connection of this process to a Ray cluster: one at a time, for builds and searches, ended with the last.

Ray and usearch cannot be loaded in any order: usearch 2.26 and ray 2.60 share symbols of std::regex. Whichever is
loaded second gets the other's, and Ray aborts the process on its first use ("Invalid range in brace expression");
usearch does not mind. So a process that will need Ray loads it first (:func:`load_ray`).
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from exbert_rpc.errors import InvalidParams

_OBJECT_STORE = 80 << 20
_LOOPBACK = "127.0.0.1"
_CLUSTERS = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
_SHORT = "/tmp"


def load_ray() -> Any:  # noqa: ANN401 - a module without types
    """The module ``ray``.

    Raises:
        InvalidParams: Ray is not installed, or cannot be loaded into this process any more.
    """
    if find_spec("ray") is None:
        raise InvalidParams("engine", "Ray is not installed", hint="pip install 'exbert-rpc[ray]'")
    if "usearch" in sys.modules and "ray" not in sys.modules:
        raise InvalidParams("engine", "this process has searched by a graph", hint="start a process of its own")
    # both before Ray is imported: it sends nothing home, and has nothing to say about GPUs that are not there
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    return ray


@contextmanager
def connected(address: str | None, cpus: int | None = None) -> Iterator[None]:
    """A connection to a cluster, for as long as the block takes.

    A connection that somebody else has made is used, and stays. Of several blocks at once the last one ends theirs.

    Args:
        address: Of a running cluster; ``None``: one on this machine, on loopback, which ends with the connection.
        cpus: Work that such a cluster does at once; ``None``: as much as there are cores.

    Raises:
        InvalidParams: There is no such cluster, or this process is connected to another one.
    """
    ray = load_ray()
    with _shared.lock:
        if _shared.users == 0 and ray.is_initialized():
            ours = False
        else:
            _shared.begin(address, cpus)
            ours = True
    try:
        yield
    finally:
        if ours:
            with _shared.lock:
                _shared.end()


class _Shared:
    """The connection of this process, if it has made one."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self._address: str | None = None
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()

    def begin(self, address: str | None, cpus: int | None) -> None:
        """One user more; call it locked."""
        if self.users and address not in (None, self._address):
            raise InvalidParams(
                "address", f"this process is connected to another cluster ({self._address or 'on this machine'})"
            )
        if self.users == 0:
            self._start(address, cpus)
        self.users += 1

    def end(self) -> None:
        """One user less; call it locked."""
        self.users -= 1
        if self.users == 0 and self._thread is not None:
            self._ended.set()
            self._thread.join()

    def _start(self, address: str | None, cpus: int | None) -> None:
        started = threading.Event()
        failed: list[InvalidParams] = []
        self._ended = ended = threading.Event()

        def run() -> None:
            # the system ends Ray's processes with the thread that has started them, so it has to be this long
            with _cluster_folder() as scratch:
                try:
                    with redirect_stdout(sys.stderr):
                        _init(address, cpus, scratch)
                except InvalidParams as error:
                    failed.append(error)
                    return
                finally:
                    started.set()
                try:
                    ended.wait()
                finally:
                    import ray

                    ray.shutdown()

        self._address = address
        self._thread = threading.Thread(target=run, name="ray", daemon=True)
        self._thread.start()
        started.wait()
        if failed:
            self._thread.join()
            raise failed[0]


_shared = _Shared()


@contextmanager
def _cluster_folder() -> Iterator[str]:
    # Ray puts sockets 62 characters below its folder, of the 107 that a socket's path may have
    short = _SHORT if Path(_SHORT).is_dir() else None
    with tempfile.TemporaryDirectory(prefix="exbert-rpc-", dir=short, ignore_cleanup_errors=True) as scratch:
        yield scratch


@contextmanager
def _on_loopback() -> Iterator[None]:
    """Have Ray's processes listen to this machine alone: who reaches them may run code.

    Ray replaces a loopback address by that of the network, but where it makes no clusters of several machines; which it
    is told by this variable and constant, whatever the system (ray 2.40 to 2.60).
    """
    from ray._private import ray_constants

    before = os.environ.get(_CLUSTERS), ray_constants.ENABLE_RAY_CLUSTER
    os.environ[_CLUSTERS], ray_constants.ENABLE_RAY_CLUSTER = "0", False
    try:
        yield
    finally:
        os.environ.pop(_CLUSTERS)
        if before[0] is not None:
            os.environ[_CLUSTERS] = before[0]
        ray_constants.ENABLE_RAY_CLUSTER = before[1]


def _init(address: str | None, cpus: int | None, scratch: str) -> None:
    import ray

    start: dict[str, Any] = {"address": address}
    if address is None:
        start = {
            "address": "local",
            "num_cpus": cpus or os.cpu_count() or 1,
            "include_dashboard": False,
            "object_store_memory": _OBJECT_STORE,
            "_node_ip_address": _LOOPBACK,
            "_temp_dir": f"{scratch}/ray",  # Ray opens it to everybody; the folder around it is ours alone
        }
    try:
        with _on_loopback() if address is None else nullcontext():
            ray.init(**start, log_to_driver=False, logging_level=logging.ERROR)
        addresses = {node["NodeManagerAddress"] for node in ray.nodes()}
        if address is None and addresses != {_LOOPBACK}:
            raise RuntimeError(f"this version of Ray would listen to the network ({', '.join(addresses)})")
    except Exception as exc:  # Ray raises bare ones
        where = "on this machine" if address is None else f"at {address}"
        ray.shutdown()  # what has started of it
        raise InvalidParams(
            "address",
            f"Ray cannot be started or reached {where}: {exc}",
            hint="it gives a machine 30 s to start: try again when this one is less busy",
        ) from exc
