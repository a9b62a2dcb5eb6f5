"""The catalog of a store that can't (or mustn't) be written."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from perdure.errors import DamagedCatalog, PerdureError, StoreBusy, StoreMissing

from .catalog import FILE, Catalog, damaged
from .files import Files, translated
from .opening import Marker, check_version, put_in_order
from .pack import PackFiles


class CopiedCatalog(Catalog):
    """A private copy of a catalog, deleted when closed."""

    is_copy = True

    def __init__(self, source: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="perdure-")
        copy = Path(self._folder.name) / FILE
        for suffix in ("", "-wal"):
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{source}{suffix}", f"{copy}{suffix}")
        super().__init__(copy)

    def close(self) -> None:
        """Close the connections and delete the copy."""
        super().close()
        self._folder.cleanup()


def open_catalog(path: Path, packs: PackFiles, marker: Marker, patience: float | None) -> Catalog:
    """The catalog at ``path`` for reading. Raises `DamagedCatalog`, `StoreTooNew`, `StoreBusy` or `StoreUnreachable`."""
    where = path / FILE
    with translated(where):
        if not where.exists() or where.stat().st_size == 0:
            if packs.sizes():
                raise damaged(where, "it is missing")
            raise StoreMissing(f"The store at {path} has not been used yet. Run a notebook with perdure there.")
    catalog: Catalog = Catalog(where, readonly=True, patience=patience)
    try:
        check_version(catalog, marker)
        return catalog
    except (DamagedCatalog, StoreBusy):
        catalog.close()
        raise
    except PerdureError:
        catalog.close()
    # SQLite needs a shared-memory file beside a catalog in WAL mode, and can't make one here. A copy sees what the
    # write-ahead log holds, which SQLite's immutable mode would not.
    with translated(where):
        catalog = CopiedCatalog(where)
    try:
        check_version(catalog, marker)
        put_in_order(catalog, packs, _NoFiles())
        catalog.readonly = True
    except BaseException:
        catalog.close()
        raise
    return catalog


class _NoFiles(Files):
    """Deletes nothing: the store isn't ours to change."""

    def unlink(self, path: Path) -> None:
        """Refused."""
        raise OSError(f"{path} is read-only")
