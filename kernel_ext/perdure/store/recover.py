"""The catalog out of the packs: the tails that a dead writer left, or everything."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from . import index
from .digest import KEY_SIZE, Kind
from .frame import Frame, Gap, Header, salt_of, scan
from .pack import Location, PackFiles
from .process import is_alive, is_here
from .records import Commit, Malformed, Refs, RefsMove, SessionRecord, Snapshot

_FOREIGN_IDLE: Final = 600.0
"""Seconds without a write after which the writer of another machine counts as gone."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a pack that are not what was written."""

    pack: str
    offset: int
    length: int
    header: Header | None
    """What the record was, if its header is whole."""


@dataclass(slots=True)
class Harvest:
    """Every whole record of some stretches of packs."""

    records: dict[bytes, tuple[Kind, Location]] = field(default_factory=dict)
    snapshots: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict)
    """By the 20 bytes of the id: the chunks that the snapshot needs."""
    commits: dict[str, tuple[Commit, bytes, Location]] = field(default_factory=dict)
    moves: list[tuple[RefsMove, Location]] = field(default_factory=list)
    sessions: list[SessionRecord] = field(default_factory=list)
    damages: list[Damage] = field(default_factory=list)
    whole: dict[str, int] = field(default_factory=dict)
    """By pack: the end of its last whole record."""
    examined: dict[str, int] = field(default_factory=dict)
    nbytes: int = 0
    count: int = 0

    def take(self, packs: PackFiles, name: str, start: int, end: int) -> None:
        """Read one stretch, verifying every byte. Raises plain `OSError`."""
        self.whole.setdefault(name, start)
        self.examined[name] = end
        for found in scan(partial(_pread, packs, name), start, end, salt_of(name)):
            if isinstance(found, Gap):
                self.damages.append(Damage(name, found.offset, found.length, None))
                continue
            at = Location(name, found.offset, found.header.length)
            record = packs.record(at)
            if record is None or not self._add(found, record[1], at):
                self.damages.append(Damage(name, at.offset, at.length, found.header))
                continue
            self.whole[name] = at.offset + at.length
            self.nbytes += at.length
            self.count += 1

    def _add(self, found: Frame, payload: bytes, at: Location) -> bool:
        digest = found.header.digest
        try:
            match found.header.kind:
                case Kind.CHUNK:
                    self.records.setdefault(digest, (Kind.CHUNK, at))
                case Kind.SNAPSHOT:
                    self.snapshots[digest[:KEY_SIZE]] = tuple(set(Snapshot.decode(payload).chunks()))
                    self.records.setdefault(digest, (Kind.SNAPSHOT, at))
                case Kind.COMMIT:
                    self.commits[digest[:KEY_SIZE].hex()] = Commit.decode(payload), payload, at
                case Kind.REFS:
                    self.moves.append((RefsMove.decode(payload), at))
                case Kind.SESSION:
                    self.sessions.append(SessionRecord.decode(payload))
                case _:
                    pass
        except Malformed:
            return False
        return True


def _pread(packs: PackFiles, name: str, length: int, offset: int) -> bytes:
    return packs.pread(name, length, offset)


def apply(connection: sqlite3.Connection, harvest: Harvest, *, states: dict[str, int], partial_commits: bool) -> int:
    """Add rows for all that was harvested; the number of commits that were new.

    Without ``partial_commits`` a commit that lacks any of its bytes is left out: it is the torn end of a writer that was
    killed, and was never acknowledged.
    """
    numbers = {
        name: index.note_pack(
            connection, name, length=end, examined=harvest.examined[name], state=states.get(name, index.GROWING)
        )
        for name, end in harvest.whole.items()
    }
    for kind in (Kind.CHUNK, Kind.SNAPSHOT):
        found = [(name, at) for name, (of, at) in harvest.records.items() if of is kind]
        index.add_records(connection, kind, found, numbers)
    for record in sorted(harvest.sessions, key=lambda record: record.stamp):
        index.apply_session(connection, record)
    added = 0
    for commit_id, (commit, payload, at) in harvest.commits.items():
        if not partial_commits and not _complete(connection, harvest, commit):
            continue
        if index.session_row(connection, commit.session) is None:
            # Its session record is lost. Who made the session is unknown, so it isn't trusted.
            index.apply_session(connection, SessionRecord(commit.session, 0, commit.started, None, {}, False))
        added += not index.has_commit(connection, commit_id)
        index.add_commit(connection, commit_id, commit, payload, at, numbers)
    # Where gc has said a move again in full, under its old stamp, that one comes first.
    for move in sorted((move for move, _ in harvest.moves), key=lambda move: (move.stamp, move.advance)):
        kept = _existing(connection, move)
        if kept is not None:
            index.apply_move(connection, kept)
    return added


def _complete(connection: sqlite3.Connection, harvest: Harvest, commit: Commit) -> bool:
    def there(name: bytes) -> bool:
        return name in harvest.records or index.has_record(connection, name)

    for text in commit.snapshots():
        chunks = harvest.snapshots.get(bytes.fromhex(text))
        if chunks is None and not there(bytes.fromhex(text)):
            return False
        if chunks is not None and not all(map(there, chunks)):
            return False
    return commit.parent is None or commit.parent in harvest.commits or index.has_commit(connection, commit.parent)


def _existing(connection: sqlite3.Connection, move: RefsMove) -> RefsMove | None:
    """The move without the refs to commits that are lost, or None if HEAD's is among them."""
    refs = move.refs

    def there(commit: str | None) -> bool:
        return commit is None or index.has_commit(connection, commit)

    if not there(refs.head):
        return None
    if move.advance:
        return move
    branches = {name: commit for name, commit in refs.branches.items() if there(commit)}
    tags = {name: commit for name, commit in refs.tags.items() if there(commit)}
    return RefsMove(move.session, move.stamp, Refs(refs.head, refs.branch, branches, tags))


def is_left(packs: PackFiles, name: str) -> bool:
    """Whether nobody will write to the pack any more. Raises plain `OSError`."""
    owner = packs.owner(name)
    if owner is None or not is_here(owner):
        return time.time() - packs.path(name).stat().st_mtime > _FOREIGN_IDLE
    return not is_alive(owner)


def tails(packs: PackFiles, rows: dict[str, index.PackRow]) -> Iterable[tuple[str, int, int]]:
    """The stretches of packs that the catalog doesn't know and whose writer is gone: name, start, end."""
    for name, size in packs.sizes().items():
        row = rows.get(name)
        if row is not None and (row.state == index.REPLACED or row.examined >= size):
            continue
        if is_left(packs, name):
            yield name, row.indexed if row else 0, size
