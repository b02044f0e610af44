"""``make lab``: opens JupyterLab with the extension and a sample document, on loopback.

The sample is laid out in ``.cache/lab`` and kept, so that what you write there survives. Arguments go to JupyterLab.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from lay_out import lay_out

REPOSITORY = Path(__file__).parents[3]


def main() -> None:
    """Become JupyterLab."""
    folder = REPOSITORY / ".cache" / "lab"
    if not folder.exists():
        lay_out(folder)
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={folder}"]
    command += ["--LabApp.default_url=/lab/tree/notes.md", *sys.argv[1:]]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command += ["--allow-root"]
    os.execv(sys.executable, command)


if __name__ == "__main__":
    main()
