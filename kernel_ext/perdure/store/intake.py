"""Taking a bundle into a store: only what is missing, and nothing of it before all is verified."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from perdure.errors import DamagedBundle, SessionBusy

from . import index
from .append import Appender
from .bundle import Bundle
from .catalog import Catalog
from .digest import KEY_SIZE, Kind
from .files import Files, reading_file
from .frame import HEADER_SIZE, unpacked
from .pack import Location, PackFiles
from .process import is_alive, this_process
from .records import Commit, Refs, RefsMove, SessionRecord


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What was new here; ``added`` in bytes, frames included. ``renamed`` has branches that could not go forward, and names that
    are taken here by the other kind of ref.
    """

    session: str
    commits: int
    chunks: int
    added: int
    trusted: bool
    renamed: dict[str, str]


def import_bundle(
    path: Path, catalog: Catalog, packs: PackFiles, files: Files, *, trusted: bool | Callable[[str, str | None], bool]
) -> ImportReport:
    """See `Store.import_`."""
    bundle = Bundle.read(path)
    trusted = trusted(bundle.digest, bundle.signature) if callable(trusted) else trusted
    appender = Appender(files, packs.directory)

    def indexed(name: str) -> int:
        with catalog.reading() as connection:
            return index.indexed(connection, name)

    try:
        # Other writers wait while this one copies: what it finds present must not be dropped before it is done.
        with catalog.transaction() as connection:
            owner = index.owner(connection, bundle.session.id)
            if owner is not None and owner != this_process() and is_alive(owner):
                raise SessionBusy(
                    f"Session {bundle.session.id} is open in process {owner.pid} on {owner.host}. "
                    "End that kernel, then import the file."
                )
            copied = _copy(connection, bundle, appender)
            here = index.session_row(connection, bundle.session.id)
            record, move, renamed = _merged(connection, bundle, here, trusted=trusted, news=bool(copied.commits))
            appender.add(Kind.SESSION, record.encode())
            appender.add(Kind.REFS, move.encode())
            added = appender.pending_bytes
            numbers = index.note_extents(connection, appender.sync())
            index.add_records(connection, Kind.CHUNK, copied.chunks.items(), numbers)
            index.add_records(connection, Kind.SNAPSHOT, copied.snapshots.items(), numbers)
            for commit_id, (payload, at) in copied.commits.items():
                index.add_commit(connection, commit_id, bundle.commits[commit_id], payload, at, numbers)
            index.apply_session(connection, record)
            index.apply_move(connection, move)
    except BaseException:
        appender.abort(indexed)
        appender.close()
        raise
    appender.accept()
    name = appender.close()
    if name is not None:
        with catalog.transaction() as connection:
            index.seal_pack(connection, name)
    return ImportReport(record.id, len(copied.commits), len(copied.chunks), added, record.trusted, renamed)


@dataclass(slots=True)
class _Copied:
    """What was appended because it was missing here."""

    chunks: dict[bytes, Location] = field(default_factory=dict)
    snapshots: dict[bytes, Location] = field(default_factory=dict)
    commits: dict[str, tuple[bytes, Location]] = field(default_factory=dict)


def _copy(connection: sqlite3.Connection, bundle: Bundle, appender: Appender) -> _Copied:
    copied = _Copied()
    with reading_file(bundle.path), bundle.path.open("rb") as file:
        for header, offset in bundle.records:
            name = header.digest
            text = name[:KEY_SIZE].hex()
            is_commit = header.kind is Kind.COMMIT
            if index.has_commit(connection, text) if is_commit else index.has_record(connection, name):
                continue
            file.seek(offset + HEADER_SIZE)
            stored = file.read(header.stored)
            payload = unpacked(header, stored)
            if payload is None:  # it was whole a moment ago
                raise DamagedBundle(f"{bundle.path} changes while it is read. Nothing was imported; try again.")
            at = appender.add_stored(header, stored)
            if is_commit:
                copied.commits[text] = bytes(payload), at
            elif header.kind is Kind.CHUNK:
                copied.chunks[name] = at
            else:
                copied.snapshots[name] = at
    return copied


def _merged(
    connection: sqlite3.Connection, bundle: Bundle, here: index.SessionRow | None, *, trusted: bool, news: bool
) -> tuple[SessionRecord, RefsMove, dict[str, str]]:
    """The session as it is to be, and what branches and tags are called here whose names are taken."""
    now = time.time_ns()
    if here is None or here.record.deleted is not None:
        stamp = max(now, here.record.stamp + 1, here.move.stamp + 1) if here is not None else now
        record = replace(bundle.session, stamp=stamp, trusted=trusted, deleted=None)
        return record, RefsMove(record.id, stamp, bundle.refs.refs), {}
    stamp = max(now, here.record.stamp + 1, here.move.stamp + 1)
    # Bytes from elsewhere make the session one from elsewhere, until the user trusts it.
    record = replace(here.record, stamp=stamp, trusted=trusted or (here.record.trusted and not news))
    mine, theirs = here.move.refs, bundle.refs.refs
    branches, renamed = dict(mine.branches), {}
    for name, tip in theirs.branches.items():
        at = branches.get(name)
        taken = at is None and name in mine.tags
        if not taken and (at is None or _leads(bundle.commits, tip, at)):
            branches[name] = tip
        elif at is None or (at != tip and not _leads_here(connection, at, tip)):
            renamed[name] = f"{name}-imported"
            branches[renamed[name]] = tip
    tags = dict(mine.tags)
    for name in sorted(theirs.tags.keys() - mine.tags.keys()):
        here_called = f"{name}-imported" if name in branches else name
        if here_called != name:
            renamed[name] = here_called
        tags.setdefault(here_called, theirs.tags[name])
    head = mine.head
    if head is None:
        head, branch = theirs.head, theirs.branch
    else:
        branch = mine.branch
        if branch is not None and mine.branches.get(branch) == head:
            head = branches[branch]
    return record, RefsMove(record.id, stamp, Refs(head, branch, branches, tags)), renamed


def _leads(commits: Mapping[str, Commit], tip: str, ancestor: str) -> bool:
    """Whether ``ancestor`` is one of the commits before ``tip`` in the bundle."""
    at: str | None = tip
    while at is not None:
        if at == ancestor:
            return True
        at = commits[at].parent if at in commits else None
    return False


def _leads_here(connection: sqlite3.Connection, tip: str, ancestor: str) -> bool:
    """The same in the store."""
    found = connection.execute(
        "WITH RECURSIVE line (id, parent) AS (SELECT id, parent FROM commits WHERE id = ?1 UNION ALL "
        "SELECT c.id, c.parent FROM line JOIN commits c ON c.id = line.parent) SELECT 1 FROM line WHERE id = ?2",
        (bytes.fromhex(tip), bytes.fromhex(ancestor)),
    ).fetchone()
    return found is not None
