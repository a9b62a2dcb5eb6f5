"""Sharing: which roots reach the same mutable objects, and so belong to one co-variable.

*ElasticNotebook* (section 4) and *Kishu* (section 4.2) find them by walking each object graph in Python. Here the C pickler's own pass
has listed the objects, so finding them is a few set operations in C; what can't be pickled is walked through the garbage
collector's references instead.
"""

from __future__ import annotations

import gc
import types
import weakref
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import compress
from typing import Any, cast

from perdure.capture.figures import constants, is_drawn
from perdure.capture.libraries import class_containers, is_immutable, is_process_singleton, is_soft
from perdure.capture.reach import ESCAPES, EVERYTHING, NOTHING, Reach, reach_of_code

#: Objects that the walk over an unpicklable value looks at, at most.
WALK_LIMIT = 50_000


class Footprint:
    """The objects that one root reaches and that could tie it to another. Holds them alive, so that ids stay theirs."""

    def __init__(
        self,
        root: object,
        visited: Sequence[object],
        by_value: Sequence[object] = (),
        addresses: Iterable[int] = (),
    ) -> None:
        self._addresses = addresses
        self._visited = visited
        self._by_value = by_value
        self.kinds = set(map(type, visited))
        self.soft = is_soft(type(root))

    @cached_property
    def ids(self) -> set[int]:
        """The ids of the objects that can change, and shared memory as negative addresses. Strings are passed over in C."""
        tieable = {kind for kind in self.kinds if not is_immutable(kind)}
        found = set(map(id, compress(self._visited, map(tieable.__contains__, map(type, self._visited)))))
        found.update(map(id, self._by_value))
        found.update(-address for address in self._addresses)
        return found

    def shares(self, other: Footprint) -> bool:
        """Whether the two have an object in common."""
        return not self.ids.isdisjoint(other.ids)

    @property
    def size(self) -> int:
        """How many objects it lists."""
        return len(self._visited)

    def ids_among(self, others: set[int]) -> set[int]:
        """Those of its ids that are among ``others``: one pass in C, without a set of its own."""
        found = set(filter(others.__contains__, map(id, self._visited)))
        found.update(others.intersection(map(id, self._by_value)), others.intersection(-at for at in self._addresses))
        return found

    def by_name(self, ids: set[int]) -> set[int]:
        """Those of the ids whose objects can't change, or are functions and classes that it only refers to."""
        found = {id(obj) for obj in self.find(ids) if is_immutable(type(obj))}
        return found.difference(map(id, self._by_value))

    @cached_property
    def library_owned(self) -> set[int]:
        """The ids of containers that belong to the classes of its objects."""
        return set().union(*map(class_containers, self.kinds))

    def find(self, ids: set[int]) -> list[object]:
        """The objects behind some of the ids."""
        sources = (self._visited, self._by_value)
        found = {id(obj): obj for source in sources for obj in compress(source, map(ids.__contains__, map(id, source)))}
        return list(found.values())


def really_ties(obj: object) -> bool:
    """Whether sharing ``obj`` can be noticed: it, or something that it alone leads to, can change."""
    if type(obj) in (tuple, frozenset):
        return not _unchanging(obj, 8)
    return not is_process_singleton(obj)


def _unchanging(obj: Any, depth: int) -> bool:
    if type(obj) in (tuple, frozenset):
        return depth > 0 and all(_unchanging(item, depth - 1) for item in obj)
    return is_immutable(type(obj))


def components(footprints: dict[int, Footprint], circles: Iterable[Sequence[int]] = ()) -> list[list[int]]:
    """Group the roots (by their ids) whose footprints share an object that ties. Their order is kept.

    :param circles: roots that belong together all the same, because they refer to each other by name.
    """
    parent: dict[int, int] = {key: key for key in footprints}

    def leader(key: int) -> int:
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for group in [*_ties(footprints), *circles]:
        for key in group:
            parent[leader(key)] = leader(group[0])
    groups: dict[int, list[int]] = {}
    for key in footprints:
        groups.setdefault(leader(key), []).append(key)
    return list(groups.values())


def _ties(footprints: dict[int, Footprint]) -> list[list[int]]:
    """For each object that ties, the keys whose footprints have it."""
    # The largest may list millions of objects, of which only those matter that some other lists too.
    soft = {key for key, footprint in footprints.items() if footprint.soft}  # keys are the roots' ids
    largest = max(footprints, key=lambda key: footprints[key].size, default=None)
    seen: set[int] = set()
    common: set[int] = set()
    for key, footprint in footprints.items():
        if soft:
            footprint.ids.update(footprint.ids_among(soft))
        if key != largest:
            common |= seen & footprint.ids
            seen |= footprint.ids
    if largest is None or not seen:
        return []
    in_largest = footprints[largest].ids_among(seen)
    if in_largest:
        in_largest -= footprints[largest].by_name(in_largest) - soft
    common |= in_largest
    drawn = constants() if common and any(is_drawn(footprint.kinds) for footprint in footprints.values()) else {}
    holders: dict[int, list[int]] = {}
    verdicts: dict[int, bool] = {}
    for key, footprint in footprints.items():
        shared = in_largest if key == largest else footprint.ids & common
        unknown = shared - verdicts.keys()
        verdicts.update((address, True) for address in unknown if address < 0)
        for obj in footprint.find(unknown) if unknown else ():
            owned = id(obj) in footprint.library_owned or id(obj) in drawn
            verdicts[id(obj)] = not owned and really_ties(obj)
        for identity in shared:
            if verdicts[identity]:
                holders.setdefault(identity, []).append(key)
    return list(holders.values())


def circles(references: dict[int, set[int]]) -> list[list[int]]:
    """The sets of keys that lead to each other. There are few keys: functions and classes that name others."""
    reachable: dict[int, set[int]] = {}
    for key in references:
        found: set[int] = set()
        queue = [key]
        while queue:
            for other in references.get(queue.pop(), ()):
                if other not in found:
                    found.add(other)
                    queue.append(other)
        reachable[key] = found
    together: list[list[int]] = []
    for key, found in reachable.items():
        if key in found and not any(key in circle for circle in together):
            together.append([other for other in reachable if other in found and key in reachable[other]])
    return together


_WITH_FRAME = frozenset({types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType})
_PASSED_OVER = (types.ModuleType, type, types.FrameType, types.CodeType)


def walk(root: object, namespace: dict[str, Any]) -> tuple[list[object], Reach]:
    """What an object that can't be pickled refers to, and the names that code inside it mentions.

    A generator that iterates over a list of the session changes with it, so it has to be known as tied to it.
    """
    seen: dict[int, object] = {id(root): root}
    queue: list[object] = [root]
    reach = NOTHING
    while queue:
        obj = queue.pop()
        kind = type(obj)  # and not isinstance(), which asks the object
        if issubclass(kind, weakref.ReferenceType):
            referents: Iterable[Any] = [weakref.ReferenceType.__call__(obj)]  # type: ignore[arg-type]
        elif kind is types.FunctionType:
            function = cast("types.FunctionType", obj)
            if function.__globals__ is namespace:
                reach |= reach_of_code(function.__code__)
            referents = [function.__closure__, function.__defaults__, function.__kwdefaults__, function.__dict__]
        else:
            if kind in _WITH_FRAME:
                attributes = ("gi_code", "cr_code", "ag_code")
                reach |= reach_of_code(next(getattr(obj, name) for name in attributes if hasattr(obj, name)))
            referents = gc.get_referents(obj)
            if any(id(referent) in ESCAPES for referent in referents):
                reach = EVERYTHING
        for referent in referents:
            if (
                id(referent) in seen
                or referent is namespace
                or issubclass(type(referent), _PASSED_OVER)
                or (is_immutable(type(referent)) and type(referent) is not types.FunctionType)
            ):
                continue
            seen[id(referent)] = referent
            queue.append(referent)
        if len(seen) > WALK_LIMIT:
            return list(seen.values()), EVERYTHING
    return list(seen.values()), reach
