"""What is shipped, from what was measured: the confidence's prior weights, and the similarity from which on examples help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.thinking.examples import SHOWN, THRESHOLDS, Found, way
from perdure.cot.asking.options import STRATEGIES
from perdure.cot.judgement import confidence

Audits = Sequence[tuple[tuple[float, ...], bool]]

HARMLESS = 0.0125
"""A loss that so few questions can't tell from none."""
_FREE = 10.0
"""Intercepts are hardly held back."""


@dataclass(frozen=True)
class Prior:
    """Weights, and what they are worth on each task: area under the ROC curve and mean log loss, before and after."""

    weights: tuple[float, ...]
    tasks: dict[str, tuple[int, float, float, float, float]]
    """Audits, share agreed, area, log loss with what is shipped now, log loss with these weights."""


def prior(audits: Mapping[str, Audits]) -> Prior | None:
    """The weights that tell best whether the master agrees; None without any audits.

    Every task weighs the same and has an intercept of its own, since how often models agree differs by task and is soon learned: what is
    shipped is the mean of those, and the common slopes.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    known = {name: some for name, some in audits.items() if len({agreed for _, agreed in some}) == 2}
    if not known:
        return None
    rows = np.array([features[1:] for some in known.values() for features, _ in some])
    of = np.concatenate([np.full(len(some), place) for place, some in enumerate(known.values())])
    agreed = np.array([right for some in known.values() for _, right in some])
    weight = np.concatenate([np.full(len(some), len(rows) / len(known) / len(some)) for some in known.values()])
    intercepts = _FREE * np.eye(len(known))[of]
    model = LogisticRegression(C=10.0, fit_intercept=False, max_iter=5_000)
    found = model.fit(np.hstack([intercepts, rows]), agreed, weight).coef_[0]
    mean = _FREE * found[: len(known)].mean()
    weights = tuple(round(float(value), 2) for value in (mean, *found[len(known) :]))
    tasks = {}
    for name, some in known.items():
        features, right = np.array([one for one, _ in some]), np.array([one for _, one in some])
        area = float(roc_auc_score(right, features @ np.array(weights)))
        before, after = (_loss(features, right, values) for values in (confidence.PRIOR, weights))
        tasks[name] = (len(some), float(right.mean()), area, before, after)
    return Prior(weights, tasks)


def _loss(rows: np.ndarray, agreed: np.ndarray, weights: Sequence[float]) -> float:
    chance = 1 / (1 + np.exp(-np.clip(rows @ np.array(weights), -30, 30)))
    return float(-np.log(np.where(agreed, chance, 1 - chance)).mean())


def gains(found: Found, strategy: str) -> dict[float, float]:
    """What examples from each threshold on gain over the apprentice alone, with the most examples."""
    tried = np.array(found.tried)
    alone = found.right["alone"][tried]
    return {
        threshold: float((found.right[way(strategy, SHOWN, threshold)][tried] - alone).mean())
        for threshold in THRESHOLDS
    }


def helps(found: Mapping[str, Found], strategies: Sequence[str] = STRATEGIES) -> tuple[float, float, float]:
    """The threshold that gains most over all tasks among those that harm none, its mean gain and its worst task's.

    Where all harm some task, the one that harms least.
    """
    table = {
        threshold: np.array([[gains(one, strategy)[threshold] for strategy in strategies] for one in found.values()])
        for threshold in THRESHOLDS
    }
    worst = {threshold: float(values.min()) for threshold, values in table.items()}
    fine = [threshold for threshold in THRESHOLDS if worst[threshold] >= -HARMLESS]
    if fine:
        # Of equals the highest: fewer examples are cheaper.
        best = max(fine, key=lambda threshold: (round(float(table[threshold].mean()), 4), threshold))
    else:
        best = max(THRESHOLDS, key=lambda threshold: (round(worst[threshold], 4), threshold))
    return best, float(table[best].mean()), worst[best]
