"""Dropping what nothing reaches: the only place where the store deletes anything.

Packs are never changed. What is live in a pack that nobody writes to is copied into a new one; then one transaction makes
the catalog point there, and only then the old pack is deleted. Whatever lies in a pack that stays is kept, reachable or
not, so that the packs alone always give the same catalog.
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass, field
from typing import Final

from perdure.errors import DamagedPack

from . import index
from .append import Appender
from .catalog import Catalog, damaged
from .digest import KEY_SIZE, Kind
from .files import Files, translated
from .frame import HEADER_SIZE, Header, unpacked
from .opening import drop_replaced
from .pack import Location, PackFiles
from .reader import Reader
from .records import Commit, RefsMove
from .recover import is_left

_DAY: Final = 86400.0
_WORTH_IT: Final = 4096
"""Bytes that rewriting must free."""
_DEAD_SHARE: Final = 0.1
_SMALL: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class GcReport:
    """What was dropped; ``freed`` in bytes."""

    commits: int = 0
    sessions: int = 0
    packs: int = 0
    freed: int = 0


@dataclass(slots=True)
class _Plan:
    """What is to stay, of what lies in the packs that may be rewritten."""

    rows: dict[str, index.PackRow]
    records: dict[bytes, Location] = field(default_factory=dict)
    commits: dict[bytes, Location] = field(default_factory=dict)
    expired: set[str] = field(default_factory=set)
    live_bytes: dict[str, int] = field(default_factory=dict)


class Collector:
    """One run of gc."""

    def __init__(self, catalog: Catalog, packs: PackFiles, files: Files, reader: Reader, cutoff: float) -> None:
        self._catalog, self._packs, self._files, self._reader = catalog, packs, files, reader
        self._cutoff = cutoff
        self._snapshots: dict[bytes, tuple[bytes, ...]] = {}
        self._dropped = 0

    def run(self) -> GcReport:
        """Raises `DamagedPack` or `DamagedCatalog`, and then has dropped nothing; or what writing raises."""
        with self._catalog.reading() as connection, translated(self._packs.directory):
            sizes = self._packs.sizes()
            idle = {
                name
                for name, row in index.packs(connection).items()
                if name in sizes
                and row.examined >= sizes[name]
                and (row.state == index.SEALED or (row.state == index.GROWING and is_left(self._packs, name)))
            }
            plan = self._plan(connection, idle)
            version = connection.execute("PRAGMA data_version").fetchone()[0]
        victims = self._victims(plan, sizes)
        if not victims:
            return GcReport()
        appender = Appender(self._files, self._packs.directory)
        try:
            moved = self._copy(appender, plan, victims, {})
            with self._catalog.transaction() as connection:
                if connection.execute("PRAGMA data_version").fetchone()[0] != version:
                    # Somebody has committed meanwhile, perhaps to something that nothing reached before.
                    plan = self._plan(connection, idle)
                    moved |= self._copy(appender, plan, victims, moved)
                self._copy_sessions(connection, appender, plan)
                numbers = index.note_extents(connection, appender.sync())
                self._point(connection, plan, victims, moved, numbers)
        except BaseException:
            appender.abort(self._indexed)
            appender.close()
            raise
        written = appender.pending_bytes
        appender.accept()
        name = appender.close()
        if name is not None:
            with self._catalog.transaction() as connection:
                index.seal_pack(connection, name)
        drop_replaced(self._catalog, self._packs, self._files, sorted(victims))
        freed = sum(sizes[victim] for victim in victims) - written
        return GcReport(self._dropped, len(plan.expired), len(victims), freed)

    def _indexed(self, name: str) -> int:
        with self._catalog.reading() as connection:
            return index.indexed(connection, name)

    # -- what stays ------------------------------------------------------------------------------------------------

    def _plan(self, connection: sqlite3.Connection, idle: set[str]) -> _Plan:
        rows = index.packs(connection)
        plan = _Plan(rows)
        names = {row.number: name for name, row in rows.items()}
        parents: dict[bytes, bytes | None] = {}
        sessions: dict[bytes, str] = {}
        where: dict[bytes, Location] = {}
        roots: set[bytes] = set()
        for row in index.session_rows(connection):
            if row.record.deleted is not None and row.record.deleted < self._cutoff:
                plan.expired.add(row.record.id)
            else:
                roots |= {bytes.fromhex(tip) for tip in row.move.refs.tips()}
        for key, session, parent, started, number, offset, length in connection.execute(
            "SELECT id, session, parent, started, pack, offset, length FROM commits"
        ):
            parents[key], sessions[key] = parent, session
            where[key] = Location(names[number], offset, length)
            if names[number] not in idle or (started >= self._cutoff and session not in plan.expired):
                roots.add(key)
        live = _with_ancestors(roots, parents)
        if missing := live - parents.keys():
            # Deleting on the word of a catalog that has lost something would lose more.
            raise damaged(self._catalog.path, f"commit {min(missing).hex()} is missing")
        plan.expired -= {sessions[key] for key in live}
        plan.commits = {key: where[key] for key in live if where[key].pack in idle}
        snapshots: set[bytes] = set()
        for key, payload in connection.execute("SELECT id, payload FROM commits"):
            if key in live:
                commit: Commit = self._reader.checked_commit(key.hex(), payload)
                snapshots |= {bytes.fromhex(text) for text in commit.snapshots()}
        places: dict[bytes, Location] = {}
        for key, kind, number, offset, length in connection.execute(
            "SELECT id, kind, pack, offset, length FROM records"
        ):
            places[key] = Location(names[number], offset, length)
            if kind == Kind.SNAPSHOT and names[number] not in idle:
                snapshots.add(key)
        needed = set(snapshots)
        for key in snapshots:
            needed.update(chunk[:KEY_SIZE] for chunk in self._chunks(key))
        plan.records = {key: places[key] for key in needed if key in places and places[key].pack in idle}
        plan.live_bytes = dict.fromkeys(idle, 0)
        for at in (*plan.records.values(), *plan.commits.values()):
            plan.live_bytes[at.pack] += at.length
        return plan

    def _chunks(self, key: bytes) -> tuple[bytes, ...]:
        if key not in self._snapshots:
            self._snapshots[key] = tuple(self._reader.snapshot(key.hex()).chunks())
        return self._snapshots[key]

    def _victims(self, plan: _Plan, sizes: dict[str, int]) -> set[str]:
        """The packs that are worth rewriting."""
        victims = {
            name
            for name, live in plan.live_bytes.items()
            if sizes[name] - live > _DEAD_SHARE * sizes[name] or sizes[name] < _SMALL
        }
        with self._catalog.reading() as connection:
            kept = sum(
                len(row.record.encode()) + len(row.move.encode()) + 2 * HEADER_SIZE + 200
                for row in index.session_rows(connection)
            )
        before = sum(sizes[name] for name in victims)
        after = sum(plan.live_bytes[name] for name in victims) + kept
        # Many small packs are worth joining even if nothing in them is dead.
        return victims if before - after > _WORTH_IT or len(victims) > 16 else set()

    # -- moving it -----------------------------------------------------------------------------------------------------

    def _copy(
        self, appender: Appender, plan: _Plan, victims: set[str], done: dict[bytes, Location]
    ) -> dict[bytes, Location]:
        moved: dict[bytes, Location] = {}
        wanted = [(at, key) for key, at in (*plan.records.items(), *plan.commits.items()) if at.pack in victims]
        for at, key in sorted(wanted):
            if key in done:
                continue
            with translated(self._packs.path(at.pack)):
                data = memoryview(self._packs.pread(at.pack, at.length, at.offset))
            header = Header.decode(data)
            whole = header is not None and header.length == len(data) and header.digest[:KEY_SIZE] == key
            if header is None or not whole or unpacked(header, data[HEADER_SIZE:]) is None:
                raise DamagedPack(
                    f"{self._packs.path(at.pack)} is damaged at offset {at.offset}: {key.hex()} is not what was written. "
                    "Nothing was dropped. Run `perdure verify` to see what that affects."
                )
            moved[key] = appender.add_stored(header, data[HEADER_SIZE:])
        return moved

    def _copy_sessions(self, connection: sqlite3.Connection, appender: Appender, plan: _Plan) -> None:
        # The old packs may hold the records that a session's row was made of: say it all again, under the same stamps.
        for row in index.session_rows(connection):
            if row.record.id not in plan.expired:
                appender.add(Kind.SESSION, row.record.encode())
                move = RefsMove(row.move.session, row.move.stamp, row.move.refs)
                appender.add(Kind.REFS, move.encode())

    def _point(
        self,
        connection: sqlite3.Connection,
        plan: _Plan,
        victims: set[str],
        moved: dict[bytes, Location],
        numbers: dict[str, int],
    ) -> None:
        places = [(numbers[at.pack], at.offset, at.length, key) for key, at in moved.items()]
        old = [(plan.rows[victim].number,) for victim in victims]
        before = connection.execute("SELECT count(*) FROM commits").fetchone()[0]
        connection.executemany("UPDATE records SET pack = ?, offset = ?, length = ? WHERE id = ?", places)
        connection.executemany("UPDATE commits SET pack = ?, offset = ?, length = ? WHERE id = ?", places)
        for number in old:
            connection.execute("DELETE FROM records WHERE pack = ?", number)
            connection.execute("DELETE FROM commits WHERE pack = ?", number)
            connection.execute("UPDATE packs SET state = ? WHERE number = ?", (index.REPLACED, *number))
        self._dropped = before - connection.execute("SELECT count(*) FROM commits").fetchone()[0]
        for session in plan.expired:
            connection.execute("DELETE FROM sessions WHERE id = ?", (session,))
            index.set_owner(connection, session, None)


def _with_ancestors(roots: set[bytes], parents: dict[bytes, bytes | None]) -> set[bytes]:
    live: set[bytes] = set()
    for root in roots:
        at: bytes | None = root
        while at is not None and at not in live:
            live.add(at)
            at = parents.get(at)
    return live


def collect(
    catalog: Catalog, packs: PackFiles, files: Files, reader: Reader, *, keep_days: float, now: float | None
) -> GcReport:
    """See `Store.gc`."""
    cutoff = (time.time() if now is None else now) - keep_days * _DAY
    return Collector(catalog, packs, files, reader, cutoff).run()
