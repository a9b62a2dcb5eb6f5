"""How two functions or classes differ: by their source where there is one, else by what the code does."""

from __future__ import annotations

import dis
import inspect
import types
from typing import Any

from perdure.capture.preview import JSON
from perdure.timeline.difference.report import Difference, compose, counted
from perdure.timeline.difference.structure import code_facts
from perdure.timeline.difference.text import unified
from perdure.timeline.difference.walk import Walk


def is_code(value: object) -> bool:
    """Whether a value is a function or a class."""
    return issubclass(type(value), (types.FunctionType, types.MethodType, type))


def code_difference(before: Any, after: Any, walk: Walk) -> Difference:
    """How two functions or two classes differ, ``walk`` having found that they do."""
    kind = "class" if isinstance(before, type) else "function"
    lines = _function_lines(before, after) if kind == "function" else _class_lines(before, after)
    summary = _told(walk, kind)
    if kind == "function" and lines:
        added, removed = (sum(line.startswith(mark) for line in lines) for mark in "+-")
        summary += f" ({counted(added, 'line')} added, {removed:,} removed)"
    others = [change.line() for change in walk.changes if not change.path.endswith("__code__")]
    details: dict[str, JSON] = {"changes": [change.to_json() for change in walk.changes], "diff": [*lines]}
    return compose("code", summary, details, [*lines, *others], walk.certain)


def _told(walk: Walk, kind: str) -> str:
    tops = {top.step.removeprefix("."): action for top, action in walk.tops.items()}
    if kind == "function":
        words = {
            "__code__": "code",
            "__defaults__": "defaults",
            "__kwdefaults__": "defaults",
            "__closure__": "enclosed variables",
            "__annotations__": "annotations",
            "__func__": "code",
            "__self__": "object that it is bound to",
        }
        parts = dict.fromkeys(words.get(top, top) for top in tops)
        return f"function changed: {', '.join(parts)}"
    return "class changed: " + ", ".join(f"{name} {action}" for name, action in tops.items())


def _class_lines(before: type, after: type) -> list[str]:
    lines: list[str] = []
    for name in dict.fromkeys([*vars(before), *vars(after)]):
        first, second = (_function_in(vars(side).get(name)) for side in (before, after))
        if first is not None and second is not None:
            lines += _function_lines(first, second)
    return lines


def _function_in(member: Any) -> Any:
    member = getattr(member, "fget", None) or getattr(member, "__func__", member)
    return member if isinstance(member, types.FunctionType) else None


def _function_lines(before: Any, after: Any) -> list[str]:
    codes = before.__code__, after.__code__
    if code_facts(codes[0]) == code_facts(codes[1]):
        return []
    sources = _source(before), _source(after)
    # The file of a function may have changed since it was read: then both have the source of today.
    if sources[0] and sources[1] and sources[0] != sources[1]:
        return unified(sources[0], sources[1])
    return unified(
        *([f"{step.opname} {step.argrepr}".rstrip() for step in dis.get_instructions(code)] for code in codes)
    )


def _source(function: Any) -> list[str]:
    try:
        return inspect.getsource(function).splitlines()
    except Exception:  # noqa: BLE001 - no file, another file, a file that isn't Python
        return []
