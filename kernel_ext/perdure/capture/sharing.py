"""Sharing: which roots reach the same mutable objects, and so belong to one co-variable.

*ElasticNotebook* (section 4) and *Kishu* (section 4.2) find them by walking each object graph in Python. Here the C pickler's own pass
has listed the objects, so finding them is a few set operations in C; what can't be pickled is walked through the garbage
collector's references instead.
"""

from __future__ import annotations

import gc
import types
from collections.abc import Hashable, Iterable, Sequence
from functools import cached_property
from itertools import compress
from typing import Any

from perdure.capture.libraries import class_containers, is_immutable, is_process_singleton
from perdure.capture.reach import EVERYTHING, NOTHING, Reach, reach_of_code

#: Objects that the walk over an unpicklable value looks at, at most.
WALK_LIMIT = 50_000


class Footprint:
    """The objects that one root reaches and that could tie it to another. Holds them alive, so that ids stay theirs."""

    def __init__(
        self, visited: Sequence[object], by_value: Sequence[object] = (), addresses: Iterable[int] = ()
    ) -> None:
        self._addresses = addresses
        self._visited = visited
        self._by_value = by_value
        self.kinds = set(map(type, visited))

    @cached_property
    def ids(self) -> set[int]:
        """The ids of the objects that can change, and shared memory as negative addresses. Strings are passed over in C."""
        tieable = {kind for kind in self.kinds if not is_immutable(kind)}
        found = set(map(id, compress(self._visited, map(tieable.__contains__, map(type, self._visited)))))
        found.update(map(id, self._by_value))
        found.update(-address for address in self._addresses)
        return found

    @property
    def size(self) -> int:
        """How many objects it lists."""
        return len(self._visited)

    def ids_among(self, others: set[int]) -> set[int]:
        """Those of its ids that are among ``others``: one pass in C, without a set of its own."""
        found = set(filter(others.__contains__, map(id, self._visited)))
        found.update(others.intersection(map(id, self._by_value)), others.intersection(-at for at in self._addresses))
        return found

    @cached_property
    def library_owned(self) -> set[int]:
        """The ids of containers that belong to the classes of its objects."""
        return set().union(*map(class_containers, self.kinds))

    def find(self, ids: set[int]) -> list[object]:
        """The objects behind some of the ids."""
        found = {id(obj): obj for source in (self._visited, self._by_value) for obj in source if id(obj) in ids}
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


def components(
    footprints: dict[Hashable, Footprint], circles: Iterable[Sequence[Hashable]] = ()
) -> list[list[Hashable]]:
    """Group the keys whose footprints share an object that ties. The order of the keys is kept.

    :param circles: keys that belong together all the same, because they refer to each other by name.
    """
    parent: dict[Hashable, Hashable] = {key: key for key in footprints}

    def leader(key: Hashable) -> Hashable:
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for group in [*_ties(footprints), *circles]:
        for key in group:
            parent[leader(key)] = leader(group[0])
    groups: dict[Hashable, list[Hashable]] = {}
    for key in footprints:
        groups.setdefault(leader(key), []).append(key)
    return list(groups.values())


def _ties(footprints: dict[Hashable, Footprint]) -> list[list[Hashable]]:
    """For each object that ties, the keys whose footprints have it."""
    # The largest may list millions of objects, of which only those matter that some other lists too.
    largest = max(footprints, key=lambda key: footprints[key].size, default=None)
    seen: set[int] = set()
    common: set[int] = set()
    for key, footprint in footprints.items():
        if key != largest:
            common |= seen & footprint.ids
            seen |= footprint.ids
    if largest is None or not seen:
        return []
    in_largest = footprints[largest].ids_among(seen)
    common |= in_largest
    holders: dict[int, list[Hashable]] = {}
    verdicts: dict[int, bool] = {}
    for key, footprint in footprints.items():
        shared = in_largest if key == largest else footprint.ids & common
        unknown = shared - verdicts.keys()
        verdicts.update((address, True) for address in unknown if address < 0)
        for obj in footprint.find(unknown) if unknown else ():
            verdicts[id(obj)] = id(obj) not in footprint.library_owned and really_ties(obj)
        for identity in shared:
            if verdicts[identity]:
                holders.setdefault(identity, []).append(key)
    return list(holders.values())


def circles(references: dict[Hashable, set[Hashable]]) -> list[list[Hashable]]:
    """The sets of keys that lead to each other. There are few keys: functions and classes that name others."""
    reachable: dict[Hashable, set[Hashable]] = {}
    for key in references:
        found: set[Hashable] = set()
        queue = [key]
        while queue:
            for other in references.get(queue.pop(), ()):
                if other not in found:
                    found.add(other)
                    queue.append(other)
        reachable[key] = found
    together: list[list[Hashable]] = []
    for key, found in reachable.items():
        if key in found and not any(key in circle for circle in together):
            together.append([other for other in reachable if other in found and key in reachable[other]])
    return together


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
        if isinstance(obj, types.FunctionType):
            if obj.__globals__ is namespace:
                reach |= reach_of_code(obj.__code__)
            referents: Iterable[Any] = [obj.__closure__, obj.__defaults__, obj.__kwdefaults__, obj.__dict__]
        else:
            if isinstance(obj, (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)):
                code = getattr(obj, "gi_code", None) or getattr(obj, "cr_code", None) or getattr(obj, "ag_code", None)
                if code is not None:
                    reach |= reach_of_code(code)
            referents = gc.get_referents(obj)
        for referent in referents:
            if (
                id(referent) in seen
                or referent is namespace
                or isinstance(referent, _PASSED_OVER)
                or (is_immutable(type(referent)) and not isinstance(referent, types.FunctionType))
            ):
                continue
            seen[id(referent)] = referent
            queue.append(referent)
        if len(seen) > WALK_LIMIT:
            return list(seen.values()), EVERYTHING
    return list(seen.values()), reach
