"""One build in a process of its own, for strace: ``python -m tests.store_faults.worker ROOT STATE [--unsynced]``.

Ends with 0 (built), 3 (told that the disk refused) or 1 (anything else, which is a bug).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from exbert_rpc.corpus.build import builder as build_module
from exbert_rpc.corpus.search import exact  # noqa: F401  what a build may import on its way is imported before it
from exbert_rpc.errors import Busy, StorageFailed
from tests.store_faults.building import Inline, build, small_segments
from tests.store_faults.fakes import make_text

STATES = [
    {"a.txt": make_text(1, 4), "b.txt": make_text(2, 4)},
    {"a.txt": make_text(1, 4), "b.txt": make_text(3, 5), "c.txt": make_text(4, 3)},
]
BEGIN = "begin-of-build"


def main() -> None:
    root, state, *options = sys.argv[1:]
    small_segments(tokens=150, nbytes=12_000)
    build_module.ThreadPoolExecutor = Inline  # strace counts the calls of each thread for itself
    if "--unsynced" in options:
        os.fsync = lambda descriptor: None
    assert build_module.SEGMENT_BYTES == 12_000
    # where the trace begins to matter: a call that nothing else makes
    Path(root).mkdir(exist_ok=True)
    Path(f"/{BEGIN}").exists()
    try:
        build(Path(root), STATES[int(state)])
    except StorageFailed as error:
        print(json.dumps(["storageFailed", error.message]))
        sys.stdout.flush()
        os._exit(3)
    except Busy as error:
        print(json.dumps(["busy", error.message]))
        sys.stdout.flush()
        os._exit(4)
    print(json.dumps(["built"]))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
