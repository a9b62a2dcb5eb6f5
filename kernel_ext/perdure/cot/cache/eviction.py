"""Making room: what goes first when the cache is larger than it may be, and what has expired."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from perdure.cot.picture import Picture
from perdure.errors import StoreBusy, StoreError

from .entries import Entries, remove
from .entry import Entry
from .pictures import release

_ROOM: Final = 0.95
"""Share of the limit that eviction goes down to, so that it is rare."""
_AT_ONCE: Final = 100
"""Entries in one transaction: others wait no longer than for that."""
_HALF_LIFE: Final = 30 * 86_400.0
_FLOOR: Final = 1e-4
"""Dollars: what an answer is worth that cost none, for the time it took."""
_GRACE: Final = 3600.0
"""Seconds in which the ask that a new picture belongs to will have been recorded."""
_SWEEP: Final = 3600.0
"""Seconds between looks for what has expired."""


@dataclass(frozen=True, slots=True)
class Evicted:
    """What had to go."""

    entries: int = 0
    pictures: int = 0
    """Those whose pixels went."""
    bytes: int = 0


def value(cost: float, uses: int, idle: float, size: float) -> float:
    """Dollars that a byte of an entry is worth: ``max(cost, 0.0001) * (1 + uses) * 0.5 ** (idle / 30 days) / size``.

    What asking again would cost, times how often it has been wanted, halved for each 30 days since it last was; divided by the
    bytes of the entry, its vector and its share of the pictures that it has in common with others.
    """
    return max(cost, _FLOOR) * (1 + uses) * math.pow(0.5, max(idle, 0.0) / _HALF_LIFE) / max(size, 1.0)


class Eviction(Entries):
    """The part of the cache that keeps it small."""

    _swept = 0.0

    def add(self, entry: Entry, pictures: Sequence[Picture] = ()) -> bool:
        """Keep an answer, with its pictures as far as the policy keeps any; durable on return. May evict others: see `evict`.

        False, with nothing kept, if what it was made of has been forgotten meanwhile, or if it is there.

        :raises StoreFull: if the disk is full; what was kept before stays.
        """
        encoded = self._encoded(pictures)
        with self._database.transaction() as connection:
            done = self._add(connection, entry)
            if done:
                self._keep(connection, pictures, encoded)
        if done:
            self._make_room(entry)
        return done

    def _make_room(self, entry: Entry) -> None:
        """See to the limit, when this one has been added; never at its expense."""
        now = time.time()
        late = self.policy.expire_days is not None and now - self._swept > _SWEEP
        over = self.policy.limit_bytes is not None and self.content_bytes() > self.policy.limit_bytes
        if late or over:
            self._swept = now
            # The answer is kept. Room that can't be made now is made after the next one.
            with suppress(StoreError, StoreBusy):
                self.evict(keep=(entry.id, *entry.derived_from))

    def content_bytes(self) -> int:
        """Bytes of entries and pictures: what ``limit_bytes`` limits."""
        with self._database.reading() as connection:
            return _content(connection)

    def evict(self, limit_bytes: int | None = None, *, keep: Collection[str] = ()) -> Evicted:
        """Delete what has expired, and what is over the limit (the policy's, if none is given): down to 95 % of it.

        First go the pixels of pictures that only the ledger knows (their rows stay there), then entries that are wrong or
        doubtful, then those of the lowest value per byte: see `value`. Pinned ones and users' corrections stay, and so do those
        named in ``keep``. In short steps, so that others can go on.
        """
        limit = self.policy.limit_bytes if limit_bytes is None else limit_bytes
        before = self.content_bytes()
        with self._database.reading() as connection:
            expired = [
                id_
                for (id_,) in connection.execute(
                    "SELECT id FROM entries WHERE expires IS NOT NULL AND expires <= ? AND NOT pinned", (time.time(),)
                )
                if id_ not in keep
            ]
        entries, pictures = self._drop(expired, None)
        if limit is not None and self.content_bytes() > limit:
            target = int(limit * _ROOM)
            pictures += self._drop_pictures(target)
            if self.content_bytes() > target:
                more_entries, more_pictures = self._drop(self._plan(keep), target)
                entries, pictures = entries + more_entries, pictures + more_pictures
        if entries or pictures:
            self._database.shrink()
        return Evicted(entries, pictures, max(before - self.content_bytes(), 0))

    def _plan(self, keep: Collection[str]) -> list[str]:
        """Ids of the entries that may go, those that should go first at the front."""
        now = time.time()
        with self._database.reading() as connection:
            uses = dict(connection.execute("SELECT picture, count(*) FROM entry_pictures GROUP BY picture").fetchall())
            share: dict[int, float] = {}
            for entry, picture, size in connection.execute(
                "SELECT entry, picture, bytes FROM entry_pictures JOIN pictures ON key = picture"
            ):
                share[entry] = share.get(entry, 0.0) + size / uses[picture]
            rows = connection.execute(
                """SELECT id, number, standing, cost, uses, max(created, used), bytes FROM entries
                    WHERE NOT pinned AND kind != 'user'"""
            ).fetchall()
        worth = [
            (standing == 0, value(cost, used, now - last, size + share.get(number, 0.0)), number, id_)
            for id_, number, standing, cost, used, last, size in rows
            if id_ not in keep
        ]
        return [id_ for *_, id_ in sorted(worth)]

    def _drop(self, ids: Sequence[str], target: int | None) -> tuple[int, int]:
        """Delete entries in their order until the target is met; how many entries and pictures went."""
        entries = pictures = 0
        for start in range(0, len(ids), _AT_ONCE):
            with self._database.transaction(durable=False) as connection:
                for id_ in ids[start : start + _AT_ONCE]:
                    if target is not None and _content(connection) <= target:
                        return entries, pictures
                    if connection.execute("SELECT 1 FROM entries WHERE id = ? AND NOT pinned", (id_,)).fetchone():
                        pictures += release(connection, remove(connection, id_))
                        entries += 1
        return entries, pictures

    def _drop_pictures(self, target: int) -> int:
        """Let go of the pixels of pictures without an entry, the oldest first, until the target is met."""
        with self._database.reading() as connection:
            keys = [
                key
                for (key,) in connection.execute(
                    """SELECT key FROM pictures WHERE added < ? AND (thumbnail IS NOT NULL OR whole IS NOT NULL)
                        AND NOT EXISTS (SELECT 1 FROM entry_pictures WHERE picture = key) ORDER BY added""",
                    (time.time() - _GRACE,),
                )
            ]
        count = 0
        for start in range(0, len(keys), _AT_ONCE):
            with self._database.transaction(durable=False) as connection:
                for key in keys[start : start + _AT_ONCE]:
                    if _content(connection) <= target:
                        return count
                    count += release(connection, [key])
        return count


def _content(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT count FROM totals WHERE name = 'bytes'").fetchone()
    return 0 if row is None else int(row[0])
