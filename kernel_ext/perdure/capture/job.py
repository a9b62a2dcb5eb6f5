"""Jobs: pickling the roots of one co-variable, or one new object, whatever its own code does meanwhile."""

from __future__ import annotations

import pickle
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from perdure.capture import guard
from perdure.capture.covariables import CoVariable
from perdure.capture.pickler import Pickled, dump
from perdure.capture.reach import EVERYTHING, NOTHING, Reach
from perdure.capture.sharing import Footprint, walk
from perdure.capture.table import LEAVES

_HUNG = f"its pickling made no progress for {guard.STALL:g} s"


@dataclass
class Job:
    """One unit to pickle, and what came of it: a stream of the roots that could be, and reasons for those that could not."""

    roots: list[tuple[int, Any]]
    covariable: CoVariable | None = None
    pickled: Pickled | None = None
    failed: dict[int, str] = field(default_factory=dict)
    reach: Reach = NOTHING
    hung: bool = False
    seconds: float = 0.0
    _walked: dict[int, list[object]] = field(default_factory=dict)

    @property
    def identities(self) -> list[int]:
        return [identity for identity, _ in self.roots]

    @property
    def kept(self) -> list[int]:
        """The roots that could be pickled, in stream order."""
        return [identity for identity, _ in self.roots if identity not in self.failed]

    def run(self, user_ns: dict[str, Any]) -> Job:
        """Pickle the roots. Never raises."""
        began = time.perf_counter()
        if self.covariable is not None and self.covariable.hung:
            self.failed = dict.fromkeys(self.identities, _HUNG)  # once is enough
        else:
            self._pickle(user_ns)
        if self.pickled is not None:
            self.reach = self.pickled.reach | Reach(self.pickled.references)
        self.hung = _HUNG in self.failed.values()
        try:
            self._look_inside(user_ns)
        except BaseException as error:  # noqa: BLE001 - as in _pickle: an object that lies about itself, say
            self.pickled, self._walked = None, {}
            self.failed = dict.fromkeys(self.identities, _reason(error))
            self.reach = EVERYTHING
        self.seconds = time.perf_counter() - began
        return self

    def _look_inside(self, user_ns: dict[str, Any]) -> None:
        """What the roots lead to, besides what their pickles tell."""
        for identity, obj in self.roots:
            if identity in self.failed:
                self._walked[identity], reach = walk(obj, user_ns)
                self.reach |= reach

    def again(self, user_ns: dict[str, Any]) -> Pickled:
        """Pickle once more what could be pickled."""
        return _dump([obj for identity, obj in self.roots if identity not in self.failed], user_ns, self._windowed)

    @property
    def _windowed(self) -> frozenset[int]:
        """What was kept whole for the sake of its views, while the same names have it."""
        known = self.covariable
        return known.windows if known is not None and list(known.roots) == self.identities else frozenset()

    def _pickle(self, user_ns: dict[str, Any]) -> None:
        """Pickle all roots together; if that fails, find out which are at fault and keep the others, together."""
        try:
            self.pickled = _dump([obj for _, obj in self.roots], user_ns, self._windowed)
            return
        except BaseException as error:  # noqa: BLE001 - an object's own code may raise anything
            if len(self.roots) == 1:
                self.failed = {self.roots[0][0]: _reason(error)}
                return
        for identity, obj in self.roots:
            try:
                _dump([obj], user_ns)
            except BaseException as error:  # noqa: BLE001 - as above
                self.failed[identity] = _reason(error)
        if self.kept:
            try:
                self.pickled = self.again(user_ns)
            except BaseException as error:  # noqa: BLE001 - as above
                self.failed = dict.fromkeys(self.identities, _reason(error))

    @cached_property
    def footprints(self) -> dict[int, Footprint]:
        """What each root reaches."""
        objects = dict(self.roots)
        found = {identity: Footprint(objects[identity], self._walked.get(identity, ())) for identity in self.failed}
        if self.pickled is not None:
            addresses = self.pickled.addresses or [set() for _ in self.kept]
            for identity, visited, by_value, memory in zip(
                self.kept, self.pickled.visited, self.pickled.by_value, addresses, strict=True
            ):
                found[identity] = Footprint(objects[identity], visited, by_value, memory)
        return {identity: found[identity] for identity in self.identities if identity in found}


def _dump(roots: Sequence[Any], user_ns: dict[str, Any], windowed: frozenset[int] = frozenset()) -> Pickled:
    if len(roots) == 1 and type(roots[0]) in LEAVES:
        return Pickled(pickle.dumps(roots[0], protocol=5), visited=[[]], by_value=[[]])
    return dump(roots, user_ns, windowed)


def _reason(error: BaseException) -> str:
    if isinstance(error, guard.TookTooLong):
        return _HUNG
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__
