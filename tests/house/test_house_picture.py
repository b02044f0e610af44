"""The picture of the imports in docs/architecture.md shows the imports of today, and none of them climbs."""

from __future__ import annotations

import importlib.util
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "docs" / "images" / "imports.py"
_spec = importlib.util.spec_from_file_location("imports_picture", SOURCE)
picture = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(picture)


def test_the_picture_is_up_to_date():
    assert picture.FILE.read_text(encoding="utf-8") == picture.draw(), "run: python docs/images/imports.py"


def test_no_import_climbs_from_one_floor_to_a_higher_one():
    floor = {room: number for number, rooms in enumerate(picture.FLOORS) for room in rooms}
    assert [pair for pair in picture.arrows() if floor[pair[0]] > floor[pair[1]]] == []


def test_every_module_lies_in_a_room():
    package = SOURCE.parents[2] / "exbert_rpc"
    rooms = {path.relative_to(package).parts[0].removesuffix(".py") for path in package.rglob("*.py")}
    assert rooms - {"__init__", "__main__"} == {room.split(".")[0] for floor in picture.FLOORS for room in floor}
