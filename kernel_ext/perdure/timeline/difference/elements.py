"""The elements of arrays, and how far two lots of them are apart.

They are read in blocks, so that the memory that it takes doesn't grow with the arrays.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy

from perdure.timeline.difference.structure import SCALARS

Array: TypeAlias = "numpy.ndarray[Any, Any]"

_BLOCK_BYTES = 1 << 22
_BLOCK_ELEMENTS = 1 << 18
_SAMPLES = 10
_NUMBERS = "biufc"


class Elements(Protocol):
    """The elements of an array in row order, wherever they are."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def itemsize(self) -> int: ...

    def take(self, start: int, stop: int) -> Array:
        """A flat block of them."""

    def masked(self, start: int, stop: int) -> Array | None:
        """Which of a block don't count."""


class ArrayElements:
    """The elements of a NumPy array, of any layout."""

    def __init__(self, array: Array) -> None:
        mask = numpy.ma.getmaskarray(array) if isinstance(array, numpy.ma.MaskedArray) else None
        self._mask = None if mask is None else ArrayElements(mask)
        self._array = numpy.ndarray.view(array, numpy.ndarray)
        self._flat = self._array.reshape(-1) if self._array.flags.c_contiguous else self._array.flat
        self.shape: tuple[int, ...] = self._array.shape
        self.itemsize = self._array.itemsize

    def take(self, start: int, stop: int) -> Array:
        """A flat block of them."""
        block: Array = self._flat[start:stop]
        return block

    def masked(self, start: int, stop: int) -> Array | None:
        """Which of a block a masked array leaves out."""
        return None if self._mask is None else self._mask.take(start, stop)


@dataclass
class Gap:
    """How far two lots of elements are apart."""

    total: int = 0
    differing: int = 0
    unknown: int = 0
    first: int = -1
    last: int = -1
    measured: int = 0
    largest: Any = 0
    sum: float = 0.0
    squares: float = 0.0
    base_squares: float = 0.0
    appeared: int = 0
    vanished: int = 0
    unit: str = ""
    samples: list[tuple[int, Any, Any]] = field(default_factory=list)


def measure(before: Elements, after: Elements) -> Gap:
    """Goes through two lots of elements of one shape."""
    gap = Gap(total=math.prod(before.shape))
    with numpy.errstate(all="ignore"):
        for start, stop in _blocks(before, gap.total, after.itemsize):
            _measure_block(gap, start, before, after, stop)
        if gap.measured:
            for start, stop in _blocks(before, gap.total, after.itemsize):
                block = _floating(before.take(start, stop))
                gap.base_squares += float(numpy.dot(block, block)) if block is not None else 0.0
    return gap


def unequal(before: Array, after: Array) -> tuple[Array, int]:
    """Which of two flat arrays' elements differ, and how many could not be compared. Not-a-number equals itself."""
    kinds = before.dtype.kind + after.dtype.kind
    if before.dtype.names and before.dtype.names == after.dtype.names:
        differ, unknown = numpy.zeros(len(before), bool), 0
        for name in before.dtype.names:
            found, more = unequal(_rows(before[name]), _rows(after[name]))
            differ |= found.reshape(len(before), -1).any(axis=1)
            unknown += more
        return differ, unknown
    if kinds in ("SS", "UU", "bb") or (set(kinds) <= set(_NUMBERS) and not set(kinds) & set("fc")):
        return numpy.asarray(before != after), 0
    if set(kinds) <= set(_NUMBERS) or kinds in ("mm", "MM"):
        # Only what is not a number (or not a time) differs from itself.
        absent = (before != before) & (after != after)  # noqa: PLR0124
        return (before != after) & ~absent, 0
    return _unequal_objects(before.astype(object), after.astype(object))


def _unequal_objects(before: Array, after: Array) -> tuple[Array, int]:
    # An array of objects is compared by the elements' parts, and one of their parts may be an array.
    from perdure.timeline.difference.equality import Incomparable, same

    differ, unknown = numpy.zeros(len(before), bool), 0
    for place, (one, other) in enumerate(zip(before.tolist(), after.tolist(), strict=True)):
        if one is other or (type(one) is type(other) and type(one) in SCALARS and one == other):
            continue
        try:
            differ[place] = not same(one, other)
        except Incomparable:
            unknown += 1
    return differ, unknown


def _rows(values: Array) -> Array:
    return values.reshape(-1) if values.ndim > 1 else values


def _blocks(elements: Elements, total: int, other_itemsize: int) -> Iterator[tuple[int, int]]:
    step = max(1, min(_BLOCK_ELEMENTS, _BLOCK_BYTES // max(elements.itemsize, other_itemsize, 1)))
    for start in range(0, total, step):
        yield start, min(start + step, total)


def _measure_block(gap: Gap, start: int, before: Elements, after: Elements, stop: int) -> None:
    first, second = before.take(start, stop), after.take(start, stop)
    differ, unknown = unequal(first, second)
    masks = before.masked(start, stop), after.masked(start, stop)
    if masks[0] is not None and masks[1] is not None:
        differ = (differ & ~masks[0] & ~masks[1]) | (masks[0] != masks[1])
    gap.unknown += unknown
    places = numpy.flatnonzero(differ)
    if not len(places):
        return
    if gap.first < 0:
        gap.first = start + int(places[0])
    gap.last = start + int(places[-1])
    gap.differing += len(places)
    for place in places[: _SAMPLES - len(gap.samples)].tolist():
        gap.samples.append((start + place, _cell(first[place], masks[0], place), _cell(second[place], masks[1], place)))
    _measure_distance(gap, first[places], second[places])


def _measure_distance(gap: Gap, before: Array, after: Array) -> None:
    kinds = before.dtype.kind + after.dtype.kind
    if kinds in ("mm", "MM"):
        valid = ~(numpy.isnat(before) | numpy.isnat(after))
        distance = numpy.abs(after[valid] - before[valid])
        gap.unit, step = numpy.datetime_data(distance.dtype)
        gap.largest = max(gap.largest, step * int(distance.astype(numpy.int64).max(initial=0)))
        return
    if not set(kinds) <= set(_NUMBERS) or kinds == "bb":
        return
    if set(kinds) <= set("iu") and before.dtype == after.dtype:
        # The distance between two integers of n bits always fits n bits without a sign, though not with one.
        exact = (numpy.maximum(before, after) - numpy.minimum(before, after)).view(f"u{before.itemsize}")
        gap.largest = max(gap.largest, int(exact.max()))
        distance = exact.astype(numpy.float64)
    else:
        wide = numpy.complex128 if "c" in kinds else numpy.float64
        gap.vanished += int(numpy.count_nonzero(numpy.isnan(before) & ~numpy.isnan(after)))
        gap.appeared += int(numpy.count_nonzero(numpy.isnan(after) & ~numpy.isnan(before)))
        distance = numpy.abs(after.astype(wide) - before.astype(wide))
        distance = distance[numpy.isfinite(distance)]
        gap.largest = max(gap.largest, float(distance.max(initial=0.0)))
    gap.measured += len(distance)
    gap.sum += float(distance.sum())
    gap.squares += float(numpy.dot(distance, distance))


def _floating(block: Array) -> Array | None:
    if block.dtype.kind not in _NUMBERS:
        return None
    wide: Array = numpy.abs(block) if block.dtype.kind == "c" else block.astype(numpy.float64)
    return numpy.where(numpy.isfinite(wide), wide, 0.0).astype(numpy.float64)


def _cell(value: Any, mask: Array | None, place: int) -> Any:
    if mask is not None and mask[place]:
        return numpy.ma.masked
    return value.item() if isinstance(value, numpy.generic) and value.dtype.kind in "biufcSUV" else value
