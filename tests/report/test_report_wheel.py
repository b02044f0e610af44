"""A wheel carries what reports, ``exbert-rpc view`` and notebooks draw with."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from exbert_rpc.report import bundles

ROOT = Path(__file__).parents[2]
BUILT = Path(bundles.__file__).with_name("built")
NAMES = ("report.js", "report.css", "window.js", "window.css", "loader.js", "cell.js", "cell.css", "NOTICES.txt")


@pytest.mark.slow
@pytest.mark.skipif(not BUILT.exists(), reason="needs what `make page` builds")
def test_a_wheel_carries_every_script_and_style_sheet(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    pytest.importorskip("hatch_fancy_pypi_readme")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for name in NAMES:
            assert archive.read(f"exbert_rpc/report/built/{name}") == (BUILT / name).read_bytes()


@pytest.mark.skipif(not BUILT.exists(), reason="needs what `make page` builds")
def test_what_a_cell_holds_is_small_and_the_rest_can_be_read() -> None:
    assert len(bundles.read_bundle("loader.js")) < 2_000
    for name in NAMES[:-1]:
        content = bundles.read_bundle(name)
        assert content and "</script" not in content
