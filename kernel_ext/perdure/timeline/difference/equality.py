"""Whether two values are the same, by what they are made of and not by what they say of each other.

``==`` is of no use here: it may be anybody's code, raise, answer with an array, or take ``1`` for the same as ``True``.
"""

from __future__ import annotations

import types
from collections.abc import Iterable
from typing import Any

from perdure.capture.preview import type_name
from perdure.timeline.difference.bulk import bulk_difference
from perdure.timeline.difference.structure import (
    BUILTINS,
    SCALARS,
    alike,
    attributes_of,
    code_facts,
    items_of,
    reduced,
    same_scalar,
    shape_of,
)

_MOST_REDUCTIONS = 50
_MOST_PAIRED = 64
_MISSING = object()
_DIFFERENT: list[tuple[Any, Any]] = [(True, False)]
"""Parts that are never the same."""


class Incomparable(Exception):
    """Whether two values are the same can't be told; the text says why."""


def same(before: object, after: object) -> bool:
    """Whether two values are the same in type and content; raises `Incomparable` if they may be, but not surely."""
    stack: list[tuple[Any, Any, int]] = [(before, after, 0)]
    # Values stay alive here, for an identity means nothing once its object is gone.
    seen: dict[tuple[int, int], tuple[object, object]] = {}
    unknown = ""
    while stack:
        first, second, reductions = stack.pop()
        if first is second:
            continue
        kind = type(first)
        if kind is type(second) and kind in SCALARS:
            if not same_scalar(first, second):
                return False
            continue
        identity = (id(first), id(second))
        if identity in seen:
            continue
        seen[identity] = (first, second)
        if not alike(first, second):
            return False
        bulk = None if kind in BUILTINS else bulk_difference(first, second)
        if bulk is not None:
            if not bulk.certain:
                unknown = unknown or bulk.summary
            elif not bulk.equal:
                return False
            continue
        parts = _parts(first, second)
        if parts is None:
            told = (None, None) if reductions > _MOST_REDUCTIONS else (reduced(first), reduced(second))
            if told[0] is not None and told[1] is not None:
                stack.append((*told, reductions + 1))
                continue
            answer = _ask(first, second)
            if answer is False:
                return False
            if answer is None:
                unknown = unknown or f"{type_name(kind)} shows nothing by which it could be compared"
            continue
        stack.extend((one, other, reductions) for one, other in parts)
    if unknown:
        raise Incomparable(unknown)
    return True


def surely_same(before: object, after: object) -> bool:
    """Whether two values are known to be the same."""
    kind = type(before)
    if kind is type(after) and kind in SCALARS:
        return before is after or same_scalar(before, after)
    try:
        return same(before, after)
    except Incomparable:
        return False


def match(before: Iterable[Any], after: Iterable[Any]) -> tuple[list[tuple[Any, Any]], list[Any], list[Any]]:
    """Pairs the elements of two sets (or the keys of two mappings): those of both, those only before, those only after.

    Elements meet by type and ``==``; a few that don't, as objects that equal only themselves, by what they are made of.
    """
    pairs, removed, added = _match_by_hash(list(before), list(after))
    if len(removed) <= _MOST_PAIRED and len(added) <= _MOST_PAIRED:
        for item in list(removed):
            partner = next((other for other in added if surely_same(item, other)), _MISSING)
            if partner is not _MISSING:
                pairs.append((item, partner))
                removed = [other for other in removed if other is not item]
                added = [other for other in added if other is not partner]
    return pairs, removed, added


def _match_by_hash(before: list[Any], after: list[Any]) -> tuple[list[tuple[Any, Any]], list[Any], list[Any]]:
    pairs, removed = [], []
    try:
        index = {(type(item), item): item for item in after}
        for item in before:
            found = index.pop((type(item), item), _MISSING)
            if found is _MISSING:
                removed.append(item)
            else:
                pairs.append((item, found))
    except Exception:  # __hash__ and __eq__ are anybody's code
        return [], before, after
    return pairs, removed, list(index.values())


def _parts(before: Any, after: Any) -> list[tuple[Any, Any]] | None:
    """The parts that must be the same for two values to be so; None for a value that shows no parts."""
    if isinstance(before, types.CodeType):
        return [] if code_facts(before) == code_facts(after) else _DIFFERENT
    if isinstance(before, types.ModuleType):
        return [(before.__dict__.get("__name__"), after.__dict__.get("__name__"))]
    if isinstance(before, type) and type_name(before) != type_name(after):
        return _DIFFERENT
    shape = shape_of(before)
    if shape == "opaque":
        return None
    parts: list[tuple[Any, Any]] = []
    if type(before) not in BUILTINS:
        attributes = attributes_of(before), attributes_of(after)
        if attributes[0].keys() != attributes[1].keys():
            return _DIFFERENT
        parts = [(item, attributes[1][name]) for name, item in attributes[0].items()]
    if shape == "object":
        return parts
    items = list(items_of(before)), list(items_of(after))
    if len(items[0]) != len(items[1]):
        return _DIFFERENT
    if shape == "sequence":
        return parts + list(zip(*items, strict=True))
    pairs, removed, added = match(*items) if shape == "set" else match(*([key for key, _ in side] for side in items))
    if removed or added:
        return _DIFFERENT
    if shape == "set":
        return parts
    partners = {id(key): other for key, other in pairs}
    # The order of a mapping is part of it.
    if any(partners[id(key)] is not other for (key, _), (other, _) in zip(*items, strict=True)):
        return _DIFFERENT
    return parts + [(one, other) for (_, one), (_, other) in zip(*items, strict=True)]


def _ask(before: Any, after: Any) -> bool | None:
    """What the values say of each other themselves; None if that is nothing definite."""
    if getattr(type(before), "__eq__", None) is getattr(object, "__eq__", None):
        return None
    try:
        answer = before == after
    except Exception:  # an __eq__ is anybody's code
        return None
    return answer if isinstance(answer, bool) else None
