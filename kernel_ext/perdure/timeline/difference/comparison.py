"""The one question, and who answers it for which values."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Any

from perdure.capture.preview import JSON, preview, type_name
from perdure.timeline.difference.bulk import bulk_difference
from perdure.timeline.difference.code import code_difference, is_code
from perdure.timeline.difference.model import is_model, model_difference
from perdure.timeline.difference.report import EQUAL, Difference, Kind, became, compose, counted
from perdure.timeline.difference.structure import SCALARS, alike, items_of, same_scalar, shape_of
from perdure.timeline.difference.text import scalar_difference, spoken_difference
from perdure.timeline.difference.walk import Walk

_NOUNS: dict[str, tuple[Kind, str]] = {
    "mapping": ("mapping", "key"),
    "sequence": ("sequence", "item"),
    "set": ("set", "element"),
    "object": ("value", "attribute"),
    "opaque": ("value", "attribute"),
}


def difference(before: object, after: object) -> Difference:
    """How ``after`` differs from ``before``. Never raises: of what can't be compared it says so."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _difference(before, after)
    except Exception as problem:  # noqa: BLE001 - objects may do anything when they are looked at
        name, reason = type_name(type(after)), type(problem).__name__
        details: dict[str, JSON] = {"before": {**preview(before)}, "after": {**preview(after)}, "reason": reason}
        return Difference("value", f"{name} could not be compared ({reason})", details, certain=False)


def _difference(before: Any, after: Any) -> Difference:
    if before is after:
        return EQUAL
    if not alike(before, after):
        details: dict[str, JSON] = {"before": {**preview(before)}, "after": {**preview(after)}}
        names = type_name(type(before)), type_name(type(after))
        return compose("type", f"{names[0]} became {names[1]}: {became(before, after)}", details, ())
    if type(before) in SCALARS:
        return EQUAL if same_scalar(before, after) else scalar_difference(before, after)
    bulk = bulk_difference(before, after)
    if bulk is not None:
        return bulk
    walk = Walk(before, after)
    if not walk.actions:
        return EQUAL
    if not walk.tops:
        return _whole(before, after, walk)
    if is_model(after):
        return model_difference(after, walk)
    if is_code(after):
        return code_difference(before, after, walk)
    return _container_difference(before, after, walk)


def _whole(before: Any, after: Any, walk: Walk) -> Difference:
    """Values that differ without any part of theirs doing so."""
    if not walk.certain:
        return compose(
            "value",
            f"could not be compared: {walk.changes[0].text}",
            {"type": type_name(type(after))},
            (),
            certain=False,
        )
    if shape_of(after) == "mapping":
        return compose("mapping", walk.changes[0].text, {"reordered": True}, ())
    return spoken_difference(before, after)


def _container_difference(before: Any, after: Any, walk: Walk) -> Difference:
    shape = shape_of(after)
    kind, noun = _NOUNS[shape]
    # A dictionary or a list of the user's own class may have attributes besides.
    beside = shape in ("mapping", "sequence", "set") and not hasattr(type(after), "_fields")
    attributes = [action for top, action in walk.tops.items() if beside and top.step.startswith(".")]
    counts = Counter(walk.tops.values()) - Counter(attributes)
    parts = []
    if counts["changed"]:
        total = sum(1 for _ in items_of(before)) if shape in ("mapping", "sequence", "set") else None
        parts.append(f"{counted(counts['changed'], noun, total)} changed")
    parts += [f"{counted(counts[action], noun)} {action}" for action in ("added", "removed") if counts[action]]
    if attributes:
        parts.append(f"{counted(len(attributes), 'attribute')} differ{'s' * (len(attributes) == 1)}")
    if counts["unknown"]:
        parts.append(f"{counted(counts['unknown'], noun)} could not be compared")
    summary = ", ".join(parts)
    if len(walk.changes) == 1:
        summary += f": {walk.changes[0].line()[2:]}"
    details: dict[str, JSON] = {
        "counts": {action: counts[action] for action in ("added", "removed", "changed", "unknown")},
        "changes": [change.to_json() for change in walk.changes],
        "omitted": walk.actions.total() - len(walk.changes),
    }
    found = compose(kind, summary, details, (change.line() for change in walk.changes), walk.certain)
    return Difference(kind, found.summary, details, found.lines, walk.actions.total() - len(found.lines), walk.certain)
