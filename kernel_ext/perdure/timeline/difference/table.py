"""How two tables differ, whichever library they are of: columns, rows and cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy

from perdure.capture.preview import JSON, describe, printable, shorten
from perdure.timeline.difference.report import EQUAL, Difference, Kind, became, compose, counted

Rows: TypeAlias = "numpy.ndarray[Any, Any]"

_SAMPLES_PER_COLUMN = 5
_SAMPLES = 50
_NAMED = 3
_LABELS = 20


@dataclass(frozen=True)
class Alignment:
    """Which rows of two tables belong together; ``pairs`` is None where every row stands where it stood."""

    total: int
    pairs: tuple[Rows, Rows] | None = None
    removed: Rows = field(default_factory=lambda: numpy.empty(0, int))
    added: Rows = field(default_factory=lambda: numpy.empty(0, int))
    notes: tuple[str, ...] = ()

    def at(self, place: int) -> tuple[int, int]:
        """The two rows of a pair."""
        return (place, place) if self.pairs is None else (int(self.pairs[0][place]), int(self.pairs[1][place]))


class Table(Protocol):
    """Columns of one height, each with a label (not always its own alone) and a dtype."""

    labels: list[Any]

    def dtype(self, column: int) -> str:
        """The name of a column's dtype."""

    def cell(self, row: int, column: int) -> Any:
        """One value."""

    def row(self, row: int) -> Any:
        """What a row is called."""


class Unequal(Protocol):
    """Which of the rows that belong together differ in a column of each table, and how many could not be compared."""

    def __call__(self, column: int, other: int, pairs: tuple[Rows, Rows] | None) -> tuple[Rows, int]: ...


def table_difference(
    kind: Kind, before: Table, after: Table, alignment: Alignment, unequal: Unequal, notes: tuple[str, ...] = ()
) -> Difference:
    """How two tables differ, given which rows belong together and which cells of two columns are unequal."""
    columns = _Columns(before, after)
    rows_changed = numpy.zeros(alignment.total, bool)
    cells: dict[str, int] = {}
    samples: list[dict[str, JSON]] = []
    lines: list[str] = []
    unknown = 0
    for name, one, other in columns.common:
        differ, uncertain = unequal(one, other, alignment.pairs)
        unknown += uncertain
        places = numpy.flatnonzero(differ)
        if not len(places):
            continue
        rows_changed |= differ
        cells[name] = len(places)
        lines.append(f"~ {_column(kind, name)}: {counted(len(places), 'cell')} changed")
        for place in places[:_SAMPLES_PER_COLUMN].tolist():
            here, there = alignment.at(place)
            values = before.cell(here, one), after.cell(there, other)
            label = describe(after.row(there))
            lines.append(f"    [{label}]: {became(*values)}")
            if len(samples) < _SAMPLES:
                samples.append(
                    {"row": label, "column": name, "before": describe(values[0]), "after": describe(values[1])}
                )
    changed = int(numpy.count_nonzero(rows_changed))
    noun = "row" if kind == "frame" else "value"
    parts = [f"{counted(changed, noun, alignment.total)} changed"] * bool(changed)
    parts += [f"{counted(len(rows), noun)} {action}" for action, rows in _moved(alignment) if len(rows)]
    parts += columns.words(kind)
    parts += [*alignment.notes, *notes]
    certain = bool(parts)
    parts += [f"{counted(unknown, 'cell')} could not be compared"] * bool(unknown)
    if not parts:
        return EQUAL
    details = columns.details()
    details["rows"] = {"compared": alignment.total, "changed": changed}
    for action, rows in _moved(alignment):
        table = before if action == "removed" else after
        labels = [describe(table.row(int(row))) for row in rows[:_LABELS]]
        details[f"rows_{action}"] = {"count": len(rows), "first": [*labels]}
        if len(rows):
            more = ", …" if len(rows) > len(labels) else ""
            lines.insert(
                0, f"{'-' if action == 'removed' else '+'} {counted(len(rows), noun)}: {', '.join(labels)}{more}"
            )
    details.update(cells={**cells}, samples=[*samples], notes=[*alignment.notes, *notes], not_compared=unknown)
    return compose(kind, ", ".join(parts), details, [*columns.lines(), *lines], certain)


class _Columns:
    """Which columns are in both tables. Columns of one label are told apart by their order."""

    def __init__(self, before: Table, after: Table) -> None:
        self._before, self._after = before, after
        names = _names(before.labels), _names(after.labels)
        places = {key: (name, place) for place, (key, name) in enumerate(names[1])}
        known = {key for key, _ in names[0]}
        self.common = [(name, place, places[key][1]) for place, (key, name) in enumerate(names[0]) if key in places]
        self.removed = [(name, before.dtype(place)) for place, (key, name) in enumerate(names[0]) if key not in places]
        self.added = [(name, after.dtype(place)) for key, (name, place) in places.items() if key not in known]
        dtypes = [(name, before.dtype(one), after.dtype(other)) for name, one, other in self.common]
        self.retyped = [(name, one, other) for name, one, other in dtypes if one != other]
        order = [other for _, _, other in self.common]
        self.reordered = order != sorted(order)

    def words(self, kind: Kind) -> list[str]:
        """For the summary."""
        if kind == "series":
            return [f"dtype {one} became {other}" for _, one, other in self.retyped]
        parts = [_listed([name for name, _ in columns], action) for columns, action in self._sides() if columns]
        if len(self.retyped) == 1:
            parts += [f"column {name} {one} became {other}" for name, one, other in self.retyped]
        elif self.retyped:
            parts.append(_listed([name for name, _, _ in self.retyped], "retyped"))
        return parts + ["columns reordered"] * self.reordered

    def lines(self) -> Iterator[str]:
        """One for each column that came, went or became another."""
        for columns, action in self._sides():
            for name, dtype in columns:
                yield f"{'+' if action == 'added' else '-'} column {name} ({dtype})"
        for name, one, other in self.retyped:
            yield f"~ column {name}: {one} became {other}"

    def details(self) -> dict[str, JSON]:
        """For a program."""
        retyped: list[JSON] = [{"name": name, "before": one, "after": other} for name, one, other in self.retyped]
        sides: dict[str, JSON] = {
            f"columns_{action}": [{"name": name, "dtype": dtype} for name, dtype in columns]
            for columns, action in self._sides()
        }
        return {**sides, "columns_retyped": retyped, "columns_reordered": self.reordered}

    def _sides(self) -> list[tuple[list[tuple[str, str]], str]]:
        return [(self.added, "added"), (self.removed, "removed")]


def _names(labels: list[Any]) -> list[tuple[tuple[str, str, int], str]]:
    """For each column a key and a name; of several with one label, the second and later ones say so."""
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for label in labels:
        text = repr(label) if type(label) is str else describe(label, 1000)
        key = (type(label).__name__, text)
        seen[key] += 1
        name = printable(shorten(text, 60)) + (f" (number {seen[key]})" if seen[key] > 1 else "")
        found.append(((*key, seen[key]), name))
    return found


def _moved(alignment: Alignment) -> list[tuple[str, Rows]]:
    return [("added", alignment.added), ("removed", alignment.removed)]


def _listed(names: list[str], action: str) -> str:
    if len(names) > _NAMED:
        return f"{counted(len(names), 'column')} {action}"
    return f"column{'s' if len(names) > 1 else ''} {', '.join(names)} {action}"


def _column(kind: Kind, name: str) -> str:
    return "values" if kind == "series" else f"column {name}"
