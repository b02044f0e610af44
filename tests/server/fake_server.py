"""A real server process over the fake engine: ``python -m tests.server.fake_server [--transport tcp …]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from exbert_rpc.server.options import EngineSettings, ServerLimits
from exbert_rpc.server.transports.entry import TransportOptions, serve


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--transport", default="stdio")
    parser.add_argument("--token")
    parser.add_argument("--port-file", type=Path)
    parser.add_argument("--path", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--origin", action="append", default=[])
    parser.add_argument("--host-name", action="append", default=[])
    parser.add_argument("--answer-bytes", type=int, default=48 * 2**20)
    parser.add_argument("--pages", action="store_true", help="pages have no view: whether it is drawn others test")
    options = parser.parse_args()
    if options.pages:
        from exbert_rpc.report import page

        page._built = lambda name: f"/* {name} */"

    def factory(settings):
        from exbert_rpc.report import page, window
        from tests.server.fake_engine import FakeEngine

        # a view that is drawn is other tests' matter
        page.read_bundle = window.read_bundle = lambda name: f"/* {name} */"
        return FakeEngine(settings)

    transport = TransportOptions(
        kind=options.transport,
        token=options.token,
        port_file=options.port_file,
        path=options.path,
        allowed_origins=tuple(options.origin),
        allowed_hosts=tuple(options.host_name),
    )
    limits = ServerLimits(workers=options.workers, answer_bytes=options.answer_bytes)
    return serve(factory, transport, EngineSettings(model="fake", device="cpu"), limits)


if __name__ == "__main__":
    sys.exit(main())
