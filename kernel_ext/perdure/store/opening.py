"""Opening a store: its marker, its catalog, and what a killed process has left behind."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from perdure.errors import StoreMissing, StoreTooNew, StoreUnreachable

from . import index
from .catalog import FILE, Catalog, damaged
from .files import Files, translated
from .migrations import MIGRATIONS
from .pack import PackFiles
from .recover import Harvest, apply, tails

MARKER: Final = "perdure-store.json"

Marker = dict[str, Any]
FORMAT: Final = 1
"""Number of the format of marker, packs and records. The catalog's own number counts migrations."""


def open_store(
    path: Path, files: Files, *, create: bool, readonly: bool, patience: float | None
) -> tuple[str, Catalog, PackFiles]:
    """The id of the store at ``path``, its catalog and its packs. Raises as `Store.open` says."""
    marker = _read_marker(path / MARKER)
    if marker is None:
        if not create:
            raise StoreMissing(f"There is no store at {path}. Check the path, or run a notebook with perdure there.")
        marker = _make(path, files)
    packs = PackFiles(path / "packs")
    if readonly:
        from .readonly import open_catalog

        return marker["id"], open_catalog(path, packs, marker, patience), packs
    catalog_path = path / FILE
    with translated(catalog_path):
        fresh = not catalog_path.exists() or catalog_path.stat().st_size == 0
        if fresh and packs.sizes():
            raise damaged(catalog_path, "it is missing")
        if fresh:
            with suppress(FileExistsError):
                os.close(files.create(catalog_path))
    catalog = Catalog(catalog_path)
    try:
        check_version(catalog, marker)
        catalog.prepare()
        _note_version(path, files, marker)
        put_in_order(catalog, packs, files)
    except BaseException:
        catalog.close()
        raise
    return marker["id"], catalog, packs


def _read_marker(path: Path) -> Marker | None:
    try:
        with translated(path):
            text = path.read_bytes()
    except StoreUnreachable as error:
        if isinstance(error.__cause__, (FileNotFoundError, NotADirectoryError)):
            return None
        raise
    try:
        marker = json.loads(text)
        version, store_id = int(marker["format"]), str(marker["id"])
    except (ValueError, KeyError, TypeError) as error:
        raise StoreUnreachable(
            f'{path} is damaged: {error}. Put {{"format": {FORMAT}, "id": "0"}} there; all else is in the packs.'
        ) from error
    if version > FORMAT:
        raise StoreTooNew(
            f"{path.parent} was written by perdure format {version}; this one reads up to {FORMAT}. Upgrade perdure."
        )
    return {**marker, "id": store_id}


def _make(path: Path, files: Files) -> Marker:
    marker = {"format": FORMAT, "catalog": len(MIGRATIONS), "id": os.urandom(6).hex()}
    with translated(path):
        files.make_directory(path / "packs")
        made = files.publish(path / MARKER, json.dumps(marker).encode())
    if not made:  # another process was faster
        return _read_marker(path / MARKER) or marker
    return marker


def check_version(catalog: Catalog, marker: Marker) -> None:
    """Raises `StoreTooNew` or `DamagedCatalog` if the catalog isn't one that this perdure can use."""
    version = catalog.version
    if version <= len(MIGRATIONS):
        return
    noted = marker.get("catalog")
    if isinstance(noted, int) and noted >= version:
        raise StoreTooNew(
            f"{catalog.path} was written by perdure catalog version {version}; this one reads up to {len(MIGRATIONS)}. "
            "Upgrade perdure."
        )
    # The marker would have known of a newer one.
    raise damaged(catalog.path, f"it claims to be of version {version}")


def _note_version(path: Path, files: Files, marker: Marker) -> None:
    noted = marker.get("catalog")
    if not isinstance(noted, int) or noted < len(MIGRATIONS):
        marker["catalog"] = len(MIGRATIONS)
        with translated(path):
            files.publish(path / MARKER, json.dumps(marker).encode(), replace=True)


def put_in_order(catalog: Catalog, packs: PackFiles, files: Files) -> int:
    """Index what dead writers have left unindexed, and delete packs that gc has replaced; the number of commits found.

    A commit is in its pack before it is in the catalog, so a catalog that lost its last transactions (a damaged
    write-ahead log) gets them back here.
    """
    with translated(packs.directory):
        with catalog.reading() as connection:
            rows = index.packs(connection)
        left = list(tails(packs, rows))
        harvest = Harvest()
        for name, start, end in left:
            harvest.take(packs, name, start, end)
    found = 0
    if left:
        with catalog.transaction() as connection:
            states = {name: index.SEALED for name, _, _ in left}
            found = apply(connection, harvest, states=states, partial_commits=False)
    replaced = [row for row in rows.values() if row.state == index.REPLACED]
    if replaced:
        drop_replaced(catalog, packs, files, [row.name for row in replaced])
    return found


def drop_replaced(catalog: Catalog, packs: PackFiles, files: Files, names: list[str]) -> None:
    """Delete packs whose records lie elsewhere now. A file that can't be deleted yet is left for the next time."""
    gone = []
    for name in names:
        packs.forget(name)
        with suppress(OSError):
            files.unlink(packs.path(name))
            gone.append(name)
    if gone:
        # Only durable deletions may be forgotten, or a pack that comes back would be taken for a new one.
        with suppress(OSError):
            files.sync_directory(packs.directory)
            with catalog.transaction() as connection:
                connection.executemany("DELETE FROM packs WHERE name = ?", [(name,) for name in gone])
