"""Audits: what would have been answered without the master, beside what the master says to the same question."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from .database import storable
from .part import Part, new_id

AuditKind = Literal["near", "apprentice"]

_COLUMNS: Final = (
    "kind master other score features confidence agreed kept said entry ask time id imported number".split()
)


@dataclass(frozen=True, slots=True)
class Audit:
    """One comparison."""

    kind: AuditKind
    """What was compared with the master: a near match, or the apprentice's answer."""
    master: str
    """The master's name, as the caller identifies it."""
    other: str
    """The apprentice's name; for near matches what measured the nearness (the encoder)."""
    score: float
    agreed: bool
    features: tuple[float, ...] = ()
    confidence: float | None = None
    kept: str = ""
    """The answer that was compared."""
    said: str = ""
    """The master's."""
    entry: str | None = None
    """Id of the kept answer of a near match."""
    ask: str | None = None
    time: float = field(default_factory=time.time)
    id: str = field(default_factory=new_id)
    imported: bool = False
    """Whether it was made elsewhere."""
    number: int = 0
    """Given by the cache, rising."""


class Audits(Part):
    """The audits' part of the cache."""

    def add_audit(self, audit: Audit) -> bool:
        """Keep one; False if it is there already."""
        with self._database.transaction(durable=False) as connection:
            return insert(connection, audit)

    def audits(self, kind: AuditKind, master: str, other: str | None = None, *, after: int = 0) -> list[Audit]:
        """Those of a pair in the order that they came; ``after`` the number of the last one that is known."""
        query = f"SELECT {', '.join(_COLUMNS)} FROM audits WHERE kind = ? AND master = ? AND number > ?"  # noqa: S608 - columns
        values: list[Any] = [kind, master, after]
        if other is not None:
            query, values = f"{query} AND other = ?", [*values, other]
        with self._database.reading() as connection:
            return [from_row(row) for row in connection.execute(f"{query} ORDER BY number", values)]


def insert(connection: sqlite3.Connection, audit: Audit) -> bool:
    """Add one unless it is there."""
    values = (
        audit.kind,
        audit.master,
        audit.other,
        audit.score,
        json.dumps(audit.features),
        audit.confidence,
        audit.agreed,
        storable(audit.kept),
        storable(audit.said),
        audit.entry,
        audit.ask,
        audit.time,
        audit.id,
        audit.imported,
    )
    holes = ", ".join("?" * len(values))
    done = connection.execute(
        f"INSERT INTO audits ({', '.join(_COLUMNS[:-1])}) VALUES ({holes}) ON CONFLICT (id) DO NOTHING",  # noqa: S608 - columns
        values,
    )
    return done.rowcount == 1


def every(connection: sqlite3.Connection) -> Iterable[Audit]:
    """All of them."""
    rows = connection.execute(f"SELECT {', '.join(_COLUMNS)} FROM audits ORDER BY number")  # noqa: S608 - columns
    return map(from_row, rows)


def from_row(row: Sequence[Any]) -> Audit:
    """The audit in a row of the table."""
    named = dict(zip(_COLUMNS, row, strict=True))
    return Audit(
        **{
            **named,
            "features": tuple(json.loads(named["features"])),
            "agreed": bool(named["agreed"]),
            "imported": bool(named["imported"]),
        }
    )
