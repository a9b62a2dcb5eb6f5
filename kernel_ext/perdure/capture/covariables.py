"""Co-variables, and what a look at them finds."""

from __future__ import annotations

from dataclasses import dataclass, field

from perdure.capture.fingerprint import BufferPrint, Fingerprint
from perdure.capture.reach import NOTHING, Reach


@dataclass(slots=True, eq=False)
class CoVariable:
    """A largest set of names that share mutable objects.

    ``roots`` are the ids of the objects that the names are bound to; ``slots`` gives a root's place in the snapshot, and
    ``reasons`` why a root has none. ``version`` counts the changes; ``durable`` is the version that the store has, under
    the id ``saved``, both set by whoever saves. ``constant`` marks an immutable value, which names may share at will. ``windows`` is as its last pickle had it.
    """

    roots: tuple[int, ...]
    slots: dict[int, int] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)
    fingerprint: Fingerprint | None = None
    references: frozenset[str] = frozenset()
    windows: frozenset[int] = frozenset()
    reach: Reach = NOTHING
    drawn: bool = False
    constant: bool = False
    hung: bool = False
    version: int = 0
    durable: int = -1
    saved: str | None = None
    saving: bool = False
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


#: A name's co-variable, the version of it, and the name's place in it.
Binding = tuple[CoVariable, int, int]


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

    ``missing`` says why a name has no binding, and a number that grows whenever its value may have changed. A binding that
    is unchanged since the last scan is the same tuple as then. ``regrouped`` names only share with others than before: they are
    saved anew, with the same value.
    """

    bindings: dict[str, Binding]
    changes: list[Change]
    missing: dict[str, tuple[str, int]]
    touched: frozenset[str]
    regrouped: frozenset[str] = frozenset()
