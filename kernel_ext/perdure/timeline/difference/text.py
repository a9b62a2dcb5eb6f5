"""How two texts differ, and two values of which nothing is known but what they say of themselves."""

from __future__ import annotations

import difflib
import math
from typing import Any

from perdure.capture.preview import JSON, type_name
from perdure.timeline.difference.report import (
    EQUAL,
    Difference,
    Kind,
    became,
    common_prefix,
    compose,
    counted,
    finite,
    spoken,
)

_MOST_COMPARED = 2000
_MOST_BITS = 1000


def text_difference(before: str, after: str) -> Difference:
    """How two strings differ, by lines."""
    if before == after:
        return EQUAL
    if "\n" not in before and "\n" not in after:
        details: dict[str, JSON] = {"length": [len(before), len(after)], "first": common_prefix(before, after)}
        return compose("text", became(before, after), details, ())
    return lines_difference("text", before.splitlines(), after.splitlines())


def lines_difference(kind: Kind, before: list[str], after: list[str], subject: str = "") -> Difference:
    """A unified diff of two lists of lines."""
    lines = unified(before, after)
    added = sum(line.startswith("+") for line in lines)
    removed = sum(line.startswith("-") for line in lines)
    parts = [f"{counted(added, 'line')} added"] * bool(added) + [f"{counted(removed, 'line')} removed"] * bool(removed)
    summary = ", ".join(parts) or "only line ends differ"
    return compose(
        kind, subject + summary, {"added": added, "removed": removed, "diff": list(lines[:_MOST_COMPARED])}, lines
    )


def unified(before: list[str], after: list[str]) -> list[str]:
    """The lines of a unified diff, without file names. Long texts are compared by what they begin and end with."""
    shorter = min(len(before), len(after))
    start = next((i for i in range(shorter) if before[i] != after[i]), shorter)
    ending = next((i for i in range(shorter - start) if before[-1 - i] != after[-1 - i]), shorter - start)
    if len(before) + len(after) - 2 * (start + ending) > _MOST_COMPARED:  # difflib takes quadratic time
        first, second = before[start : len(before) - ending], after[start : len(after) - ending]
        head = f"@@ -{start + 1},{len(first)} +{start + 1},{len(second)} @@"
        return [head, *(f"-{line}" for line in first), *(f"+{line}" for line in second)]
    return list(difflib.unified_diff(before, after, lineterm="", n=2))[2:]


def scalar_difference(before: Any, after: Any) -> Difference:
    """How two scalars of one type differ; of numbers, by how much."""
    if isinstance(before, str):
        return text_difference(before, after)
    if isinstance(before, bytes):
        place = common_prefix(before, after)
        facts: dict[str, JSON] = {"length": [len(before), len(after)], "first": place}
        return compose("value", f"{became(before, after)} (from byte {place:,} on)", facts, ())
    details: dict[str, JSON] = {}
    summary = became(before, after)
    if type(before) is float or (type(before) is int and max(before.bit_length(), after.bit_length()) < _MOST_BITS):
        change = after - before
        details["change"] = finite(change)
        if math.isfinite(change):
            summary += f" ({change:+,})" if type(change) is int else f" ({change:+.6g})"
    return compose("value", summary, details, ())


def spoken_difference(before: object, after: object) -> Difference:
    """How two values differ by their own representations."""
    words = spoken(before), spoken(after)
    name = type_name(type(after))
    if words[0] is None or words[1] is None:
        return compose("value", f"{name} differs; its repr raises", {}, ())
    if words[0] == words[1]:
        return compose("value", f"{name} differs, in something that its repr doesn't show", {}, ())
    if "\n" in words[0] or "\n" in words[1]:
        return lines_difference("value", words[0].splitlines(), words[1].splitlines(), f"{name}: ")
    if len(words[0]) + len(words[1]) <= 200:
        return compose("value", f"{words[0]} → {words[1]}", {"before": words[0], "after": words[1]}, ())
    return compose("value", f"{name}: {became(words[0], words[1])}", {}, (f"- {words[0]}", f"+ {words[1]}"))
