"""Results as tables: rows of plain values, for pandas, Arrow, CSV and Parquet.

A table has the same columns in every row. What one kind of row lacks is ``None`` there; nested values have names with
an underscore, and metadata of documents has names that begin with ``metadata.``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from exbert_rpc.errors import ExbertError
from exbert_rpc.protocol.types.base import Result

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Cell = str | int | float | bool | None
Row = dict[str, Cell]


class TableResult(Result, frozen=True, kw_only=True):
    """Base of results that are tables, too."""

    def to_rows(self) -> list[Row]:
        """One dict a row, all with the same keys."""
        raise NotImplementedError

    def to_frame(self) -> pd.DataFrame:
        """The rows as a pandas DataFrame; raises ``ExbertError`` without pandas."""
        return _library("pandas").DataFrame(self.to_rows())

    def to_arrow(self) -> pa.Table:
        """The rows as an Arrow table; raises ``ExbertError`` without pyarrow."""
        return _library("pyarrow").Table.from_pylist(self.to_rows())


def same_columns(rows: Sequence[Row]) -> list[Row]:
    """The rows, each with the columns of all, in the order in which they come first."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name) for name in names} for row in rows]


def plain_fields(result: Result, leave_out: Iterable[str] = ()) -> Row:
    """The fields of a result that are plain values, by their names in Python."""
    found = {name: getattr(result, name) for name in result.__struct_fields__ if name not in set(leave_out)}
    return {name: value for name, value in found.items() if value is None or isinstance(value, str | int | float)}


def _library(name: str) -> Any:  # noqa: ANN401
    try:
        return import_module(name)
    except ImportError as exc:
        raise ExbertError(f"{name} is not installed", hint="pip install 'exbert-rpc[data]'") from exc
