"""What formats of records share: which field is the text, what else is metadata, what was left out of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from exbert_rpc.text.formats.format import ReadingOptions, UnreadableSource
from exbert_rpc.text.types import Skipped

MOST_FIELDS = 32
"""Fields of a record that are kept as metadata."""
LONGEST_VALUE = 200
"""Longest value that is kept as metadata, in characters; longer ones are texts, not what a text is filed under."""

_USUAL = "text"
_NAMED = 5


class FieldsAsked(UnreadableSource):
    """Somebody wants to know which fields records have; see :func:`text_path`."""

    def __init__(self, fields: Sequence[str]) -> None:
        super().__init__(f"has records with the fields {names_of(fields)}")
        self.fields = tuple(fields)


class Problems:
    """What could not be read of a file, line by line, told in one sentence for each reason."""

    def __init__(self, uri: str, unit: str = "line") -> None:
        self._uri = uri
        self._unit = unit
        self._places: dict[str, list[int]] = {}
        self._counts: dict[str, int] = {}

    def add(self, place: int, reason: str) -> None:
        """Remember a place (from 0) and what is wrong there."""
        self._counts[reason] = self._counts.get(reason, 0) + 1
        places = self._places.setdefault(reason, [])
        if len(places) < _NAMED:
            places.append(place + 1)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._counts)

    def told(self) -> Iterator[Skipped]:
        """One entry for each reason."""
        for reason, places in self._places.items():
            more = self._counts[reason] - len(places)
            unit = self._unit + "s" * (len(places) > 1)
            also = f" and {more:,} more" if more else ""
            yield Skipped(self._uri, f"{unit} {', '.join(map(str, places))}{also}: {reason}")

    def first(self) -> str:
        """The first reason, with its place."""
        return next(self.told()).reason


def text_path(record: Mapping[str, object], options: ReadingOptions) -> tuple[str, ...]:
    """Which field of records like this one is the text.

    Raises:
        UnreadableSource: nobody has said it, and it is not obvious.
        FieldsAsked: the name that was given is empty: the fields are to be chosen from.
    """
    asked = options.text_field
    if asked == "":
        raise FieldsAsked(list(record))
    if asked is not None:
        return (asked,) if asked in record else tuple(asked.split("."))
    if isinstance(record.get(_USUAL), str):
        return (_USUAL,)
    texts = [key for key, value in record.items() if isinstance(value, str)]
    if len(texts) == 1:
        return (texts[0],)
    raise UnreadableSource(
        f"has records with the fields {names_of(list(record))}: say which one is the text (--text-field NAME; a dotted "
        "path for a nested one)"
    )


def names_of(fields: Sequence[str]) -> str:
    """The first few names, quoted."""
    more = len(fields) - 12
    return ", ".join(map(repr, fields[:12])) + (f" and {more} more" if more > 0 else "")


def value_at(record: object, path: Sequence[str]) -> object:
    """What stands at a path; raises ``KeyError`` if nothing does."""
    for key in path:
        if isinstance(record, dict) and key in record:
            record = record[key]
        elif isinstance(record, list) and key.isascii() and key.isdigit() and int(key) < len(record):
            record = record[int(key)]
        else:
            raise KeyError(key)
    return record


def metadata_of(record: object, without: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Plain values of a record by their dotted paths, the text left out."""
    found: list[tuple[str, str]] = []
    skip = ".".join(without)
    for key, value in _plain_values(record, ""):
        if key != skip and len(value) <= LONGEST_VALUE and value.strip():
            found.append((key, value))
        if len(found) == MOST_FIELDS:
            break
    return tuple(found)


def _plain_values(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _plain_values(one, f"{path}.{key}" if path else str(key))
    elif isinstance(value, bool):
        yield path, str(value).lower()
    elif isinstance(value, str | int | float) and path:
        yield path, str(value)
