"""Draws who imports whom: a room a package, a floor a layer, an arrow for imports between two rooms.

    python docs/images/imports.py          writes docs/images/imports.svg
    python docs/images/imports.py --check  says whether it is up to date

Floors are those of the import-linter contracts in pyproject.toml. Arrows go down; one that climbed would be red (and
the contracts would fail). An arrow that follows from others is left out, as are those to the rooms that all may use
(errors, tasks).
"""

from __future__ import annotations

import sys
from pathlib import Path
from xml.sax.saxutils import escape

import grimp

FILE = Path(__file__).with_suffix(".svg")
FLOORS = [
    ["cli", "notebook"],
    ["agents"],
    ["server", "client"],
    ["report"],
    ["methods"],
    ["engine", "protocol"],
    ["analysis"],
    ["corpus.search", "corpus.build"],
    ["corpus.store"],
    ["model"],
    ["text"],
    ["errors", "tasks", "recent"],
]
EVERYBODYS = {"errors", "tasks", "recent"}
WIDTH, ROOM, HEIGHT, GAP = 620, 170, 40, 34


def room_of(module: str) -> str | None:
    """The room that a module lies in: the longest one of the floors that its name begins with."""
    name = module.removeprefix("exbert_rpc.")
    if name.startswith("corpus."):
        part = name.split(".")[1]
        return f"corpus.{part}" if part in ("build", "search", "store") else "corpus.store"
    rooms = [room for floor in FLOORS for room in floor if name == room or name.startswith(f"{room}.")]
    return max(rooms, key=len, default=None)


def arrows() -> set[tuple[str, str]]:
    """Pairs of rooms of which the first imports from the second."""
    graph = grimp.build_graph("exbert_rpc", cache_dir=None)
    found: set[tuple[str, str]] = set()
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            pair = room_of(importer), room_of(imported)
            if pair[0] and pair[1] and pair[0] != pair[1] and pair[1] not in EVERYBODYS:
                found.add((pair[0], pair[1]))
    return found


def draw() -> str:
    """The picture as SVG."""
    places = {
        room: ((2 * column + 1) * WIDTH / (2 * len(floor)) - ROOM / 2, 20 + row * (HEIGHT + GAP))
        for row, floor in enumerate(FLOORS)
        for column, room in enumerate(floor)
    }
    height = 20 + len(FLOORS) * (HEIGHT + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="15" role="img" aria-label="Imports between the rooms of exbert_rpc; all arrows point down.">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="10" markerHeight="10" '
        'markerUnits="userSpaceOnUse" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#5b6b7b"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
    ]
    found = arrows()
    for source, target in sorted(found):
        if _follows(source, target, found):
            continue
        parts.append(_arrow(places[source], places[target]))
    for room, (x, y) in places.items():
        fill = "#eef3f8" if room not in EVERYBODYS else "#f6f6f2"
        parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{ROOM}" height="{HEIGHT}" rx="7" fill="{fill}" stroke="#8da2b5"/>'
            f'<text x="{x + ROOM / 2:g}" y="{y + HEIGHT / 2 + 5:g}" text-anchor="middle" fill="#22313f">'
            f"{escape(room.replace('.', '/'))}</text>"
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _follows(source: str, target: str, found: set[tuple[str, str]]) -> bool:
    """Whether a way of two or more arrows leads from one room to the other."""
    reached, ahead = set(), [between for start, between in found if start == source and between != target]
    while ahead:
        room = ahead.pop()
        if room not in reached:
            reached.add(room)
            ahead += [end for start, end in found if start == room]
    return target in reached


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    climbs = start[1] > end[1]
    level = start[1] == end[1]
    x1, y1 = start[0] + ROOM / 2, start[1] + (0 if climbs else HEIGHT)
    x2, y2 = end[0] + ROOM / 2, end[1] + (HEIGHT if climbs else 0)
    if level:
        y1 = y2 = start[1] + HEIGHT / 2
        x1, x2 = (start[0] + ROOM, end[0]) if start[0] < end[0] else (start[0], end[0] + ROOM)
    path = f"M{x1:g} {y1:g}C{x1:g} {y1 + (y2 - y1) / 3:g} {x2:g} {y2 - (y2 - y1) / 3:g} {x2:g} {y2:g}"
    color = "#c0392b" if climbs else "#5b6b7b"
    return f'<path d="{path}" fill="none" stroke="{color}" stroke-width="1.6" opacity=".7" marker-end="url(#tip)"/>'


def main() -> int:
    """Write the picture, or say whether it is up to date."""
    picture = draw()
    if "--check" in sys.argv[1:]:
        return 0 if FILE.exists() and FILE.read_text(encoding="utf-8") == picture else 1
    FILE.write_text(picture, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
