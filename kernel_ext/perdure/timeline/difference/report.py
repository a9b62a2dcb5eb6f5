"""The answer: a difference, the changes that it is made of, and the words in which they are put."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal, TypeAlias

from perdure.capture.preview import JSON, describe, printable, shorten, type_name

Kind: TypeAlias = Literal[
    "equal",
    "type",
    "frame",
    "series",
    "array",
    "tensor",
    "model",
    "figure",
    "mapping",
    "sequence",
    "set",
    "text",
    "value",
    "code",
]
Action: TypeAlias = Literal["added", "removed", "changed", "unknown"]

MOST_LINES = 1000
"""A difference keeps no more lines, and no more changes, than these; it counts the others."""

_LINE_LIMIT = 300
_VALUE_LIMIT = 60
_MARKS: dict[Action, str] = {"added": "+", "removed": "-", "changed": "~", "unknown": "?"}
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


@dataclass(frozen=True)
class Difference:
    """How one value differs from another.

    ``summary`` is one line. ``details`` are the same facts for a program, ready for JSON. ``lines`` say more, one thing
    each, the most telling first.
    """

    kind: Kind
    summary: str
    details: dict[str, JSON] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    omitted: int = 0
    certain: bool = True
    """False where nothing was found to differ, but a part could not be compared."""

    @property
    def equal(self) -> bool:
        """Whether it is certain that nothing differs."""
        return self.kind == "equal"

    def as_text(self, limit: int = 20) -> str:
        """The summary and at most ``limit`` lines below it."""
        shown = [f"  {shorten(line, _LINE_LIMIT)}" for line in self.lines[: max(limit, 0)]]
        hidden = len(self.lines) - len(shown) + self.omitted
        if hidden:
            shown.append(f"  … {counted(hidden, 'more line')}")
        return "\n".join([self.summary, *shown])

    def to_json(self) -> dict[str, JSON]:
        """The whole difference as plain data."""
        return {
            "kind": self.kind,
            "summary": self.summary,
            "details": self.details,
            "lines": list(self.lines),
            "omitted": self.omitted,
            "certain": self.certain,
        }


EQUAL = Difference("equal", "no difference")


@dataclass(frozen=True)
class Change:
    """One place inside a value that differs; ``inner`` tells how, where that takes more than the text."""

    path: str
    action: Action
    text: str
    inner: Difference | None = None

    def line(self) -> str:
        """The change on one line, marked as in a patch."""
        return f"{_MARKS[self.action]} {self.path or 'value'}: {self.text}"

    def to_json(self) -> dict[str, JSON]:
        """The change as plain data."""
        plain: dict[str, JSON] = {"path": self.path, "action": self.action, "text": self.text}
        if self.inner is not None:
            plain["kind"] = self.inner.kind
            plain["details"] = self.inner.details
        return plain


def compose(
    kind: Kind, summary: str, details: dict[str, JSON], lines: Iterable[str], certain: bool = True
) -> Difference:
    """A difference of clean text that keeps only the first lines."""
    rest = iter(lines)
    kept = tuple(printable(line) for line in islice(rest, MOST_LINES))
    return Difference(kind, printable(summary), details, kept, sum(1 for _ in rest), certain)


# -- words ---------------------------------------------------------------------------------------------------------


def counted(number: int, noun: str, total: int | None = None) -> str:
    """As in ``1 row``, ``3 rows`` and ``3 of 1,000 rows``."""
    plural = noun if (number if total is None else total) == 1 else f"{noun}s"
    return f"{number:,} {plural}" if total is None else f"{number:,} of {total:,} {plural}"


def finite(number: float) -> JSON:
    """The number as JSON can hold it: what isn't finite becomes a string."""
    return number if isinstance(number, int) or math.isfinite(number) else str(number)


def became(before: Any, after: Any) -> str:
    """``before → after``, each bounded; of two long texts, the part in which they begin to differ."""
    first, second = describe(before, _VALUE_LIMIT), describe(after, _VALUE_LIMIT)
    if type(before) is not type(after) and not (before is None or after is None):
        first, second = _typed(before, first), _typed(after, second)
    elif first == second and type(before) in (str, bytes):
        start = max(common_prefix(before, after) - 10, 0)
        stop = start + _VALUE_LIMIT // 2
        first, second = (f"…{describe(text[start:stop])}" for text in (before, after))
    return f"{first} → {second}" if first != second else f"{first} changed"


def _typed(value: object, text: str) -> str:
    return text if text.startswith("<") else f"{type_name(type(value))} {text}"


def spoken(value: object, limit: int = 100_000) -> str | None:
    """The value's own representation without memory addresses, which say nothing; None if it has none to give."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a __repr__ is anybody's code
        return None
    return printable(_ADDRESS.sub("", shorten(text, limit)))


def common_prefix(before: str | bytes, after: str | bytes) -> int:
    """How many characters (or bytes) two texts begin with in common."""
    low, high = 0, min(len(before), len(after))
    # By halves, because slices compare at the speed of memory.
    while low < high:
        middle = (low + high + 1) // 2
        if before[low:middle] == after[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
