"""How two models differ: which parameters moved and how far, and which settings changed."""

from __future__ import annotations

from typing import Any

from perdure.capture.preview import JSON, is_kind
from perdure.timeline.difference.report import Change, Difference, compose, counted
from perdure.timeline.difference.structure import is_module
from perdure.timeline.difference.walk import Walk


def is_model(value: object) -> bool:
    """Whether a value is a PyTorch module or a scikit-learn estimator."""
    return is_module(type(value)) or is_kind(type(value), "sklearn.base", "BaseEstimator")


def model_difference(after: Any, walk: Walk) -> Difference:
    """How two models differ, ``walk`` having found that they do."""
    groups: dict[str, list[Change]] = {}
    for change in walk.changes:
        groups.setdefault(_group(after, change), []).append(change)
    parts = [f"{counted(len(changes), name)} changed" for name, changes in groups.items()]
    furthest = max(walk.changes, key=_relative, default=None)
    if furthest is not None and _relative(furthest) > 0:
        parts.append(f"furthest {furthest.path.removeprefix('.')} by {_relative(furthest):.3g} of its norm")
    details: dict[str, JSON] = {
        f"{name.replace(' ', '_')}s": [_row(change) for change in changes] for name, changes in groups.items()
    }
    details["arrays"] = walk.compared
    return compose("model", ", ".join(parts), details, (_line(change) for change in walk.changes), walk.certain)


def _group(model: object, change: Change) -> str:
    if is_module(type(model)):
        return "parameter" if change.inner is not None else "setting"
    top = change.path.removeprefix(".").partition(".")[0].partition("[")[0]
    if top.startswith("_"):
        return "internal value"
    return "fitted value" if top.endswith("_") else "parameter"


def _relative(change: Change) -> float:
    value = change.inner.details.get("relative") if change.inner is not None else None
    return float(value) if isinstance(value, (int, float)) else 0.0


def _row(change: Change) -> JSON:
    row = change.to_json()
    row["path"] = change.path.removeprefix(".")
    return row


def _line(change: Change) -> str:
    relative = _relative(change)
    return change.line() + (f", moved by {relative:.3g} of its norm" if relative else "")
