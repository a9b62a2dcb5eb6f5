"""Records that belong to no commit: what is known of a session, and refs that are moved by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from perdure.errors import PerdureError

from . import index
from .append import Appender
from .catalog import Catalog
from .digest import Kind
from .files import Files
from .pack import PackFiles
from .records import RefsMove, SessionRecord


class Journal:
    """Each call appends one record to a pack of its own and changes the catalog; durable when it returns."""

    def __init__(self, catalog: Catalog, packs: PackFiles, files: Files) -> None:
        self._catalog = catalog
        self._appender = Appender(files, packs.directory)
        self._lock = threading.Lock()

    def session(self, make: Callable[[index.SessionRow | None], SessionRecord], session: str | None = None) -> None:
        """Write the session record that ``make`` makes of the session's row."""
        self._write(Kind.SESSION, session, make)

    def move(self, session: str, make: Callable[[index.SessionRow | None], RefsMove]) -> None:
        """Write the refs record that ``make`` makes of the session's row."""
        self._write(Kind.REFS, session, make)

    def _write(
        self, kind: Kind, session: str | None, make: Callable[[index.SessionRow | None], SessionRecord | RefsMove]
    ) -> None:
        with self._lock:
            try:
                # The lock on the catalog is held while the record is synced: what it says is made of the row as it is.
                with self._catalog.transaction() as connection:
                    record = make(None if session is None else index.session_row(connection, session))
                    self._appender.add(kind, record.encode())
                    index.note_extents(connection, self._appender.sync())
                    if isinstance(record, SessionRecord):
                        index.apply_session(connection, record)
                    else:
                        index.apply_move(connection, record)
            except BaseException:
                self._appender.abort(self._indexed)
                raise
            self._appender.accept()

    def _indexed(self, name: str) -> int:
        with self._catalog.reading() as connection:
            return index.indexed(connection, name)

    def close(self) -> None:
        """Finish the pack."""
        with self._lock:
            name = self._appender.close()
            if name is not None:
                # Unsealed, the pack only has to wait for the end of this process before gc may touch it.
                with suppress(PerdureError), self._catalog.transaction() as connection:
                    index.seal_pack(connection, name)
