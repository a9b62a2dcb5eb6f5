"""Values that are compared as a whole, by the library that they come from: arrays, tensors, frames, series and figures.

What belongs to a library is imported only for a value of that library, which has therefore been imported already.
"""

from __future__ import annotations

from typing import Any

from perdure.capture.preview import is_kind, loaded, type_name
from perdure.timeline.difference.report import EQUAL, Difference, became


def bulk_difference(before: Any, after: Any) -> Difference | None:
    """How two values of one type differ, if it is a type of this sort; else None. Never raises."""
    try:
        return _bulk_difference(before, after)
    except Exception as problem:  # noqa: BLE001 - a user's subclass, or a library in a state that it didn't foresee
        name = type_name(type(before))
        return Difference("value", f"{name} could not be compared ({type(problem).__name__})", certain=False)


def _bulk_difference(before: Any, after: Any) -> Difference | None:
    kind = type(before)
    if is_kind(kind, "numpy", "ndarray"):
        from perdure.timeline.difference.array import array_difference

        return array_difference(before, after)
    if is_kind(kind, "numpy", "generic"):
        from perdure.timeline.difference.array import array_difference

        gap = array_difference(loaded("numpy", "asarray")(before), loaded("numpy", "asarray")(after))
        return EQUAL if gap.equal else Difference("value", became(before, after), gap.details)
    if any(is_kind(kind, "pandas", name) for name in ("DataFrame", "Series", "Index")):
        from perdure.timeline.difference.pandas_table import pandas_difference

        return pandas_difference(before, after)
    if any(is_kind(kind, "polars", name) for name in ("DataFrame", "Series")):
        from perdure.timeline.difference.polars_table import polars_difference

        return polars_difference(before, after)
    if is_kind(kind, "torch", "Tensor"):
        from perdure.timeline.difference.tensor import tensor_difference

        return tensor_difference(before, after)
    if is_kind(kind, "matplotlib.artist", "Artist"):
        from perdure.timeline.difference.figure import figure_difference

        return figure_difference(before, after)
    return None
