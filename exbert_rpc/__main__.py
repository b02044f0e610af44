"""``python -m exbert_rpc`` is ``exbert-rpc``."""

from __future__ import annotations

import sys

from exbert_rpc.cli import main

if __name__ == "__main__":
    sys.exit(main())
