"""The tracker: what is alive, compared with what it was at the last commit.

``scan`` is steps 2 and 3 of a commit (DESIGN.md): it looks at what the cell could reach, pickles that and nothing else,
finds the co-variables anew among it, and says which of them differ from what was there before.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any

from perdure.capture import guard
from perdure.capture.covariables import Change, CoVariable, Scan
from perdure.capture.figures import is_drawn
from perdure.capture.fingerprint import BufferPrint, Fingerprint
from perdure.capture.job import Job
from perdure.capture.reach import Reach
from perdure.capture.sharing import Footprint, circles, components
from perdure.capture.table import LEAVES, Table, is_leaf

#: Bytes that a value whose pickle differs each time may add in all before it counts as not capturable.
VOLATILE_BUDGET = 16 * 1024 * 1024

_VOLATILE = "its pickle differs each time it is made, so changes can't be told; earlier versions are kept"

#: Libraries that keep hold of a current figure: what they are asked to do changes it without its being named.
_PLOTTING = frozenset({"matplotlib", "seaborn", "mpl_toolkits", "pylab"})


class Tracker:
    """Follows the names of one namespace from scan to scan.

    :param user_ns: the globals in which the session's functions live.
    """

    def __init__(self, user_ns: dict[str, Any]) -> None:
        self.user_ns = user_ns
        self.table = Table()
        self._generation = 0
        self._referring: dict[CoVariable, None] = {}
        self._drawn: dict[CoVariable, None] = {}
        self._unsaved = False

    # -- the scan ----------------------------------------------------------------------------------------------

    def scan(self, current: dict[str, Any], reach: Reach, also: AbstractSet[CoVariable] = frozenset()) -> Scan:
        """Compare ``current`` (the names with their objects) with what was last seen, within ``reach``.

        :param also: co-variables to look at besides.
        """
        with guard.undisturbed():
            jobs = self._look(current, reach, also)
            together = self._find_circles(jobs, current)
            jobs.sort(key=lambda job: job.covariable is None)  # new objects come after those that they refer to
            changes = self._regroup(jobs, together, current)
        table = self.table
        touched = frozenset(name for job in jobs for identity in job.identities for name in table.names_of(identity))
        regrouped = frozenset(name for identity in self._regrouped for name in table.names_of(identity))
        scan = Scan(dict(table.bindings), changes, dict(table.missing), touched, regrouped)
        self._withdraw(scan)
        return scan

    def _withdraw(self, scan: Scan) -> None:
        """What refers by name to a definition that can't be captured can't be restored either: say so now."""
        waiting = list(self._referring)
        while waiting:
            lost = [covariable for covariable in waiting if not covariable.references.isdisjoint(scan.missing)]
            for covariable in lost:
                definition = min(covariable.references & scan.missing.keys())
                for name in self.table.names_in(covariable):
                    scan.bindings.pop(name, None)
                    reason = f"it refers to {definition!r}, which could not be captured"
                    scan.missing.setdefault(name, (reason, covariable.version))
            if not lost:
                return
            waiting = [covariable for covariable in waiting if covariable not in lost]

    def _look(self, current: dict[str, Any], reach: Reach, also: AbstractSet[CoVariable]) -> list[Job]:
        """Pickle what is new and what the reach leads to."""
        self._generation += 1
        table = self.table
        rebound = table.rebound(current)
        gone = table.entries.keys() - current.keys()
        self._forget_dead()
        seen: set[CoVariable] = set()
        pending = self._closure(reach, seen) | {covariable for covariable in also if table.names_in(covariable)}
        shifted = rebound.keys() | gone
        pending |= {covariable for covariable in self._referring if not covariable.references.isdisjoint(shifted)}
        if self._drawn and self._plots(reach.names, current):
            pending |= self._drawn.keys()
        if self._unsaved:
            pending |= {covariable for covariable in table.covariables() if covariable.slots and not covariable.kept}
            self._unsaved = False

        # A name that is bound anew may only be another name for an object that is known.
        for name in shifted:
            table.drop(name)
        fresh: dict[int, Any] = {}
        waiting: dict[int, list[str]] = {}
        for name, obj in rebound.items():
            covariable = table.covariable_of(id(obj))
            if covariable is not None:
                table.put(name, obj, covariable)
            else:
                fresh[id(obj)] = obj
                waiting.setdefault(id(obj), []).append(name)
        self._waiting = waiting

        jobs = [Job([(identity, obj)]).run(self.user_ns) for identity, obj in fresh.items()]
        for job in jobs:
            pending |= self._closure(job.reach, seen)
        seen |= pending
        while pending:
            batch, pending = pending, set()
            for covariable in batch:
                roots = table.roots(covariable, current)
                if not roots or self._is_settled(covariable, roots):
                    continue
                job = Job(roots, covariable).run(self.user_ns)
                jobs.append(job)
                pending |= self._closure(job.reach, seen)
        return jobs

    def _closure(self, reach: Reach, seen: set[CoVariable]) -> set[CoVariable]:
        """The co-variables behind the names, and behind the names that code inside them mentions. Adds to ``seen``."""
        queue: list[str] = list(self.table if reach.everything else reach.names)
        found: set[CoVariable] = set()
        while queue:
            covariable = self.table.get(queue.pop())
            if covariable is None or covariable in seen:
                continue
            seen.add(covariable)
            found.add(covariable)
            queue.extend(self.table if covariable.reach.everything else covariable.reach.names)
            queue.extend(covariable.references)
        return found

    def _plots(self, names: Iterable[str], current: dict[str, Any]) -> bool:
        """Whether one of the names is a plotting library, or comes from one."""
        for name in names:
            value = current.get(name)
            home = getattr(value, "__name__" if type(value) is type(guard) else "__module__", None)
            if isinstance(home, str) and home.partition(".")[0] in _PLOTTING:
                return True
        return False

    @staticmethod
    def _is_settled(covariable: CoVariable, roots: list[tuple[int, Any]]) -> bool:
        """Whether identity alone shows that nothing changed: one value that is held on to."""
        return len(roots) == 1 and covariable.kept and is_leaf(roots[0][1])

    def _forget_dead(self) -> None:
        for index in (self._referring, self._drawn):
            for covariable in [covariable for covariable in index if not self.table.names_in(covariable)]:
                del index[covariable]

    # -- co-variables ------------------------------------------------------------------------------------------

    def _find_circles(self, jobs: list[Job], current: dict[str, Any]) -> list[list[int]]:
        """Roots whose functions and classes refer to each other by name in a circle: neither can be made first.

        They become one co-variable. Those that the cell did not touch are added to ``jobs``.
        """
        references: dict[int, set[int]] = {}

        def note(identities: Iterable[int], names: frozenset[str]) -> None:
            for identity in identities:
                references[identity] = {id(current[name]) for name in names if name in current}

        for job in jobs:
            if job.pickled is not None and job.pickled.references:
                note(job.identities, job.pickled.references)
        if not references:
            return []
        at_hand = {identity for job in jobs for identity in job.identities}
        resting: dict[int, CoVariable] = {}
        for covariable in self._referring:
            roots = [identity for identity, _ in self.table.roots(covariable, current) if identity not in at_hand]
            note(roots, covariable.references)
            resting.update(dict.fromkeys(roots, covariable))
        found = circles(references)
        for covariable in {resting[identity] for circle in found for identity in circle if identity in resting}:
            jobs.append(Job(self.table.roots(covariable, current), covariable).run(self.user_ns))
        return found

    def _regroup(self, jobs: list[Job], together: list[list[int]], current: dict[str, Any]) -> list[Change]:
        """Find the co-variables among what was looked at, enter them into the table, and say what has to be saved."""
        owner: dict[int, Job] = {identity: job for job in jobs for identity in job.identities}
        objects: dict[int, tuple[int, Any]] = {root[0]: root for job in jobs for root in job.roots}
        footprints: dict[int, Footprint] = {
            identity: footprint for job in jobs for identity, footprint in job.footprints.items()
        }
        drawn = {identity for identity, footprint in footprints.items() if is_drawn(footprint.kinds)}
        known = _known_chunks(jobs)
        self._regrouped: set[int] = set()
        changes = []
        for group in components(footprints, together):
            job = owner[group[0]]
            if job.identities != group:
                for part in {id(owner[identity]): owner[identity] for identity in group}.values():
                    if _is_unchanged(part):
                        self._regrouped.update(part.identities)
                job = Job([objects[identity] for identity in group]).run(self.user_ns)
            change = self._settle(job, known)
            covariable = job.covariable
            assert covariable is not None
            covariable.drawn = not drawn.isdisjoint(covariable.roots)
            self._enter(job, covariable, current)
            if change is not None:
                changes.append(change)
        return changes

    def _enter(self, job: Job, covariable: CoVariable, current: dict[str, Any]) -> None:
        for identity in covariable.roots:
            for name in [*self.table.names_of(identity), *self._waiting.pop(identity, ())]:
                if self.table.get(name) is covariable:
                    self.table.refresh(name)
                else:
                    self.table.put(name, current[name], covariable)
        self._index(covariable)

    def _index(self, covariable: CoVariable) -> None:
        for index, belongs in ((self._referring, bool(covariable.references)), (self._drawn, covariable.drawn)):
            if belongs:
                index[covariable] = None
            else:
                index.pop(covariable, None)

    def _settle(self, job: Job, known: dict[bytes, tuple[BufferPrint, int]]) -> Change | None:
        """Make ``job.covariable`` what the pass found, and say whether its bytes have to be saved."""
        pickled, roots, kept = job.pickled, tuple(job.identities), job.kept
        old = job.covariable
        covariable = job.covariable = old if old is not None and old.roots == roots else CoVariable(roots)
        previous = covariable.fingerprint if list(covariable.slots) == kept else None
        covariable.slots = {identity: slot for slot, identity in enumerate(kept)}
        covariable.reasons = job.failed
        covariable.reach = job.reach
        covariable.references = pickled.references if pickled is not None else frozenset()
        covariable.windows = pickled.windows if pickled is not None else frozenset()
        covariable.seconds = job.seconds
        covariable.constant = len(roots) == 1 and type(job.roots[0][1]) in LEAVES
        covariable.hung = job.hung
        if job.failed:
            covariable.generation = self._generation
        if pickled is None:
            covariable.fingerprint = None
            return None

        fingerprint = Fingerprint.of(pickled.stream, pickled.buffers, pickled.parts)
        if previous is not None and covariable.kept and fingerprint.same_as(previous):
            covariable.streak = 0
            return None
        if self._is_volatile(covariable, job, fingerprint):
            covariable.reasons = dict.fromkeys(roots, _VOLATILE)
            covariable.slots = {}
            covariable.generation = self._generation
            covariable.fingerprint = None
            return None
        if previous is not None:
            self._regrouped.update(_unchanged_roots(job, previous, fingerprint))
        covariable.fingerprint = fingerprint
        covariable.version += 1
        covariable.saving = True
        sources = [[known.get(digest) for digest in buffer.digests] for buffer in fingerprint.buffers]
        return Change(covariable, covariable.version, fingerprint, pickled.stream, pickled.buffers, sources)

    def _is_volatile(self, covariable: CoVariable, job: Job, fingerprint: Fingerprint) -> bool:
        """Whether the co-variable has used up its budget for pickles that differ without a change.

        Only a value that changed at every look is pickled a second time to find out, and then ever more rarely.
        """
        covariable.streak += 1
        suspect = covariable.streak >= 3 and covariable.streak & (covariable.streak - 1) == 0
        if covariable.volatile_bytes < 0 and suspect:
            again = job.again(self.user_ns)
            if not Fingerprint.of(again.stream, again.buffers).same_as(fingerprint):
                covariable.volatile_bytes = 0
        if covariable.volatile_bytes < 0 or job.pickled is None:
            return False
        covariable.volatile_bytes += len(job.pickled.stream) + sum(view.nbytes for view in job.pickled.buffers)
        return covariable.volatile_bytes > VOLATILE_BUDGET

    # -- after a checkout, or a failure to save ----------------------------------------------------------------

    def adopt(self, snapshot: str, count: int, names: dict[str, tuple[Any, int]], stored: Fingerprint) -> None:
        """Take over the values of a snapshot that were put into the namespace.

        :param count: the number of the snapshot's roots.
        :param names: the names with their objects and places in the snapshot.
        :param stored: the fingerprint of the snapshot's bytes as they were read.
        """
        by_slot = {slot: obj for obj, slot in sorted(names.values(), key=lambda pair: pair[1])}
        roots = [(id(obj), obj) for obj in by_slot.values()]
        covariable = CoVariable(tuple(map(id, by_slot.values())), {id(obj): slot for slot, obj in by_slot.items()})
        covariable.saved, covariable.durable = snapshot, covariable.version
        with guard.undisturbed():
            job = Job(roots).run(self.user_ns)
            # If it can't be pickled any more, the next scan will say so.
            if job.pickled is not None and not job.failed:
                covariable.references, covariable.reach = job.pickled.references, job.reach
                covariable.drawn = any(is_drawn(footprint.kinds) for footprint in job.footprints.values())
                covariable.constant = len(roots) == 1 and type(roots[0][1]) in LEAVES
                covariable.seconds = job.seconds
                if len(roots) == count:
                    pickled = job.pickled
                    covariable.fingerprint = Fingerprint.of(pickled.stream, pickled.buffers, pickled.parts)
                    covariable.fingerprint.know(stored)
        for name, (obj, _slot) in names.items():
            self.table.put(name, obj, covariable)
        self._index(covariable)

    def forget_unsaved(self) -> None:
        """Saving failed: whatever was on its way is to be saved again at the next scan."""
        self._unsaved = True
        for covariable in self.table.covariables():
            covariable.saving = False


def _unchanged_roots(job: Job, before: Fingerprint, now: Fingerprint) -> list[int]:
    """The roots of a changed co-variable that have not changed themselves.

    A root's pickle refers to what an earlier root has brought along; so it is unchanged if its own bytes are, and if it
    shares nothing with an earlier root that has changed.
    """
    if not now.parts or len(before.parts) != len(now.parts) or job.failed:
        return []
    changed: list[int] = []
    unchanged: list[int] = []
    for identity, was, part in zip(job.kept, before.parts, now.parts, strict=True):
        mine = job.footprints[identity]
        if was != part or any(mine.shares(job.footprints[other]) for other in changed):
            changed.append(identity)
        else:
            unchanged.append(identity)
    return unchanged


def _is_unchanged(job: Job) -> bool:
    """Whether a co-variable is what it was, whatever else it may share objects with now."""
    old, pickled = job.covariable, job.pickled
    return (
        old is not None
        and pickled is not None
        and old.fingerprint is not None
        and list(old.slots) == job.kept
        and Fingerprint.of(pickled.stream, pickled.buffers).same_as(old.fingerprint)
    )


def _known_chunks(jobs: list[Job]) -> dict[bytes, tuple[BufferPrint, int]]:
    """The chunks that the store has or is about to have, by their fast digest."""
    return {
        digest: (buffer, at)
        for job in jobs
        if job.covariable is not None and job.covariable.fingerprint is not None and job.covariable.kept
        for buffer in job.covariable.fingerprint.buffers
        for at, digest in enumerate(buffer.digests)
        if job.covariable.saving or buffer.ids[at] is not None
    }
