"""The tables of docs/benchmarks-cot.md, from what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.measure import Row, Section, at_least, at_most
from benchmarks.thinking import fitting
from benchmarks.thinking.costs import BOTH, MASTER, Coin, Costs, Ledger
from benchmarks.thinking.examples import KS, SHOWN, THRESHOLDS, Found, way
from benchmarks.thinking.intervals import Bootstrap, Interval
from benchmarks.thinking.streams import CHANGES, REPEATED, SKEW
from benchmarks.thinking.tasks import Task
from perdure.cot.asking.library import HELPS
from perdure.cot.asking.options import STRATEGIES

LIFT: Final = 0.366
AHEAD: Final = 0.077
CLOSE: Final = 0.95
THIRD: Final = 1 / 3
_MIDDLE: Final = (0.25, 0.75)
"""The middle of the range of costs, from the apprentice for everything to the master for everything."""


@dataclass(frozen=True, slots=True)
class Measured:
    """All that was measured of a task."""

    task: Task
    examples: Found
    costs: Costs
    kept: int
    """Answers in the cache of the first table."""


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


# -- with and without examples --------------------------------------------------------------------------------------------


def examples(measured: Measured) -> Section:
    """Accuracy with no, random and retrieved examples."""
    found, task = measured.examples, measured.task
    alone = found.right["alone"]
    bootstrap = Bootstrap(found.subjects)
    section = Section(
        f"examples-{task.name}",
        f"Examples: {task.title}",
        f"{len(alone):,} questions in all seeds, {measured.kept:,} kept answers in each. Accuracy against the truth; gains over the apprentice "
        "alone in points, with 95 % intervals of the paired bootstrap over subjects. *As the product does it*: only examples with a similarity of at "
        f"least {HELPS:g}, its threshold. The target is no harm.",
    )
    section.rows.append(Row("apprentice alone", {"all shown": bootstrap.mean(alone).share()}, raw=_raw(alone)))
    for name, case in [
        ("question only", "the commonest answer to the words, no picture"),
        *((f"random {k}", f"{k} random") for k in KS),
    ]:
        section.rows.append(_gain(bootstrap, case, found, name))
    for strategy in STRATEGIES:
        for k in KS:
            row = _gain(bootstrap, f"{k} by `{strategy}`", found, way(strategy, k))
            right = found.right[way(strategy, k, HELPS)]
            gain, relative = bootstrap.difference(right, alone), bootstrap.ratio(right, alone)
            row.shown |= {
                "as the product does it": _percent(right.mean()),
                "its gain": gain.points(),
                "relative": _relative(relative.value, alone),
            }
            row.target = "no harm"
            verdict = at_least(float(right.mean()), float(alone.mean()))
            row.met, row.by = _harmless(gain), verdict["by"]
            row.raw |= {"product": _raw(right), "gain": _plain(gain), "relative": _plain(relative)}
            section.rows.append(row)
    for k in KS:
        section.rows.append(_gain(bootstrap, f"majority of {k} examples' answers, no model", found, f"vote {k}"))
    section.rows.append(_gain(bootstrap, "master alone", found, "master"))
    if task.by_person:
        section.notes.append("The embedded master knows none of these names either: what is kept was said by a person.")
    return section


def _gain(bootstrap: Bootstrap, case: str, found: Found, name: str) -> Row:
    right = found.right[name]
    gain = bootstrap.difference(right, found.right["alone"])
    return Row(
        case,
        {"all shown": bootstrap.mean(right).share(), "gain": gain.points()},
        raw=_raw(right) | {"all": _plain(gain)},
    )


def _relative(gain: float, alone: Any) -> str:
    """A relative gain, which has no number where there was nothing."""
    return f"{100 * gain:+.0f} %" if alone.any() else "from none right"


def _harmless(gain: Interval) -> bool | None:
    if gain.value >= 0:
        return True
    return False if gain.high < 0 else None


def _raw(right: Any) -> dict[str, Any]:
    return {"accuracy": float(right.mean()), "questions": len(right)}


def _plain(interval: Interval) -> list[float]:
    return [interval.value, interval.low, interval.high]


# -- accuracy against cost ------------------------------------------------------------------------------------------------


def costs(measured: Measured, kind: str) -> Section:
    """Accuracy against total cost, on one of the streams."""
    task, found = measured.task, measured.costs
    ledgers = found.once if kind == "once" else found.again
    bootstrap = Bootstrap(found.subjects[kind])
    coin = Coin(ledgers)
    repeated = (
        "Each question comes once."
        if kind == "once"
        else f"Questions come by Zipf's law (exponent {SKEW:g}), {REPEATED:g} different ones for each one asked; "
        f"{', '.join(f'{part:.0%} {what}' for what, part in CHANGES.items())}."
    )
    who = "The master is a person who knows the names, at the master's price. " if task.by_person else ""
    section = Section(
        f"cost-{task.name}-{kind}",
        f"Accuracy and cost, {'without' if kind == 'once' else 'with'} repetition: {task.name}",
        f"{len(found.subjects[kind]):,} questions in all seeds through the product's own path; {measured.kept:,} kept answers to begin with, where nothing "
        f"else is said. {repeated} {who}Cost is that of all calls, as a share "
        "of asking the master everything, an apprentice's call being a tenth of a master's; in brackets at prices like the models' "
        "parameters. *Ahead of the coin*: points over the random router at equal total cost, with 95 % intervals.",
    )
    for name, ledger in ledgers.items():
        section.rows.append(_ledger_row(name, ledger, bootstrap, coin))
    return section


def _ledger_row(name: str, ledger: Ledger, bootstrap: Bootstrap, coin: Coin) -> Row:
    shown = {
        "accuracy": bootstrap.mean(ledger.right).share(),
        "cost": f"{100 * ledger.cost:.0f} % ({100 * ledger.by_parameters:.0f} %)",
        "exact / near / apprentice / master": " / ".join(
            f"{100 * ledger.sources.get(source, 0.0):.0f}" for source in ("exact", "near", "apprentice", "master")
        ),
    }
    raw = {"accuracy": float(ledger.right.mean()), "cost": ledger.cost, "by_parameters": ledger.by_parameters}
    if not name.startswith(("random", MASTER)):
        ahead = bootstrap.difference(ledger.right, coin.at(ledger.cost))
        shown["ahead of the coin"] = ahead.points()
        raw["ahead"] = _plain(ahead)  # type: ignore[assignment]
    return Row(name, shown, raw=raw)


# -- the goals --------------------------------------------------------------------------------------------------------------


def goals(all_measured: Mapping[str, Measured]) -> Section:
    """Which of the goals are met."""
    section = Section(
        "goals",
        "Goals",
        "The best lift is the paper's (*Cache-of-Thought*, arXiv 2502.20587). The confidence router is compared with the random one at equal total cost on "
        "the streams without repetition; the middle is the middle half of the costs between the apprentice and the master for everything.",
    )
    for name, measured in all_measured.items():
        section.rows += [_lift(name, measured.examples), _harm(name, measured.examples)]
    for name, measured in all_measured.items():
        section.rows += _ahead(name, measured.costs)
    for name, measured in all_measured.items():
        for kind, ledgers in (("without", measured.costs.once), ("with", measured.costs.again)):
            section.rows.append(_near_master(f"{name}, {kind} repetition", ledgers))
    missed = [row.case for row in section.rows if row.met is False]
    section.notes += [why for goal, why in _WHY.items() if any(goal in case for case in missed)]
    return section


_WHY: Final = {
    "lift by": "Lift: examples raise these models where only the cache knows the answer. Where the apprentice has learned to answer, a kept answer about "
    "another picture tells it next to nothing, and one example more or less changes few answers.",
    "the least gain": "Harm: a word in an example can still draw the apprentice to it, and one threshold serves all strategies and tasks.",
    "in the middle": "Ahead of the coin: where master and apprentice lie few points apart there is little to gain by asking the right one. On naming all "
    "hangs on how often the nearest neighbour is the right one: an apprentice that is seldom right is seldom worth its price.",
    "at worst": "Below the coin: the apprentice is paid for each question that is put to it, also where its answer isn't taken; the coin pays it only where it is.",
    "cost of 95 %": "Cost: a master that is always right and an apprentice that is seldom right leave nothing to save but by the cache itself.",
}
"""Why a goal is missed, by what its rows are called."""


def _lift(name: str, found: Found) -> Row:
    alone = found.right["alone"]
    bootstrap = Bootstrap(found.subjects)
    default = bootstrap.ratio(found.right[way("fused", SHOWN, HELPS)], alone)
    ways = {(strategy, k): found.right[way(strategy, k, HELPS)].mean() for strategy in STRATEGIES for k in KS}
    best = max(ways, key=lambda each: ways[each])
    return Row(
        f"{name}: lift by retrieved examples, as the product is set",
        {
            "value": f"{_relative(default.value, alone)} [{_relative(default.low, alone)}, {_relative(default.high, alone)}]",
            "remark": f"{_percent(alone.mean())} alone; most with {best[1]} by {best[0]}: {_percent(ways[best])}",
        },
        f"+{100 * LIFT:.1f} % on a task",
        **at_least(default.value, LIFT),
    )


def _harm(name: str, found: Found) -> Row:
    bootstrap = Bootstrap(found.subjects)
    alone = found.right["alone"]
    gains = {
        (strategy, k): bootstrap.difference(found.right[way(strategy, k, HELPS)], alone)
        for strategy in STRATEGIES
        for k in KS
    }
    worst = min(gains, key=lambda each: gains[each].value)
    verdict = at_least(gains[worst].value + float(alone.mean()), float(alone.mean()))
    return Row(
        f"{name}: the least gain of any strategy and k",
        {"value": gains[worst].points(), "remark": f"{worst[1]} by {worst[0]}"},
        "no harm",
        met=_harmless(gains[worst]),
        by=verdict["by"],
    )


def _ahead(name: str, found: Costs) -> list[Row]:
    coin, bootstrap = Coin(found.once), Bootstrap(found.subjects["once"])
    low, high = coin.range
    ahead = {
        case: (bootstrap.difference(ledger.right, coin.at(ledger.cost)), (ledger.cost - low) / max(high - low, 1e-9))
        for case, ledger in found.once.items()
        if case.startswith("confidence")
    }
    middle = {case: gap for case, (gap, place) in ahead.items() if _MIDDLE[0] <= place <= _MIDDLE[1]}
    rows = []
    if middle:
        best = max(middle, key=lambda each: middle[each].value)
        apart = float(found.once[MASTER].right.mean() - coin.at(0.0).mean())
        rows.append(
            Row(
                f"{name}: ahead of the random router in the middle, at best",
                {
                    "value": middle[best].points(),
                    "remark": f"{best}; master and apprentice are {100 * apart:.1f} apart",
                },
                f"{100 * AHEAD:.1f} points on a task",
                **at_least(middle[best].value, AHEAD),
            )
        )
    worst = min(ahead, key=lambda each: ahead[each][0].value)
    gap = ahead[worst][0]
    right = float(found.once[worst].right.mean())
    rows.append(
        Row(
            f"{name}: ahead of the random router, at worst",
            {"value": gap.points(), "remark": worst},
            "nowhere below",
            met=_harmless(gap),
            by=at_least(right, right - gap.value)["by"],
        )
    )
    return rows


def _near_master(name: str, ledgers: Mapping[str, Ledger]) -> Row:
    wanted = CLOSE * float(ledgers[MASTER].right.mean())
    enough = {
        case: ledger
        for case, ledger in ledgers.items()
        if not case.startswith(("random", MASTER, BOTH)) and float(ledger.right.mean()) >= wanted
    }
    if not enough:
        best = max(float(ledger.right.mean()) for case, ledger in ledgers.items() if case.startswith("confidence"))
        return Row(
            f"{name}: cost of 95 % of the master's accuracy",
            {"value": "not reached", "remark": f"{_percent(best)} at best, of {_percent(wanted)}"},
            "a third of the master's",
            met=False,
            by=float("inf"),
        )
    best_case = min(enough, key=lambda each: enough[each].cost)
    cheapest = enough[best_case]
    return Row(
        f"{name}: cost of 95 % of the master's accuracy",
        {
            "value": f"{100 * cheapest.cost:.0f} % ({100 * cheapest.by_parameters:.0f} %)",
            "remark": f"{best_case}: {_percent(float(cheapest.right.mean()))} of {_percent(wanted)}",
        },
        "a third of the master's",
        **at_most(cheapest.cost, THIRD),
    )


# -- what is shipped ----------------------------------------------------------------------------------------------------------


def thresholds(all_measured: Mapping[str, Measured]) -> Section:
    """What examples from each similarity on gain."""
    section = Section(
        "thresholds",
        f"From which similarity on do examples help? ({SHOWN} at most)",
        "Points over the apprentice alone, by `fused`, on a third of the questions of each seed. Shipped is the one that gains most over all "
        "tasks and strategies among those that harm none.",
    )
    gained = {name: fitting.gains(measured.examples, "fused") for name, measured in all_measured.items()}
    for threshold in THRESHOLDS:
        shown = {name: f"{100 * gained[name][threshold]:+.1f}" for name in all_measured}
        section.rows.append(Row(f"{threshold:g}", shown, raw={name: gained[name][threshold] for name in all_measured}))
    found = {name: measured.examples for name, measured in all_measured.items()}
    for strategies in [(strategy,) for strategy in STRATEGIES] + [STRATEGIES]:
        best, mean, worst = fitting.helps(found, strategies)
        label = f"`{strategies[0]}`" if len(strategies) == 1 else "all strategies"
        section.notes.append(f"Best for {label}: {best:g} ({100 * mean:+.1f} points, {100 * worst:+.1f} at worst).")
    section.notes.append(f"Shipped: HELPS = {HELPS:g}.")
    return section


def confidences(all_measured: Mapping[str, Measured]) -> Section | None:
    """What the confidence is worth, and the prior that fits best."""
    found = fitting.prior({name: measured.costs.once[BOTH].audits for name, measured in all_measured.items()})
    if found is None:
        return None
    section = Section(
        "confidence",
        "Does the confidence tell whether the master agrees?",
        "Questions that apprentice and master have both answered, warm, each once. The area under the ROC curve is 50 % for a coin; log loss is that of the "
        "prior alone, before any audit.",
    )
    for name, (number, agreed, area, before, after) in found.tasks.items():
        shown = {"questions": f"{number:,}", "agreed": _percent(agreed), "area": _percent(area)}
        shown |= {"log loss, shipped": f"{before:.3f}", "log loss, fitted here": f"{after:.3f}"}
        section.rows.append(Row(name, shown, raw={"area": area, "before": before, "after": after}))
    section.notes.append(f"Fitted here: PRIOR = {found.weights}.")
    return section
