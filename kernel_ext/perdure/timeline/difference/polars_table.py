"""How two frames or series of polars differ; their rows have no labels, so they meet by position."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy

from perdure.timeline.difference.elements import unequal as unequal_elements
from perdure.timeline.difference.report import Difference, Kind
from perdure.timeline.difference.table import Alignment, Rows, table_difference

# Not by its name, for mypy is to say the same where polars is not installed.
polars = import_module("polars")

_CELL_ITEMS = 50


class PolarsTable:
    """A frame, or a series as a table of one column."""

    def __init__(self, value: Any) -> None:
        self.columns = [value] if isinstance(value, polars.Series) else value.get_columns()
        self.labels = ["values"] if isinstance(value, polars.Series) else [column.name for column in self.columns]
        self.height = len(value)

    def dtype(self, column: int) -> str:
        """The name of a column's dtype."""
        return str(self.columns[column].dtype)

    def cell(self, row: int, column: int) -> Any:
        """One value."""
        value = self.columns[column][row]
        return value.head(_CELL_ITEMS).to_list() if isinstance(value, polars.Series) else value

    def row(self, row: int) -> int:
        """A row's position."""
        return row


def polars_difference(before: Any, after: Any) -> Difference:
    """How two values of polars differ."""
    tables = PolarsTable(before), PolarsTable(after)
    kind: Kind = "frame" if isinstance(before, polars.DataFrame) else "series"
    notes = ("name changed",) if kind == "series" and before.name != after.name else ()
    common = min(tables[0].height, tables[1].height)

    def unequal(column: int, other: int, pairs: tuple[Rows, Rows] | None) -> tuple[Rows, int]:
        return _unequal(tables[0].columns[column][:common], tables[1].columns[other][:common])

    removed, added = (numpy.arange(common, table.height) for table in tables)
    return table_difference(kind, *tables, Alignment(common, None, removed, added), unequal, notes)


def _unequal(before: Any, after: Any) -> tuple[Rows, int]:
    if before.dtype != polars.Object and (before.dtype == after.dtype or before.dtype.is_numeric()):
        try:
            return numpy.asarray(before.ne_missing(after).to_numpy(), dtype=bool), 0
        except Exception:  # noqa: BLE001 - not every pair of dtypes compares
            pass
    return unequal_elements(_objects(before), _objects(after))


def _objects(column: Any) -> Rows:
    cells = numpy.empty(len(column), dtype=object)
    for place, cell in enumerate(column.to_list()):  # one by one, for NumPy would make more dimensions of lists
        cells[place] = cell
    return cells
