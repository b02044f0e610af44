"""``docs/models.md``: the table of models beside the architectures that TransformerLens lists.

The list is read from the source of an installable package (``pip download --no-deps transformer-lens``), which is not
installed: it asks for other versions than ours.
"""

from __future__ import annotations

import argparse
import ast
import re
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from benchmarks.models_table import PAGE

BEGIN, END = "<!-- transformer-lens: begin -->", "<!-- transformer-lens: end -->"
_FACTORY = "transformer_lens/factories/architecture_adapter_factory.py"
_SYNONYMS = {"T5WithLMHeadModel": "T5ForConditionalGeneration"}
"""Names in configurations of the Hub that differ from the class by more than case."""
_ROW = re.compile(r"^\| \S+ \| (\S+) \| ([a-z, ]+) \|", re.MULTILINE)
ELSEWHERE = "not in transformers"
OTHER_TASK = "no prediction of tokens"


def main() -> None:
    """Write the section of the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transformer_lens", description=__doc__)
    parser.add_argument("wheel", type=Path, help="the package, as downloaded")
    parser.add_argument("--date", required=True, help="when it was downloaded: 2026-11-28")
    given = parser.parse_args()
    with zipfile.ZipFile(given.wheel) as wheel:
        listed = read_architectures(wheel.read(_FACTORY).decode())
    version = given.wheel.name.split("-")[1]
    page = PAGE.read_text(encoding="utf-8")
    section = compare(listed, results_of(page), version, given.date)
    before, rest = page.split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{section}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")


def read_architectures(source: str) -> list[str]:
    """The keys of ``SUPPORTED_ARCHITECTURES`` in the source of TransformerLens' factory, each once, sorted."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            if names == ["SUPPORTED_ARCHITECTURES"]:
                keys = [key.value for key in node.value.keys if isinstance(key, ast.Constant)]
                return sorted({str(key) for key in keys}, key=str.lower)
    raise LookupError("SUPPORTED_ARCHITECTURES is not there")


def results_of(page: str) -> dict[str, str]:
    """What the table of models says of each class."""
    table = page.split("<!-- table: begin -->")[1].split("<!-- table: end -->")[0]
    return {name: result for name, result in _ROW.findall(table) if name != "class"}


def compare(listed: list[str], results: Mapping[str, str], version: str, date: str) -> str:
    """Counts, and a row for each listed architecture."""
    import transformers

    by_spelling = {name.lower(): name for name in results}
    classes = {name: by_spelling.get(_SYNONYMS.get(name, name).lower()) for name in listed}
    here = {name: _missing(name, transformers) if own is None else results[own] for name, own in classes.items()}
    counts = Counter(here.values())
    exact = {name for name, result in results.items() if result == "exact"}
    told = ", ".join(f"{count} {result}" for result, count in counts.most_common())
    alone = len(exact - set(classes.values()))
    lines = [
        f"TransformerLens {version} ({date}) lists {len(listed)} architectures.",
        f"Here: {told}.",
        f"Of the {len(exact)} classes that are exact here, {alone} are not on its list.",
        "",
        "| architecture listed by TransformerLens | here |",
        "|---|---|",
        *(f"| {name} | {result} |" for name, result in here.items()),
    ]
    return "\n".join(lines)


def _missing(name: str, transformers: object) -> str:
    return OTHER_TASK if hasattr(transformers, name) else ELSEWHERE


if __name__ == "__main__":
    main()
