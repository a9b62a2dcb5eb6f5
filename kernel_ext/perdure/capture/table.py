"""The table of names: what each name was bound to when it was last looked at. It keeps no large object alive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from perdure.capture.covariables import Binding, CoVariable

#: Immutable values that are held on to if they are small, so that identity alone proves that they are the same.
LEAVES: frozenset[type] = frozenset({type(None), bool, int, float, complex, str, bytes})
_SMALL = 1024


def is_leaf(obj: object) -> bool:
    """Whether the table holds on to ``obj``: a small immutable value, or a module."""
    kind = type(obj)
    return (kind in LEAVES and (kind not in (str, bytes) or len(obj) <= _SMALL)) or kind is ModuleType  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Entry:
    """One name: its object by id (and by a hold on it, if it is a leaf), its type, and its co-variable."""

    identity: int
    kind: type
    anchor: object
    covariable: CoVariable


class Table:
    """Names with their entries, indexed by object and by co-variable, so that a scan costs what it touches."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.bindings: dict[str, Binding] = {}
        self.missing: dict[str, tuple[str, int]] = {}
        self._by_identity: dict[int, dict[str, None]] = {}
        self._by_covariable: dict[CoVariable, dict[str, None]] = {}

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def get(self, name: str) -> CoVariable | None:
        """The co-variable of a name."""
        entry = self.entries.get(name)
        return entry.covariable if entry is not None else None

    def rebound(self, current: dict[str, Any]) -> dict[str, Any]:
        """The names that are new or bound to another object, with it."""
        entries = self.entries
        found = {}
        for name, obj in current.items():
            entry = entries.get(name)
            if entry is None or entry.identity != id(obj) or entry.kind is not type(obj):
                found[name] = obj
        return found

    def put(self, name: str, obj: Any, covariable: CoVariable) -> None:
        """``name`` is bound to ``obj``, a root of ``covariable``."""
        self.set(name, Entry(id(obj), type(obj), obj if is_leaf(obj) else None, covariable))

    def set(self, name: str, entry: Entry) -> None:
        """Give ``name`` an entry that another name had or has."""
        self.drop(name)
        self.entries[name] = entry
        self._by_identity.setdefault(entry.identity, {})[name] = None
        self._by_covariable.setdefault(entry.covariable, {})[name] = None
        self.refresh(name)

    def drop(self, name: str) -> None:
        """``name`` is gone, or about to be bound anew."""
        entry = self.entries.pop(name, None)
        if entry is None:
            return
        self.bindings.pop(name, None)
        self.missing.pop(name, None)
        for index, key in ((self._by_identity, entry.identity), (self._by_covariable, entry.covariable)):
            names = index[key]  # type: ignore[index]
            del names[name]
            if not names:
                del index[key]  # type: ignore[arg-type]

    def refresh(self, name: str) -> None:
        """Take over what is new about the name's co-variable."""
        entry = self.entries[name]
        covariable = entry.covariable
        slot = covariable.slots.get(entry.identity)
        if slot is None:
            self.bindings.pop(name, None)
            reason = covariable.reasons.get(entry.identity, "it could not be pickled")
            self.missing[name] = (reason, covariable.generation)
            return
        self.missing.pop(name, None)
        binding = (covariable, covariable.version, slot)
        if self.bindings.get(name) != binding:
            self.bindings[name] = binding

    def names_of(self, identity: int) -> list[str]:
        """The names bound to the object with that id."""
        return list(self._by_identity.get(identity, ()))

    def covariable_of(self, identity: int) -> CoVariable | None:
        """The co-variable of which the object with that id is a root, if a name is bound to it."""
        for name in self._by_identity.get(identity, ()):
            return self.entries[name].covariable
        return None

    def covariables(self) -> Iterable[CoVariable]:
        """All co-variables that a name is bound to."""
        return self._by_covariable.keys()

    def names_in(self, covariable: CoVariable) -> Iterable[str]:
        """The names of a co-variable."""
        return self._by_covariable.get(covariable, {}).keys()

    def roots(self, covariable: CoVariable, current: dict[str, Any]) -> list[tuple[int, Any]]:
        """The roots of a co-variable that names are still bound to, in order, with their objects."""
        alive = {self.entries[name].identity: current[name] for name in self.names_in(covariable) if name in current}
        return [(identity, alive[identity]) for identity in covariable.roots if identity in alive]
