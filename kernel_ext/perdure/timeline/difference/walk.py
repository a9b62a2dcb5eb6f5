"""A walk through two values side by side that notes every place where they differ.

It keeps its own queue, so that neither depth nor cycles matter, and goes through the upper levels first.
"""

from __future__ import annotations

import difflib
import enum
import types
from collections import Counter, deque
from typing import Any

from perdure.capture.preview import describe, type_name
from perdure.timeline.difference.bulk import bulk_difference
from perdure.timeline.difference.equality import Incomparable, match, same, surely_same
from perdure.timeline.difference.report import MOST_LINES, Action, Change, Difference, became, spoken
from perdure.timeline.difference.structure import (
    BUILTINS,
    SCALARS,
    alike,
    attributes_of,
    instance_dictionary,
    items_of,
    same_scalar,
    shape_of,
)

# To align two sequences is to look at all that is in them, once for every level above.
_ALIGNED_DEPTH = 5
_ALIGNED, _ALIGNED_IN_PLACE = 2000, 200
_ALIGNED_COMPOUNDS = 16
_STEPS = 10
_STEP_LIMIT = 40
_TEXT_LIMIT = 60


class Path:
    """A place inside a value, as a person would write it: ``['a'][3].b``."""

    def __init__(self, parent: Path | None = None, step: str = "") -> None:
        self.parent, self.step = parent, step
        self.depth: int = 0 if parent is None else parent.depth + 1

    def __truediv__(self, step: str) -> Path:
        return Path(self, step)

    def top(self) -> Path | None:
        """The first step of the way here, itself a place; None for the value as a whole."""
        place, parent = self, self.parent
        while parent is not None and parent.parent is not None:
            place, parent = parent, parent.parent
        return None if parent is None else place

    def steps(self) -> list[str]:
        """From the top down."""
        found, place = [], self
        while place.parent is not None:
            found.append(place.step)
            place = place.parent
        return found[::-1]

    def __str__(self) -> str:
        steps = self.steps()
        if len(steps) > _STEPS:
            steps = [*steps[: _STEPS // 2], "…", *steps[-_STEPS // 2 :]]
        return "".join(steps)


class Walk:
    """What was found: the first changes in full, the others counted."""

    def __init__(self, before: object, after: object) -> None:
        self.changes: list[Change] = []
        self.actions: Counter[Action] = Counter()
        self.tops: dict[Path, Action] = {}
        """What became of each item or attribute of the values themselves."""
        self.compared = 0
        """How many arrays, tensors and frames there are in both."""
        self._queue: deque[tuple[Path, Any, Any]] = deque([(Path(), before, after)])
        self._seen: dict[tuple[int, int], tuple[object, object]] = {}
        while self._queue:
            self._visit(*self._queue.popleft())

    @property
    def certain(self) -> bool:
        """Whether a difference was found, or none and everything could be compared."""
        return not self.actions or self.actions.keys() != {"unknown"}

    def _visit(self, path: Path, before: Any, after: Any) -> None:
        kind = type(before)
        if before is after:
            return
        if kind is type(after) and kind in SCALARS:
            if not same_scalar(before, after):
                self._note(path, "changed", became(before, after))
            return
        if not alike(before, after) or (issubclass(kind, type) and type_name(before) != type_name(after)):
            self._note(path, "changed", became(before, after))
            return
        identity = (id(before), id(after))
        if identity in self._seen:
            return
        self._seen[identity] = (before, after)
        bulk = None if kind in BUILTINS else bulk_difference(before, after)
        if bulk is None:
            self._visit_parts(path, before, after)
            return
        self.compared += 1
        if not bulk.equal:
            self._note(path, "changed" if bulk.certain else "unknown", bulk.summary, bulk)

    def _visit_parts(self, path: Path, before: Any, after: Any) -> None:
        kind = type(before)
        shape = "opaque" if issubclass(kind, (types.CodeType, types.ModuleType, enum.Enum)) else shape_of(before)
        if shape == "opaque":
            self._visit_opaque(path, before, after)
            return
        if kind not in BUILTINS:
            self._attributes(path, before, after)
        if shape == "sequence":
            self._sequence(path, list(items_of(before)), list(items_of(after)), getattr(kind, "_fields", ()))
        elif shape == "mapping":
            self._mapping(path, list(items_of(before)), list(items_of(after)))
        elif shape == "set":
            _, removed, added = match(items_of(before), items_of(after))
            self._note_elements(path, "removed", removed)
            self._note_elements(path, "added", added)

    def _note_elements(self, path: Path, action: Action, elements: list[Any]) -> None:
        for element in elements:
            self._note(path / f"{{{describe(element, _STEP_LIMIT)}}}", action, describe(element, _TEXT_LIMIT))

    def _visit_opaque(self, path: Path, before: Any, after: Any) -> None:
        """A value that shows no parts, or says itself what it is made of: any difference is told by its attributes."""
        try:
            if same(before, after):
                return
        except Incomparable as reason:
            self._note(path, "unknown", str(reason))
            return
        if issubclass(type(before), types.CodeType):
            self._note(path, "changed", "other code")
        elif issubclass(type(before), enum.Enum) or surely_same(
            instance_dictionary(before), instance_dictionary(after)
        ):
            words = spoken(before, _TEXT_LIMIT), spoken(after, _TEXT_LIMIT)
            told = words[0] != words[1] and None not in words
            self._note(path, "changed", f"{words[0]} → {words[1]}" if told else became(before, after))
        else:
            self._attributes(path, before, after)

    def _attributes(self, path: Path, before: Any, after: Any) -> None:
        held = attributes_of(before), attributes_of(after)
        for name, item in held[0].items():
            if name in held[1]:
                self._queue.append((path / f".{name}", item, held[1][name]))
            else:
                self._note(path / f".{name}", "removed", describe(item, _TEXT_LIMIT))
        for name, item in held[1].items():
            if name not in held[0]:
                self._note(path / f".{name}", "added", describe(item, _TEXT_LIMIT))

    def _mapping(self, path: Path, before: list[tuple[Any, Any]], after: list[tuple[Any, Any]]) -> None:
        pairs, removed, added = match([key for key, _ in before], [key for key, _ in after])
        values = {id(key): item for key, item in before}, {id(key): item for key, item in after}
        for key in removed:
            self._note(path / _step(key), "removed", describe(values[0][id(key)], _TEXT_LIMIT))
        for key in added:
            self._note(path / _step(key), "added", describe(values[1][id(key)], _TEXT_LIMIT))
        for key, other in pairs:
            self._enqueue(path, key, values[0][id(key)], values[1][id(other)])
        if not removed and not added:
            partners = {id(key): other for key, other in pairs}
            if any(partners[id(key)] is not other for (key, _), (other, _) in zip(before, after, strict=True)):
                self._note(path, "changed", "the same keys in another order")

    def _sequence(self, path: Path, before: list[Any], after: list[Any], fields: tuple[str, ...]) -> None:
        if fields:  # a named tuple
            for name, one, other in zip(fields, before, after, strict=False):
                self._queue.append((path / f".{name}", one, other))
            return
        whole = [("replace", 0, len(before), 0, len(after))]
        for tag, first, last, start, stop in _aligned(before, after) if path.depth < _ALIGNED_DEPTH else whole:
            common = min(last - first, stop - start) if tag == "replace" else 0
            for offset in range(common):
                self._enqueue(path, start + offset, before[first + offset], after[start + offset])
            for place in range(first + common, last):
                self._note(path / f"[{place}]", "removed", describe(before[place], _TEXT_LIMIT))
            for place in range(start + common, stop):
                self._note(path / f"[{place}]", "added", describe(after[place], _TEXT_LIMIT))

    def _enqueue(self, path: Path, key: Any, before: Any, after: Any) -> None:
        # Most items of a large container are equal scalars: they aren't worth a place in the queue.
        kind = type(before)
        if before is not after and not (kind is type(after) and kind in SCALARS and same_scalar(before, after)):
            self._queue.append((path / _step(key), before, after))

    def _note(self, path: Path, action: Action, text: str, inner: Difference | None = None) -> None:
        self.actions[action] += 1
        top = path.top()
        if top is not None and self.tops.get(top, "unknown") == "unknown":
            self.tops[top] = action if top is path or action == "unknown" else "changed"
        if len(self.changes) < MOST_LINES:
            self.changes.append(Change(str(path), action, text, inner))


def _step(key: object) -> str:
    return f"[{describe(key, _STEP_LIMIT)}]"


def _aligned(before: list[Any], after: list[Any]) -> list[tuple[str, int, int, int, int]]:
    """Where two sequences differ, in the manner of `difflib`: runs replaced, deleted and inserted.

    What both begin and end with is left out first, which is all that most long sequences need.
    """
    shorter = min(len(before), len(after))
    start = next((i for i in range(shorter) if not surely_same(before[i], after[i])), shorter)
    ending = next(
        (i for i in range(shorter - start) if not surely_same(before[-1 - i], after[-1 - i])), shorter - start
    )
    first, second = before[start : len(before) - ending], after[start : len(after) - ending]
    tokens = _tokens(first, second) if first and second else None
    if tokens is None:
        return [("replace", start, start + len(first), start, start + len(second))]
    codes = difflib.SequenceMatcher(None, *tokens, autojunk=False).get_opcodes()
    return [(tag, a + start, b + start, c + start, d + start) for tag, a, b, c, d in codes if tag != "equal"]


def _tokens(before: list[Any], after: list[Any]) -> tuple[list[object], list[object]] | None:
    """Something hashable for each item, the same for the same items; None if there are too many to look at."""
    everything = before + after
    compounds = sum(type(item) not in SCALARS for item in everything)
    most = _ALIGNED_IN_PLACE if len(before) == len(after) else _ALIGNED
    if len(everything) > most or compounds > _ALIGNED_COMPOUNDS:
        return None
    known: list[Any] = []
    tokens: list[object] = []
    for item in everything:
        if type(item) in SCALARS:
            # Not-a-number doesn't find itself in a dictionary.
            tokens.append((type(item), repr(item) if type(item) in (float, complex) else item))
            continue
        place = next((i for i, other in enumerate(known) if surely_same(other, item)), len(known))
        if place == len(known):
            known.append(item)
        tokens.append(place)
    return tokens[: len(before)], tokens[len(before) :]
