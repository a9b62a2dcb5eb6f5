"""How two arrays differ: in shape and dtype, where and how far."""

from __future__ import annotations

import math
from typing import Any

import numpy

from perdure.capture.preview import JSON, describe, shorten
from perdure.timeline.difference.elements import ArrayElements, Gap, measure
from perdure.timeline.difference.report import EQUAL, Difference, Kind, became, compose, counted, finite


def array_difference(before: Any, after: Any) -> Difference:
    """How two NumPy arrays differ."""
    dtypes = str(before.dtype), str(after.dtype)
    shapes = tuple(before.shape), tuple(after.shape)
    notes = [] if dtypes[0] == dtypes[1] else [f"dtype {shorten(dtypes[0], 60)} became {shorten(dtypes[1], 60)}"]
    if len(shapes[0]) == len(shapes[1]):
        corner = tuple(slice(min(sizes)) for sizes in zip(*shapes, strict=True))
        if shapes[0] != shapes[1]:
            before, after = before[corner], after[corner]
        gap = measure(ArrayElements(before), ArrayElements(after))
    else:
        gap = Gap()
    return elements_difference("array", gap, shapes, dtypes, notes)


def elements_difference(
    kind: Kind, gap: Gap, shapes: tuple[tuple[int, ...], tuple[int, ...]], dtypes: tuple[str, str], notes: list[str]
) -> Difference:
    """The report on a gap between arrays or tensors; where their shapes differ, it is that of the part they share."""
    common = shapes[0] if shapes[0] == shapes[1] else tuple(min(sizes) for sizes in zip(*shapes, strict=False))
    parts = list(notes)
    if shapes[0] != shapes[1]:
        parts.append(f"shape {_size(shapes[0])} became {_size(shapes[1])}")
    where = " of the part in common" if shapes[0] != shapes[1] else ""
    if gap.differing:
        verb = "differs" if gap.differing == 1 else "differ"
        share = f" ({_percent(gap.differing / gap.total)})" if gap.total > 100 else ""
        parts.append(f"{counted(gap.differing, 'element', gap.total)}{where} {verb}{share}")
        parts += _distances(gap)
        parts.append(_extent(gap, common))
    elif parts and gap.total:
        parts.append(f"values{where} equal")
    if gap.unknown:
        parts.append(f"{counted(gap.unknown, 'element')} could not be compared")
    if not parts:
        return EQUAL
    details = _details(gap, shapes, dtypes, common)
    lines = [f"{_index(place, common)}: {became(one, other)}" for place, one, other in gap.samples]
    found = compose(
        kind, ", ".join(part for part in parts if part), details, lines, bool(gap.differing or notes or where)
    )
    return Difference(kind, found.summary, details, found.lines, gap.differing - len(lines), found.certain)


def _distances(gap: Gap) -> list[str]:
    parts = []
    if gap.unit:
        parts.append(f"max |Δ| {numpy.timedelta64(gap.largest, gap.unit)}")  # type: ignore[call-overload]
    elif gap.measured:
        largest = f"{gap.largest:,}" if isinstance(gap.largest, int) else f"{gap.largest:.4g}"
        parts.append(f"max |Δ| {largest}, mean |Δ| {gap.sum / gap.measured:.4g}")
    parts += [f"{counted(gap.appeared, 'NaN')} new"] * bool(gap.appeared)
    parts += [f"{counted(gap.vanished, 'NaN')} gone"] * bool(gap.vanished)
    return parts


def _percent(share: float) -> str:
    return f"{share:.2%}" if share >= 0.0001 else "under 0.01%"


def _extent(gap: Gap, shape: tuple[int, ...]) -> str:
    if not shape:
        return ""
    first, last = _index(gap.first, shape), _index(gap.last, shape)
    return f"at {first}" if first == last else f"from {first} to {last}"


def _index(place: int, shape: tuple[int, ...]) -> str:
    return str([int(step) for step in numpy.unravel_index(place, shape)]) if shape else "value"


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "()"


def _details(
    gap: Gap, shapes: tuple[tuple[int, ...], tuple[int, ...]], dtypes: tuple[str, str], common: tuple[int, ...]
) -> dict[str, JSON]:
    details: dict[str, JSON] = {
        "shape": [list(shapes[0]), list(shapes[1])],
        "dtype": list(dtypes),
        "compared": gap.total,
        "differing": gap.differing,
    }
    if gap.differing:
        details["share"] = gap.differing / gap.total
        details["first"] = [int(step) for step in numpy.unravel_index(gap.first, common)]
        details["last"] = [int(step) for step in numpy.unravel_index(gap.last, common)]
        details["samples"] = [
            {
                "index": [int(step) for step in numpy.unravel_index(place, common)],
                "before": describe(one),
                "after": describe(other),
            }
            for place, one, other in gap.samples
        ]
    if gap.unit:
        details.update(largest=gap.largest, unit=gap.unit)
    elif gap.measured:
        details.update(largest=finite(gap.largest), mean=finite(gap.sum / gap.measured))
        if gap.base_squares:
            details["relative"] = finite(math.sqrt(gap.squares / gap.base_squares))
    if gap.appeared or gap.vanished:
        details.update(nan_new=gap.appeared, nan_gone=gap.vanished)
    if gap.unknown:
        details["not_compared"] = gap.unknown
    return details
