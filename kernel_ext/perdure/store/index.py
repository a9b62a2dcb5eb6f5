"""The rows of the catalog: how records become rows, and rows answers.

Every function works on the connection of a transaction (or of `Catalog.reading`) that the caller holds, and raises plain
`sqlite3.Error`, or `Disorder` where a row contradicts itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from .append import Extent
from .digest import KEY_SIZE, Kind, digest
from .pack import Location
from .records import Commit, Malformed, Owner, Refs, RefsMove, SessionRecord, Twig

GROWING: Final = 0
SEALED: Final = 1
REPLACED: Final = 2


class Disorder(sqlite3.DatabaseError):
    """A row is not what was written; `sqlite_errors` makes a `DamagedCatalog` of it."""


class PackRow(NamedTuple):
    """See the table ``packs``."""

    number: int
    name: str
    indexed: int
    examined: int
    state: int


# -- packs ---------------------------------------------------------------------------------------------------------


def packs(connection: sqlite3.Connection) -> dict[str, PackRow]:
    """All of them by name, the oldest first."""
    rows = connection.execute("SELECT number, name, indexed, examined, state FROM packs ORDER BY name")
    return {row[1]: PackRow(*row) for row in rows}


def indexed(connection: sqlite3.Connection, name: str) -> int:
    """Bytes of a pack that the rows count on."""
    row = connection.execute("SELECT indexed FROM packs WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else 0


def note_pack(
    connection: sqlite3.Connection, name: str, *, length: int, examined: int | None = None, state: int = GROWING
) -> int:
    """The number of a pack, after noting that ``length`` bytes of it are indexed."""
    seen = length if examined is None else examined
    connection.execute(
        "INSERT INTO packs (name, indexed, examined, state) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
        "indexed = max(indexed, excluded.indexed), examined = max(examined, excluded.examined), "
        "state = max(state, excluded.state)",
        (name, length, seen, state),
    )
    return int(connection.execute("SELECT number FROM packs WHERE name = ?", (name,)).fetchone()[0])


def note_extents(connection: sqlite3.Connection, extents: Iterable[Extent]) -> dict[str, int]:
    """Note what an appender has synced; the numbers of its packs."""
    return {
        extent.pack: note_pack(
            connection, extent.pack, length=extent.length, state=SEALED if extent.sealed else GROWING
        )
        for extent in extents
    }


def seal_pack(connection: sqlite3.Connection, name: str) -> None:
    """Note that nothing will be added to a pack."""
    connection.execute("UPDATE packs SET state = max(state, ?) WHERE name = ?", (SEALED, name))


# -- chunks and snapshots ----------------------------------------------------------------------------------------------


def add_records(
    connection: sqlite3.Connection, kind: Kind, found: Iterable[tuple[bytes, Location]], numbers: dict[str, int]
) -> None:
    """Add chunks or snapshots under the first 20 bytes of their digests; those that are there stay as they are."""
    connection.executemany(
        "INSERT OR IGNORE INTO records (id, kind, pack, offset, length) VALUES (?, ?, ?, ?, ?)",
        ((name[:KEY_SIZE], int(kind), numbers[at.pack], at.offset, at.length) for name, at in found),
    )


def has_record(connection: sqlite3.Connection, name: bytes) -> bool:
    """Whether there is a chunk or snapshot of that digest (or of its first 20 bytes)."""
    found = connection.execute("SELECT 1 FROM records WHERE id = ?", (name[:KEY_SIZE],)).fetchone()
    return found is not None


def locate(connection: sqlite3.Connection, name: bytes) -> Location | None:
    """Where the catalog says that a chunk or a snapshot lies."""
    row = connection.execute(
        "SELECT packs.name, records.offset, records.length FROM records JOIN packs ON packs.number = records.pack "
        "WHERE records.id = ?",
        (name[:KEY_SIZE],),
    ).fetchone()
    return _location(row) if row else None


def _location(row: tuple[object, object, object]) -> Location | None:
    name, offset, length = row
    if isinstance(name, str) and isinstance(offset, int) and isinstance(length, int) and 0 < length < 1 << 40:
        return Location(name, offset, length) if 0 <= offset < 1 << 60 else None
    return None


# -- commits -------------------------------------------------------------------------------------------------------------


def add_commit(
    connection: sqlite3.Connection,
    commit_id: str,
    commit: Commit,
    payload: bytes,
    at: Location,
    numbers: dict[str, int],
) -> None:
    """Add a commit, unless it is there."""
    connection.execute(
        "INSERT OR IGNORE INTO commits (id, session, parent, started, pack, offset, length, payload) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            bytes.fromhex(commit_id),
            commit.session,
            None if commit.parent is None else bytes.fromhex(commit.parent),
            commit.started,
            numbers[at.pack],
            at.offset,
            at.length,
            payload,
        ),
    )


def has_commit(connection: sqlite3.Connection, commit_id: str) -> bool:
    """Whether there is a commit of that id."""
    found = connection.execute("SELECT 1 FROM commits WHERE id = ?", (bytes.fromhex(commit_id),)).fetchone()
    return found is not None


def tree(connection: sqlite3.Connection, session: str) -> list[Twig]:
    """The commits of a session, in the order in which they were added."""
    rows = connection.execute("SELECT id, parent, started FROM commits WHERE session = ? ORDER BY number", (session,))
    try:
        return [Twig(key.hex(), None if parent is None else parent.hex(), float(at)) for key, parent, at in rows]
    except (AttributeError, TypeError, ValueError) as error:
        raise Disorder(f"a commit's row of session {session} is unreadable") from error


# -- sessions -------------------------------------------------------------------------------------------------------------


class SessionRow(NamedTuple):
    """A session as the catalog has it: its record, and its refs with the stamp of their last move."""

    record: SessionRecord
    move: RefsMove


def _seal(session: str, info: bytes, refs: bytes) -> bytes:
    return digest(Kind.SESSION, b"\0".join((session.encode(), info, refs)))[:8]


def put_session(connection: sqlite3.Connection, row: SessionRow) -> None:
    """Add or replace a session."""
    info, refs = row.record.encode(), row.move.encode()
    connection.execute(
        "INSERT OR REPLACE INTO sessions (id, info, refs, seal) VALUES (?, ?, ?, ?)",
        (row.record.id, info, refs, _seal(row.record.id, info, refs)),
    )


def _session_row(row: tuple[str, bytes, bytes, bytes]) -> SessionRow:
    session, info, refs, seal = row
    try:
        if _seal(session, info, refs) != seal:
            raise Disorder(f"the row of session {session} was changed")
        return SessionRow(SessionRecord.decode(info), RefsMove.decode(refs))
    except (Malformed, TypeError, AttributeError) as error:
        raise Disorder(f"the row of session {session} is unreadable") from error


def session_row(connection: sqlite3.Connection, session: str) -> SessionRow | None:
    """The session of that id, even if it is marked deleted."""
    row = connection.execute("SELECT id, info, refs, seal FROM sessions WHERE id = ?", (session,)).fetchone()
    return _session_row(row) if row else None


def session_rows(connection: sqlite3.Connection) -> Iterator[SessionRow]:
    """All of them, those that are marked deleted included."""
    return map(_session_row, connection.execute("SELECT id, info, refs, seal FROM sessions").fetchall())


def mark(connection: sqlite3.Connection, row: SessionRow) -> str:
    """A text that is another one once the session's record, refs, commits or owner are."""
    session = row.record.id
    count = connection.execute("SELECT count(*) FROM commits WHERE session = ?", (session,)).fetchone()[0]
    facts = repr((row.record.stamp, row.move.stamp, count, owner(connection, session)))
    return digest(Kind.SESSION, facts.encode()).hex()[:16]


def apply_session(connection: sqlite3.Connection, record: SessionRecord) -> None:
    """Take in a session record, unless a later one is there."""
    old = session_row(connection, record.id)
    if old is None:
        put_session(connection, SessionRow(record, RefsMove(record.id, 0, Refs())))
    elif record.stamp > old.record.stamp:
        put_session(connection, SessionRow(record, old.move))


def apply_move(connection: sqlite3.Connection, move: RefsMove) -> bool:
    """Take in a refs record; False if a later one is there, or no such session."""
    old = session_row(connection, move.session)
    if old is None or move.stamp <= old.move.stamp:
        return False
    put_session(connection, SessionRow(old.record, RefsMove(move.session, move.stamp, move.applied(old.move.refs))))
    return True


def owner(connection: sqlite3.Connection, session: str) -> Owner | None:
    """The process that claimed the session last and has not released it."""
    row = connection.execute("SELECT host, pid, started FROM owners WHERE session = ?", (session,)).fetchone()
    return Owner(*row) if row else None


def set_owner(connection: sqlite3.Connection, session: str, who: Owner | None) -> None:
    """Note who has the session."""
    if who is None:
        connection.execute("DELETE FROM owners WHERE session = ?", (session,))
    else:
        connection.execute(
            "INSERT OR REPLACE INTO owners (session, host, pid, started) VALUES (?, ?, ?, ?)",
            (session, who.host, who.pid, who.started),
        )
