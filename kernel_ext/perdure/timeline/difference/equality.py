"""Whether two values are the same, by what they are made of and not by what they say of each other.

``==`` is of no use here: it may be anybody's code, raise, answer with an array, or take ``1`` for the same as ``True``.
"""

from __future__ import annotations

import types
from collections.abc import Iterable
from typing import Any, TypeAlias

from perdure.capture.preview import type_name
from perdure.timeline.difference.bulk import bulk_difference
from perdure.timeline.difference.structure import (
    BUILTINS,
    SCALARS,
    Shape,
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
_Pairs: TypeAlias = list[tuple[Any, Any]]
_DIFFERENT: _Pairs = [(True, False)]
"""A pair that is never the same."""


class Incomparable(Exception):
    """Whether two values are the same can't be told; the text says why."""


def same(before: object, after: object) -> bool:
    """Whether two values are the same in type and content; raises `Incomparable` if they may be, but not surely."""
    stack: list[tuple[Any, Any, int]] = [(before, after, 0)]
    # Values stay alive here, for an identity means nothing once its object is gone.
    seen: dict[tuple[int, int], tuple[object, object]] = {}
    unknown: Incomparable | None = None
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
        try:
            parts, reductions = _parts(first, second, reductions)
        except Incomparable as reason:
            unknown = unknown or reason
            continue
        stack.extend((one, other, reductions) for one, other in parts)
    if unknown is not None:
        raise unknown
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
    except Exception:  # noqa: BLE001 - __hash__ and __eq__ are anybody's code
        return [], before, after
    return pairs, removed, list(index.values())


def _parts(before: Any, after: Any, reductions: int) -> tuple[_Pairs, int]:
    """The pairs of which all must be the same for two values to be so, and how many reductions that took."""
    kind = type(before)
    if not alike(before, after) or (issubclass(kind, type) and type_name(before) != type_name(after)):
        return _DIFFERENT, reductions
    bulk = None if kind in BUILTINS else bulk_difference(before, after)
    if bulk is not None:
        if not bulk.certain:
            raise Incomparable(bulk.summary)
        return [] if bulk.equal else _DIFFERENT, reductions
    if issubclass(kind, types.CodeType):
        return [] if code_facts(before) == code_facts(after) else _DIFFERENT, reductions
    if issubclass(kind, types.ModuleType):
        return [(before.__dict__.get("__name__"), after.__dict__.get("__name__"))], reductions
    shape = shape_of(before)
    if shape == "opaque":
        return _reduced_parts(before, after, reductions), reductions + 1
    parts = [] if kind in BUILTINS else _attribute_parts(before, after)
    return parts + _item_parts(shape, before, after), reductions


def _attribute_parts(before: Any, after: Any) -> _Pairs:
    first, second = attributes_of(before), attributes_of(after)
    if first.keys() != second.keys():
        return _DIFFERENT
    return [(item, second[name]) for name, item in first.items()]


def _item_parts(shape: Shape, before: Any, after: Any) -> _Pairs:
    if shape == "object":
        return []
    first, second = list(items_of(before)), list(items_of(after))
    if len(first) != len(second):
        return _DIFFERENT
    if shape == "sequence":
        return list(zip(first, second, strict=True))
    if shape == "set":
        _, removed, added = match(first, second)
        return _DIFFERENT if removed or added else []
    pairs, removed, added = match([key for key, _ in first], [key for key, _ in second])
    partners = {id(key): other for key, other in pairs}
    # The order of a mapping is part of it.
    if removed or added or any(partners[id(one[0])] is not other[0] for one, other in zip(first, second, strict=True)):
        return _DIFFERENT
    return [(one, other) for (_, one), (_, other) in zip(first, second, strict=True)]


def _reduced_parts(before: Any, after: Any, reductions: int) -> _Pairs:
    told = (None, None) if reductions >= _MOST_REDUCTIONS else (reduced(before), reduced(after))
    if told[0] is not None and told[1] is not None:
        return [told]
    answer = _ask(before, after)
    if answer is None:
        raise Incomparable(f"{type_name(type(before))} shows nothing by which it could be compared")
    return [] if answer else _DIFFERENT


def _ask(before: Any, after: Any) -> bool | None:
    """What the values say of each other themselves; None if that is nothing definite."""
    if getattr(type(before), "__eq__", None) is getattr(object, "__eq__", None):
        return None
    try:
        answer = before == after
    except Exception:  # noqa: BLE001 - an __eq__ is anybody's code
        return None
    return answer if isinstance(answer, bool) else None
