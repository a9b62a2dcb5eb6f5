"""Taking a cache, or what a team has in common of it, elsewhere: export to one file, and import of such a file."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

from . import audits as audit_rows
from . import ledger as ask_rows
from . import pictures as picture_rows
from .bundle import Reader, Writer, reading, writing
from .entry import COLUMNS, VECTOR_COLUMNS, Entry, Kind, from_row
from .ledger import Ledger
from .part import KeepImages
from .pictures import KeptPicture
from .rows import from_ask, from_audit, from_entry, to_ask, to_audit, to_entry

_AT_ONCE: Final = 200

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Exported:
    """What is in the file."""

    file: Path
    entries: int
    pictures: int
    audits: int
    asks: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Imported:
    """What was added: nothing of what was there, what has been forgotten here, or what the user has corrected here."""

    entries: int = 0
    pictures: int = 0
    audits: int = 0
    asks: int = 0


class Transfer(Ledger):
    """The part of the cache that travels."""

    def export(self, file: str | Path, *, ledger: bool = False) -> Exported:
        """Write the good entries, their pictures and the audits to a new file; with ``ledger``, what was asked, too.

        :raises UsageError: if the file is there already.
        :raises StoreFull: if its disk is full; nothing is left of it then.
        """
        path = Path(file).expanduser()
        with writing(path) as writer, self._database.reading() as connection:
            pictures = _write_pictures(writer, connection, ledger=ledger)
            with writer.lines("entries") as lines:
                for row in connection.execute(
                    f"""SELECT {COLUMNS}, {VECTOR_COLUMNS} FROM entries AS e LEFT JOIN vectors AS v ON v.entry = e.number
                        WHERE standing = 0 AND (expires IS NULL OR expires > ?) ORDER BY number""",  # noqa: S608 - constants
                    (time.time(),),
                ):
                    lines.add(from_entry(from_row(row)))
                entries = lines.count
            with writer.lines("audits") as lines:
                for audit in audit_rows.every(connection):
                    lines.add(from_audit(audit))
                audits = lines.count
            asks = 0
            if ledger:
                with writer.lines("asks") as lines:
                    for ask in reversed(self.asks(None)):
                        lines.add(from_ask(ask))
                    asks = lines.count
        return Exported(path, entries, pictures, audits, asks, path.stat().st_size)

    def import_(self, file: str | Path, *, ledger: bool = False) -> Imported:
        """Add what a file has that `export` made and that is not here; with ``ledger``, what was asked there, too.

        All of the file is looked through first. Import only from those whose answers and corrections you would believe: they
        are hits here. Your own corrections win over theirs.

        :raises DamagedBundle: if anything is wrong with the file; nothing has changed then.
        """
        self._database.check_writable()
        with reading(Path(file).expanduser()) as bundle:
            _look_through(bundle)
            pictures = self._each(bundle.rows("pictures"), lambda c, row: self._import_picture(c, bundle, row))
            entries = self._each(bundle.rows("entries"), lambda c, row: self._import_entry(c, to_entry(row)))
            audits = self._each(bundle.rows("audits"), lambda c, row: audit_rows.insert(c, to_audit(row)))
            asks = self._each(bundle.rows("asks"), _import_ask) if ledger else 0
        if self.policy.limit_bytes is not None:
            self.evict()
        return Imported(entries, pictures, audits, asks)

    def _each(self, rows: Iterable[_T], put: Callable[[sqlite3.Connection, _T], bool]) -> int:
        """Put each in, many in one transaction, but not so many that others would wait for long. How many were new."""
        count = 0
        rest = iter(rows)
        while some := list(islice(rest, _AT_ONCE)):
            with self._database.transaction() as connection:
                count += sum(put(connection, row) for row in some)
        return count

    def _import_picture(self, connection: sqlite3.Connection, bundle: Reader, row: dict[str, Any]) -> bool:
        if connection.execute("SELECT 1 FROM pictures WHERE key = ?", (row["key"],)).fetchone():
            return False
        picture = bundle.picture(row, verify=False)
        if self.policy.keep_images is not KeepImages.FULL:
            picture = replace(picture, whole=None)
        if self.policy.keep_images is KeepImages.NONE:
            picture = replace(picture, thumbnail=None)
        picture_rows.insert(connection, [picture])
        return True

    def _import_entry(self, connection: sqlite3.Connection, entry: Entry) -> bool:
        corrected = connection.execute(
            "SELECT 1 FROM entries WHERE key = ? AND kind = 'user' AND standing = 0", (entry.key,)
        ).fetchone()
        if corrected and entry.kind == Kind.USER:
            return False
        return self._add(connection, entry)


def _import_ask(connection: sqlite3.Connection, row: dict[str, Any]) -> bool:
    ask = to_ask(row)
    here = connection.execute("SELECT 1 FROM asks WHERE id = ?", (ask.answer.id,)).fetchone()
    left = None if here else ask_rows.what_is_left(connection, ask)
    if left is None:
        return False
    ask_rows.insert(connection, left)
    return True


def _look_through(bundle: Reader) -> None:
    """Read all of it once; raises what `reading` makes a `DamagedBundle` of."""
    for row in bundle.rows("pictures"):
        bundle.picture(row, verify=True)
    for name, convert in (("entries", to_entry), ("audits", to_audit), ("asks", to_ask)):
        for row in bundle.rows(name):
            convert(row)


def _write_pictures(writer: Writer, connection: sqlite3.Connection, *, ledger: bool) -> int:
    """Write the pictures that the exported rows are about, then their rows."""
    used = "SELECT picture FROM entry_pictures JOIN entries ON number = entry WHERE standing = 0"
    if ledger:
        used += " UNION SELECT picture FROM ask_pictures"
    query = f"SELECT key, width, height, thumbnail, whole FROM pictures WHERE key IN ({used})"  # noqa: S608 - as above

    def rows() -> Iterator[dict[str, object]]:
        for row in connection.execute(query):
            yield writer.picture(KeptPicture(*row))

    found = list(rows())  # its files can't be written while the lines are
    with writer.lines("pictures") as lines:
        for row in found:
            lines.add(row)
    return len(found)
