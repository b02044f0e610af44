"""Writes a wheel named exbert-rpc that carries nothing: it points to folders where the package and its libraries are.

With it, making an environment takes seconds and no network; everything that pip, venv and the extension do is real.
"""

import sys
import zipfile
from pathlib import Path


def write_wheel(folder: Path, version: str, shown: list[str]) -> Path:
    """Write the wheel; `shown` are the folders that the environment sees besides its own."""
    info = f"exbert_rpc-{version}.dist-info"
    files = {
        "exbert_rpc_elsewhere.pth": "\n".join(shown) + "\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: exbert-rpc\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: stub\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{info}/RECORD"
    files[record] = "".join(f"{name},,\n" for name in [*files, record])
    path = folder / f"exbert_rpc-{version}-py3-none-any.whl"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    return path


if __name__ == "__main__":
    write_wheel(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
