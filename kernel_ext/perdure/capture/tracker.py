"""What is alive and what it was at the last commit: the table of names, co-variables and fingerprints.

``scan`` is step 2 to 3 of a commit (DESIGN.md): it looks at what the cell could reach, pickles that and nothing else, finds
the co-variables anew among it, and says which of them differ from what was there before. It keeps no object alive.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Hashable, Iterable, Sequence, Set
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from perdure.capture import guard
from perdure.capture.covariables import Footprint, circles, components, walk
from perdure.capture.fingerprint import BufferPrint, Fingerprint
from perdure.capture.pickler import Pickled, dump
from perdure.capture.reach import NOTHING, Reach

#: Immutable values that are held on to, so that identity alone proves that they are the same.
_LEAVES: frozenset[type] = frozenset({type(None), bool, int, float, complex, str, bytes})
_SMALL = 1024

#: Bytes that a value whose pickle differs each time may add in all before it counts as not capturable.
VOLATILE_BUDGET = 16 * 1024 * 1024


@dataclass(slots=True, eq=False)
class CoVariable:
    """A largest set of names that share mutable objects.

    ``roots`` are the ids of the objects that the names are bound to; ``slots`` gives a root's place in the snapshot, and
    ``reasons`` why a root has none. ``version`` counts the changes; ``durable`` is the version that the store has, under
    the id ``saved``, both set by whoever saves. ``constant`` marks an immutable value, which names may share at will.
    """

    roots: tuple[int, ...]
    slots: dict[int, int] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)
    fingerprint: Fingerprint | None = None
    references: frozenset[str] = frozenset()
    reach: Reach = NOTHING
    drawn: bool = False
    constant: bool = False
    version: int = 0
    durable: int = -1
    saved: str | None = None
    saving: bool = False
    hung: bool = False
    seconds: float = 0.0
    streak: int = 0
    volatile_bytes: int = -1
    generation: int = 0
    checked: float = 0.0

    @property
    def snapshot(self) -> str | None:
        """The store's id of the present version, once it has it."""
        return self.saved if self.durable == self.version else None

    @property
    def kept(self) -> bool:
        """Whether the present version is in the store or on its way there."""
        return self.saving or self.durable == self.version


@dataclass(slots=True)
class Tracked:
    """One name: the object that it was last seen bound to, by id (or by a hold on it, if it is small and immutable)."""

    identity: int
    kind: type
    anchor: object
    covariable: CoVariable


@dataclass(slots=True)
class Change:
    """A co-variable whose bytes have to be saved: its stream, and the chunks of its buffers that are new.

    ``sources`` says, per buffer and chunk, which earlier fingerprint has the same bytes (its id is known by the time
    that this change is written), or ``None``.
    """

    covariable: CoVariable
    version: int
    fingerprint: Fingerprint
    stream: bytes
    buffers: list[memoryview]
    sources: list[list[tuple[BufferPrint, int] | None]]


@dataclass(slots=True)
class Scan:
    """The state of the namespace at one moment, and what has to be saved for it.

    ``bindings`` gives each name's co-variable, its version and the name's place in it; ``missing`` why a name has none,
    and a number that grows whenever the value may have changed.
    """

    bindings: dict[str, tuple[CoVariable, int, int]]
    changes: list[Change]
    missing: dict[str, tuple[str, int]]
    touched: frozenset[str]
    seconds: float = 0.0


@dataclass(slots=True)
class _Job:
    """One unit to pickle: the roots of a touched co-variable, or one new object."""

    roots: list[tuple[int, Any]]
    covariable: CoVariable | None = None
    pickled: Pickled | None = None
    failed: dict[int, str] = field(default_factory=dict)
    reach: Reach = NOTHING
    walked: dict[int, list[object]] = field(default_factory=dict)
    seconds: float = 0.0


class Tracker:
    """Follows the names of one namespace from scan to scan.

    :param user_ns: the globals in which the session's functions live.
    """

    def __init__(self, user_ns: dict[str, Any]) -> None:
        self.user_ns = user_ns
        self.table: dict[str, Tracked] = {}
        self._generation = 0

    # -- what a cell may have touched --------------------------------------------------------------------------

    def _closure(self, names: Iterable[str], everything: bool, seen: set[CoVariable]) -> set[CoVariable]:
        """The co-variables behind ``names``, and behind the names that code inside them mentions. Adds to ``seen``."""
        queue = list(self.table) if everything else list(names)
        found: set[CoVariable] = set()
        while queue:
            tracked = self.table.get(queue.pop())
            if tracked is None or tracked.covariable in seen:
                continue
            covariable = tracked.covariable
            seen.add(covariable)
            found.add(covariable)
            if covariable.reach.everything:
                queue.extend(self.table)
            queue.extend(covariable.reach.names)
            queue.extend(covariable.references)
        return found

    def _draws(self, names: Iterable[str], current: dict[str, Any]) -> bool:
        """Whether the names include a plotting library, which holds on to the current figure by itself."""
        return any(
            str(getattr(current[name], "__module__", None) or getattr(current[name], "__name__", "")).partition(".")[0]
            in ("matplotlib", "seaborn", "mpl_toolkits", "pylab")
            for name in names
            if name in current and not isinstance(current[name], (int, float, str, list, dict, tuple))
        )

    # -- the scan ----------------------------------------------------------------------------------------------

    def scan(self, current: dict[str, Any], reach: Reach, also: Set[CoVariable] = frozenset()) -> Scan:
        """Compare ``current`` (the names with their objects) with what was last seen, within ``reach``."""
        began = time.perf_counter()
        with guard.undisturbed():
            scan = self._scan(current, reach, also)
        scan.seconds = time.perf_counter() - began
        return scan

    def _scan(self, current: dict[str, Any], reach: Reach, also: Set[CoVariable]) -> Scan:
        self._generation += 1
        rebound = self._rebound(current)
        gone = self.table.keys() - current.keys()
        for name in gone:
            del self.table[name]

        seen: set[CoVariable] = set()
        shifted = rebound.keys() | gone
        touched = self._closure(reach.names, reach.everything, seen)
        covariables = self.covariables()
        touched |= {
            c
            for c in covariables
            if c in also or not c.references.isdisjoint(shifted) or (c.slots and not c.kept)
        }
        if any(c.drawn for c in covariables) and self._draws(reach.names, current):
            touched |= {c for c in covariables if c.drawn}

        # Objects that names are still bound to; a rebound name may only be another name for one of them.
        names_of: dict[int, list[str]] = {}
        for name, obj in current.items():
            names_of.setdefault(id(obj), []).append(name)
        alive = {tracked.identity: tracked.covariable for name, tracked in self.table.items() if name not in rebound}
        for name, obj in rebound.items():
            covariable = alive.get(id(obj))
            if covariable is not None:
                self._track(name, obj, covariable)
            else:
                self.table.pop(name, None)
        fresh = {id(obj): obj for obj in rebound.values() if id(obj) not in alive}

        jobs = [_Job([(identity, obj)]) for identity, obj in fresh.items()]
        for job in jobs:
            self._pickle(job)
        pending = touched
        for job in jobs:
            pending |= self._closure(job.reach.names, job.reach.everything, seen)
        by_covariable = self._live_roots(current)
        while pending:
            batch, pending = pending, set()
            for covariable in batch:
                roots = by_covariable.get(covariable)
                if roots is None or self._is_settled(covariable, roots):
                    continue
                job = _Job(roots, covariable)
                self._pickle(job)
                jobs.append(job)
                pending |= self._closure(job.reach.names, job.reach.everything, seen)

        changes = self._regroup(jobs, self._circles(jobs, by_covariable, current), names_of, current)
        touched_names = frozenset(
            name for job in jobs for identity, _ in job.roots for name in names_of.get(identity, ())
        )
        return self._result(changes, touched_names)

    def _circles(
        self, jobs: list[_Job], roots_of: dict[CoVariable, list[tuple[int, Any]]], current: dict[str, Any]
    ) -> list[list[Hashable]]:
        """Roots whose functions and classes refer to each other by name in a circle: neither can be made first.

        They become one co-variable. Those that the cell did not touch are added to ``jobs``.
        """
        job_of = {identity: job for job in jobs for identity, _ in job.roots}
        resting = {
            identity: covariable
            for covariable, roots in roots_of.items()
            if covariable.references
            for identity, _ in roots
            if identity not in job_of
        }
        references: dict[Hashable, set[Hashable]] = {}
        for identity, job in job_of.items():
            if job.pickled is not None and job.pickled.references:
                references[identity] = {id(current[name]) for name in job.pickled.references if name in current}
        if not references:
            return []
        for identity, covariable in resting.items():
            references[identity] = {id(current[name]) for name in covariable.references if name in current}
        found = circles(references)
        for covariable in {resting[identity] for circle in found for identity in circle if identity in resting}:  # type: ignore[index]
            job = _Job(roots_of[covariable], covariable)
            self._pickle(job)
            jobs.append(job)
        return found

    def _rebound(self, current: dict[str, Any]) -> dict[str, Any]:
        table = self.table
        rebound = {}
        for name, obj in current.items():
            tracked = table.get(name)
            if tracked is None or tracked.identity != id(obj) or tracked.kind is not type(obj):
                rebound[name] = obj
        return rebound

    def _live_roots(self, current: dict[str, Any]) -> dict[CoVariable, list[tuple[int, Any]]]:
        found: dict[CoVariable, dict[int, Any]] = {}
        for name, tracked in self.table.items():
            found.setdefault(tracked.covariable, {})[tracked.identity] = current[name]
        return {
            covariable: [(identity, roots[identity]) for identity in covariable.roots if identity in roots]
            for covariable, roots in found.items()
        }

    @staticmethod
    def _is_settled(covariable: CoVariable, roots: list[tuple[int, Any]]) -> bool:
        """Whether identity alone shows that nothing changed: one value that is held on to."""
        return len(roots) == 1 and covariable.kept and _is_leaf(roots[0][1])

    # -- pickling ----------------------------------------------------------------------------------------------

    def _pickle(self, job: _Job) -> None:
        began = time.perf_counter()
        if job.covariable is not None and job.covariable.hung:
            job.failed = {identity: _HUNG for identity, _ in job.roots}
        else:
            try:
                job.pickled = self._dump([obj for _, obj in job.roots])
            except BaseException as error:
                if len(job.roots) == 1:
                    job.failed = {job.roots[0][0]: _reason(error)}
                else:
                    self._pickle_each(job)
            if job.pickled is not None:
                job.reach = job.pickled.reach | Reach(job.pickled.references)
        for identity, obj in job.roots:
            if identity in job.failed:
                job.walked[identity], reach = walk(obj, self.user_ns)
                job.reach |= reach
        job.seconds = time.perf_counter() - began

    def _pickle_each(self, job: _Job) -> None:
        """Find out which roots are at fault; the others are kept, together."""
        for identity, obj in job.roots:
            try:
                self._dump([obj])
            except BaseException as error:
                job.failed[identity] = _reason(error)
        kept = [obj for identity, obj in job.roots if identity not in job.failed]
        if kept:
            try:
                job.pickled = self._dump(kept)
            except BaseException as error:
                job.failed = {identity: _reason(error) for identity, _ in job.roots}

    def _dump(self, roots: Sequence[Any]) -> Pickled:
        if len(roots) == 1 and type(roots[0]) in _LEAVES:
            return Pickled(pickle.dumps(roots[0], protocol=5), visited=[[]], by_value=[[]])
        return dump(roots, self.user_ns)

    # -- co-variables ------------------------------------------------------------------------------------------

    def _regroup(
        self,
        jobs: list[_Job],
        together: list[list[Hashable]],
        names_of: dict[int, list[str]],
        current: dict[str, Any],
    ) -> list[Change]:
        owner = {identity: job for job in jobs for identity, _ in job.roots}
        objects = {identity: obj for job in jobs for identity, obj in job.roots}
        if len(owner) == 1:
            groups: list[list[Hashable]] = [list(owner)]
            drawn = set()
        else:
            footprints = {
                identity: footprint for job in jobs for identity, footprint in self._footprints(job).items()
            }
            groups = components(footprints, together)
            drawn = {identity for identity, footprint in footprints.items() if _is_drawn(footprint.kinds)}
        if len(owner) == 1:
            for job in jobs:
                for identity, footprint in self._footprints(job).items():
                    if _is_drawn(footprint.kinds):
                        drawn.add(identity)

        known = self._known_chunks(jobs)
        changes = []
        for group in groups:
            job = owner[group[0]]  # type: ignore[index]
            if [identity for identity, _ in job.roots] != group:
                job = _Job([(identity, objects[identity]) for identity in group])  # type: ignore[index,misc]
                self._pickle(job)
            change = self._settle(job, known)
            covariable = job.covariable
            assert covariable is not None
            covariable.drawn = not drawn.isdisjoint(covariable.roots)
            for identity in covariable.roots:
                for name in names_of[identity]:
                    self._track(name, current[name], covariable)
            if change is not None:
                changes.append(change)
        return changes

    def _footprints(self, job: _Job) -> dict[int, Footprint]:
        pickled = job.pickled
        found = {}
        index = 0
        for identity, _ in job.roots:
            if identity in job.failed:
                found[identity] = Footprint(job.walked.get(identity, ()))
            elif pickled is not None:
                addresses = pickled.addresses[index] if pickled.addresses else ()
                found[identity] = Footprint(pickled.visited[index], pickled.by_value[index], addresses)
                index += 1
        return found

    @staticmethod
    def _known_chunks(jobs: list[_Job]) -> dict[bytes, tuple[BufferPrint, int]]:
        return {
            digest: (buffer, at)
            for job in jobs
            if job.covariable is not None and job.covariable.fingerprint is not None and job.covariable.kept
            for buffer in job.covariable.fingerprint.buffers
            for at, digest in enumerate(buffer.digests)
        }

    def _settle(self, job: _Job, known: dict[bytes, tuple[BufferPrint, int]]) -> Change | None:
        """Make ``job.covariable`` what the pass found, and say whether its bytes have to be saved."""
        pickled = job.pickled
        roots = tuple(identity for identity, _ in job.roots)
        kept = [identity for identity in roots if identity not in job.failed]
        old = job.covariable
        covariable = old if old is not None and old.roots == roots else CoVariable(roots)
        job.covariable = covariable
        previous = covariable.fingerprint if list(covariable.slots) == kept else None
        covariable.slots = {identity: slot for slot, identity in enumerate(kept)}
        covariable.reasons = job.failed
        covariable.reach = job.reach
        covariable.references = pickled.references if pickled is not None else frozenset()
        covariable.seconds = job.seconds
        covariable.constant = len(roots) == 1 and type(job.roots[0][1]) in _LEAVES
        covariable.hung = _HUNG in job.failed.values()
        if job.failed:
            covariable.generation = self._generation
        if pickled is None:
            covariable.fingerprint = None
            return None

        fingerprint = Fingerprint.of(pickled.stream, pickled.buffers)
        if previous is not None and covariable.kept and fingerprint.same_as(previous):
            covariable.streak = 0
            return None
        if self._is_volatile(covariable, job, fingerprint):
            covariable.reasons = {identity: _VOLATILE for identity in roots}
            covariable.slots = {}
            covariable.generation = self._generation
            covariable.fingerprint = None
            return None
        covariable.fingerprint = fingerprint
        covariable.version += 1
        covariable.saving = True
        sources = [[known.get(digest) for digest in buffer.digests] for buffer in fingerprint.buffers]
        return Change(covariable, covariable.version, fingerprint, pickled.stream, pickled.buffers, sources)

    def _is_volatile(self, covariable: CoVariable, job: _Job, fingerprint: Fingerprint) -> bool:
        """Whether the co-variable has used up its budget for pickles that differ without a change.

        Only a value that changed at every look is pickled a second time to find out, and then ever more rarely.
        """
        covariable.streak += 1
        if covariable.volatile_bytes < 0 and covariable.streak >= 3 and covariable.streak & (covariable.streak - 1) == 0:
            kept = [obj for identity, obj in job.roots if identity not in job.failed]
            again = self._dump(kept)
            if not Fingerprint.of(again.stream, again.buffers).same_as(fingerprint):
                covariable.volatile_bytes = 0
        if covariable.volatile_bytes < 0 or job.pickled is None:
            return False
        covariable.volatile_bytes += len(job.pickled.stream) + sum(view.nbytes for view in job.pickled.buffers)
        return covariable.volatile_bytes > VOLATILE_BUDGET

    # -- the table ---------------------------------------------------------------------------------------------

    def _track(self, name: str, obj: Any, covariable: CoVariable) -> None:
        self.table[name] = Tracked(id(obj), type(obj), obj if _is_leaf(obj) else None, covariable)

    def _result(self, changes: list[Change], touched: frozenset[str]) -> Scan:
        bindings: dict[str, tuple[CoVariable, int, int]] = {}
        missing: dict[str, tuple[str, int]] = {}
        for name, tracked in self.table.items():
            covariable = tracked.covariable
            slot = covariable.slots.get(tracked.identity)
            if slot is not None:
                bindings[name] = (covariable, covariable.version, slot)
            else:
                reason = covariable.reasons.get(tracked.identity, "it could not be pickled")
                missing[name] = (reason, covariable.generation)
        return Scan(bindings, changes, missing, touched)

    # -- after a checkout --------------------------------------------------------------------------------------

    def adopt(self, groups: Iterable[tuple[str, int, dict[str, tuple[Any, int]]]], gone: Iterable[str]) -> None:
        """Take over values that were put into the namespace from snapshots.

        :param groups: per snapshot its id, its number of roots, and its names with their objects and root indices.
        :param gone: names that were deleted.
        """
        for name in gone:
            self.table.pop(name, None)
        with guard.undisturbed():
            for snapshot, count, names in groups:
                self._adopt(snapshot, count, names)

    def _adopt(self, snapshot: str, count: int, names: dict[str, tuple[Any, int]]) -> None:
        by_slot = {slot: obj for obj, slot in names.values()}
        roots = [by_slot[slot] for slot in sorted(by_slot)]
        covariable = CoVariable(tuple(map(id, roots)), {id(by_slot[slot]): slot for slot in sorted(by_slot)})
        covariable.saved, covariable.durable = snapshot, covariable.version
        try:
            pickled = self._dump(roots)
        except BaseException:
            pass  # it could be pickled when it was saved; the next scan will say what is wrong now
        else:
            covariable.references, covariable.reach = pickled.references, pickled.reach
            covariable.drawn = any(_is_drawn(set(map(type, visited))) for visited in pickled.visited)
            if len(roots) == count:
                covariable.fingerprint = Fingerprint.of(pickled.stream, pickled.buffers)
        for name, (obj, _slot) in names.items():
            self._track(name, obj, covariable)

    def covariables(self) -> set[CoVariable]:
        """All co-variables that a name is bound to."""
        return {tracked.covariable for tracked in self.table.values()}

    def marks(self, names: Iterable[str]) -> dict[str, tuple[str, int]]:
        """Why the names have no snapshot, as a scan would say it now."""
        found = {}
        for name in names:
            tracked = self.table.get(name)
            if tracked is not None:
                reason = tracked.covariable.reasons.get(tracked.identity, "")
                found[name] = (reason, tracked.covariable.generation)
        return found

    def forget_unsaved(self) -> None:
        """Saving failed: whatever was on its way is to be saved again at the next scan."""
        for tracked in self.table.values():
            tracked.covariable.saving = False


def _is_leaf(obj: object) -> bool:
    kind = type(obj)
    return (kind in _LEAVES and (kind not in (str, bytes) or len(obj) <= _SMALL)) or kind is ModuleType  # type: ignore[arg-type]


def _is_drawn(kinds: set[type]) -> bool:
    return any(kind.__module__.startswith("matplotlib") for kind in kinds)


_VOLATILE = "its pickle differs each time it is made, so changes can't be told; earlier versions are kept"
_HUNG = f"its pickling made no progress for {guard.STALL:g} s"


def _reason(error: BaseException) -> str:
    if isinstance(error, guard.TookTooLong):
        return _HUNG
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__


