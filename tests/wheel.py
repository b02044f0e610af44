"""``make test-wheel``: the README's first command, from the built wheel, in an empty environment.

    python -m tests.wheel WHEEL CONSTRAINTS

Everything is made in a temporary folder, which is removed. Needs a package index; the other tests don't.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

PATIENCE = 1200  # seconds
EXPECTED = (
    "Head 11 of layer 2 looks at",
    "50 contexts, 50 different sentences",
    "of attention",
    "None of the other 71 heads adds more than",
)
"""What each question is answered with."""


def main(wheel: Path, constraints: Path) -> int:
    """Install, ask for the demo, and look at what it prints; returns the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        scripts = place / "env" / ("Scripts" if os.name == "nt" else "bin")
        venv.create(place / "env", with_pip=True)
        install = [scripts / "python", "-m", "pip", "install", "--quiet", "--constraint", constraints, wheel]
        subprocess.run(install, check=True, timeout=PATIENCE)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "EXBERT"))}
        environment["EXBERT_RPC_STORE"] = str(place / "store")
        asked = [scripts / "exbert-rpc", "demo"]
        refused = subprocess.run(
            asked,
            env=environment,
            cwd=place,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert refused.returncode == 1 and "exbert-rpc setup --yes" in refused.stdout, refused
        done = subprocess.run(
            [*asked, "--yes"], env=environment, cwd=place, capture_output=True, text=True, timeout=PATIENCE
        )
        print(done.stdout, done.stderr[-2000:])
        assert done.returncode == 0
        assert not [one for one in EXPECTED if one not in done.stdout]
        assert "make " not in refused.stdout + done.stdout
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute()))
