"""A new catalog from the packs."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from perdure.errors import PerdureError, StoreBusy

from . import index
from .append import Appender
from .catalog import FILE, Catalog
from .digest import KEY_SIZE, Kind, digest
from .files import Files, translated
from .pack import PackFiles
from .process import is_alive, is_here, this_process
from .readonly import CopiedCatalog
from .recover import Damage, Harvest, apply, is_left

_SCRATCH: Final = "catalog-rebuilt.db"


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What a repair found: how much is whole, what was skipped, and where the old catalog is now."""

    sessions: int
    commits: int
    skipped: tuple[Damage, ...]
    set_aside: Path | None


def repair(path: Path, files: Files) -> RepairReport:
    """Rebuild the catalog of the store at ``path`` and move the old one aside.

    Raises `StoreBusy` while another live process writes there, or a `StoreError`.
    """
    packs = PackFiles(path / "packs")
    harvest = Harvest()
    states: dict[str, int] = {}
    with translated(packs.directory):
        sizes = packs.sizes()
        for name in sizes:
            owner = packs.owner(name)
            if owner is not None and is_here(owner) and owner != this_process() and is_alive(owner):
                raise StoreBusy(f"Process {owner.pid} writes to {path}. End that kernel, then repair the store.")
        for name, size in sizes.items():
            harvest.take(packs, name, 0, size)
            if is_left(packs, name):
                states[name] = index.SEALED
    _save_rows(path, files, packs, harvest)
    scratch = path / _SCRATCH
    _delete(files, scratch)
    with translated(scratch):
        os.close(files.create(scratch))
    catalog = Catalog(scratch)
    try:
        catalog.prepare()
        with catalog.transaction() as connection:
            commits = apply(connection, harvest, states=states, partial_commits=True)
            sessions = len(list(index.session_rows(connection)))
        # Back to one file, so that the catalog can be put in place by a rename.
        catalog.connection.execute("PRAGMA journal_mode = DELETE")
    finally:
        catalog.close()
        packs.close()
    aside = None
    with translated(path):
        target = path / FILE
        if target.exists():
            aside = target.with_name(f"{FILE}.damaged-{time.time_ns():x}")
            files.replace(target, aside)
        for suffix in ("-wal", "-shm"):
            log = path / f"{FILE}{suffix}"
            if log.exists() and aside is not None:
                files.replace(log, aside.with_name(aside.name + suffix))
            files.unlink(log)
        files.replace(scratch, target)
        files.sync_directory(path)
    return RepairReport(sessions, commits, tuple(harvest.damages), aside)


def _save_rows(path: Path, files: Files, packs: PackFiles, harvest: Harvest) -> None:
    """Write again what the packs have lost and the old catalog still has whole: commits, sessions and refs."""
    commits: list[bytes] = []
    rows: list[index.SessionRow] = []
    with suppress(PerdureError, OSError):
        old = CopiedCatalog(path / FILE)
        try:
            with old.reading() as connection:
                for key, payload in connection.execute("SELECT id, payload FROM commits"):
                    whole = isinstance(payload, bytes) and digest(Kind.COMMIT, payload)[:KEY_SIZE] == key
                    if whole and key.hex() not in harvest.commits:
                        commits.append(payload)
                rows += index.session_rows(connection)
        finally:
            old.close()
    known = {(record.id, record.stamp) for record in harvest.sessions}
    moves = {(move.session, move.stamp) for move, _ in harvest.moves}
    appender = Appender(files, packs.directory)
    for payload in commits:
        appender.add(Kind.COMMIT, payload)
    for row in rows:
        if (row.record.id, row.record.stamp) not in known:
            appender.add(Kind.SESSION, row.record.encode())
        if row.move.stamp and (row.move.session, row.move.stamp) not in moves:
            appender.add(Kind.REFS, row.move.encode())
    for extent in appender.sync():
        with translated(packs.directory):
            harvest.take(packs, extent.pack, 0, extent.length)
    appender.accept()
    appender.close()


def _delete(files: Files, path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        with suppress(OSError):
            files.unlink(path.with_name(path.name + suffix))
