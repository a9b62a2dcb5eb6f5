"""How two frames, series or indexes of pandas differ: rows by index where that is unique, else by position."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy

from perdure.timeline.difference.elements import unequal as unequal_elements
from perdure.timeline.difference.equality import surely_same
from perdure.timeline.difference.report import Difference, Kind
from perdure.timeline.difference.table import Alignment, Rows, table_difference

# Not by its name, for mypy is to say the same where the stubs of pandas are not installed.
pandas = import_module("pandas")


class PandasTable:
    """A frame, or a series or index as a table of one column."""

    def __init__(self, value: Any) -> None:
        self.index = value.index
        self._value = value
        self._single = isinstance(value, pandas.Series)
        self.labels = ["values"] if self._single else list(value.columns)

    def column(self, column: int) -> Any:
        """One column, as a series."""
        return self._value if self._single else self._value.iloc[:, column]

    def dtype(self, column: int) -> str:
        """The name of a column's dtype."""
        return str(self.column(column).dtype)

    def cell(self, row: int, column: int) -> Any:
        """One value, a plain number where it is one."""
        return _plain(self.column(column).iat[row])

    def row(self, row: int) -> Any:
        """A row's label."""
        label = self.index[row]
        return tuple(map(_plain, label)) if isinstance(label, tuple) else _plain(label)


def pandas_difference(before: Any, after: Any) -> Difference:
    """How two values of pandas differ."""
    kind: Kind = "frame" if isinstance(before, pandas.DataFrame) else "series"
    notes = [f"{name} changed" for name, sides in _labels(before, after) if not surely_same(*sides)]
    tables = PandasTable(_tabular(before)), PandasTable(_tabular(after))

    def unequal(column: int, other: int, pairs: tuple[Rows, Rows] | None) -> tuple[Rows, int]:
        return _unequal(tables[0].column(column), tables[1].column(other), pairs)

    alignment = _align(tables[0].index, tables[1].index)
    return table_difference(kind, *tables, alignment, unequal, tuple(notes))


def _labels(before: Any, after: Any) -> list[tuple[str, tuple[Any, Any]]]:
    """What the values have beside their cells."""
    if isinstance(before, pandas.DataFrame):
        return [
            ("names of the column levels", (list(before.columns.names), list(after.columns.names))),
            ("attrs", (before.attrs, after.attrs)),
        ]
    if isinstance(before, pandas.Index):
        return [("name", (list(before.names), list(after.names)))]
    return [("name", (before.name, after.name)), ("attrs", (before.attrs, after.attrs))]


def _plain(value: Any) -> Any:
    """A number without the name of its NumPy type."""
    return value.item() if isinstance(value, (numpy.number, numpy.bool_)) else value


def _tabular(value: Any) -> Any:
    if isinstance(value, pandas.MultiIndex):
        return value.to_frame(index=False, allow_duplicates=True)
    return pandas.Series(value) if isinstance(value, pandas.Index) else value


def _align(before: Any, after: Any) -> Alignment:
    notes = [] if list(before.names) == list(after.names) else ["index renamed"]
    if not _equal_dtypes(before, after):
        notes.append("index retyped")
    if len(before) == len(after) and before.equals(after):
        return Alignment(len(before), notes=tuple(notes))
    # Through new objects, so that no lookup table stays with the user's index.
    before, after = before[:], after[:]
    if before.is_unique and after.is_unique:
        try:
            found = after.get_indexer(before)
        except Exception:  # noqa: BLE001 - e.g. intervals that overlap
            found = numpy.full(len(before), -1)
        kept = numpy.flatnonzero(found >= 0)
        partners = found[kept]
        if len(kept) or len(before) != len(after):
            if (numpy.diff(partners) < 0).any():
                notes.append("rows reordered")
            added = numpy.setdiff1d(numpy.arange(len(after)), partners)
            return Alignment(len(kept), (kept, partners), numpy.flatnonzero(found < 0), added, tuple(notes))
    common = min(len(before), len(after))
    rows = numpy.arange(common)
    if not before[:common].equals(after[:common]):
        notes.append("index changed")
    removed, added = numpy.arange(common, len(before)), numpy.arange(common, len(after))
    return Alignment(common, (rows, rows), removed, added, tuple(notes))


def _equal_dtypes(before: Any, after: Any) -> bool:
    if isinstance(before, pandas.MultiIndex) or isinstance(after, pandas.MultiIndex):
        return isinstance(before, pandas.MultiIndex) and isinstance(after, pandas.MultiIndex)
    return str(before.dtype) == str(after.dtype)


def _unequal(before: Any, after: Any, pairs: tuple[Rows, Rows] | None) -> tuple[Rows, int]:
    """Which cells of two columns differ."""
    dtypes = before.dtype, after.dtype
    before, after = before.array, after.array
    if pairs is not None:
        before, after = before.take(pairs[0]), after.take(pairs[1])
    if all(isinstance(dtype, numpy.dtype) for dtype in dtypes) and (
        dtypes[0] == dtypes[1] or all(dtype.kind in "biufcmM" for dtype in dtypes)
    ):
        return unequal_elements(numpy.asarray(before), numpy.asarray(after))
    if str(dtypes[0]) == str(dtypes[1]):
        try:
            return _unequal_extension(before, after), 0
        except Exception:  # noqa: BLE001 - e.g. categoricals of different categories don't compare
            pass
    objects = numpy.asarray(before, dtype=object), numpy.asarray(after, dtype=object)
    differ, unknown = unequal_elements(*objects)
    # What stands for a missing value depends on the dtype.
    missing = numpy.asarray(pandas.isna(before)) & numpy.asarray(pandas.isna(after))
    return differ & ~missing, unknown


def _unequal_extension(before: Any, after: Any) -> Rows:
    missing = numpy.asarray(pandas.isna(before)), numpy.asarray(pandas.isna(after))
    answer = before != after
    differ = answer if isinstance(answer, numpy.ndarray) else answer.to_numpy(dtype=bool, na_value=False)
    found: Rows = (missing[0] != missing[1]) | (differ.astype(bool) & ~missing[0] & ~missing[1])
    return found
