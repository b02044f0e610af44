"""The tutorials: notebooks that are run as they stand, and pages of the site that are made of them.

``python -m scripts.site.tutorials`` runs all of them in an empty folder and stores what their cells show.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "docs" / "tutorials"
_LINK = re.compile(r"\]\(([\w-]+)\.ipynb\)")
MOST_BYTES = 100_000
"""Of what one cell shows."""


def notebooks() -> list[Path]:
    """All tutorials, in the order in which they are read."""
    return sorted(FOLDER.glob("*.ipynb"))


def run_cells(notebook: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Run the code of a notebook in this process, cell by cell; outputs of each, as notebooks store them.

    Raises whatever a cell raises.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            yield _run("".join(cell["source"]), f"<cell {number}>", names)


def page_of(notebook: dict[str, Any], name: str) -> str:
    """A notebook as Markdown with HTML, and a note that says where it comes from.

    Args:
        notebook: With stored outputs.
        name: Of its file.
    """
    parts: list[str] = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(_LINK.sub(r"](\1.md)", source))
            continue
        parts.append(f"```python\n{source}\n```")
        parts += [_shown(output) for output in cell["outputs"]]
    parts.append(f"*This page is the notebook [{name}]({name}), with what its cells showed.*")
    return "\n\n".join(parts) + "\n"


def _run(source: str, name: str, names: dict[str, Any]) -> list[dict[str, Any]]:
    body = ast.parse(source, name)
    last = body.body.pop() if body.body and isinstance(body.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(body, name, "exec"), names)
        value = eval(compile(ast.Expression(last.value), name, "eval"), names) if isinstance(last, ast.Expr) else None
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": _lines(printed.getvalue())})
    if value is not None:
        outputs.append({"output_type": "display_data", "metadata": {}, "data": _data(value)})
    return outputs


def _data(value: object) -> dict[str, list[str]]:
    drawn = getattr(value, "_repr_html_", None)
    if drawn is None:
        return {"text/plain": _lines(repr(value))}
    return {"text/html": _lines(drawn()), "text/plain": [type(value).__name__]}


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _shown(output: dict[str, Any]) -> str:
    if output["output_type"] == "stream":
        return "```text\n" + "".join(output["text"]).rstrip() + "\n```"
    data = output["data"]
    if "text/html" in data:
        # a blank line would end the HTML
        return "".join(line for line in data["text/html"] if line.strip())
    return "```text\n" + "".join(data["text/plain"]) + "\n```"


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """A block whose current folder is ``folder``."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def main() -> None:
    """Run all tutorials, and store what they show."""
    with tempfile.TemporaryDirectory() as folder, working_in(Path(folder)):
        for path in notebooks():
            notebook = json.loads(path.read_text(encoding="utf-8"))
            code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
            for cell, outputs in zip(code, run_cells(notebook), strict=True):
                cell["outputs"] = outputs
            path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
