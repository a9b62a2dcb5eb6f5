"""A session over a plain dict, on a store whose disk does what the test wants."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from perdure.capture.names import Namespace
from perdure.capture.reach import reach_of_cell
from perdure.store import Store
from perdure.store.digest import Buffer
from perdure.store.files import Files
from perdure.timeline.cell import Cell
from perdure.timeline.session import Session


class Disk(Files):
    """Stands still while ``running`` is not set, and is full while ``full``."""

    def __init__(self) -> None:
        self.running = threading.Event()
        self.running.set()
        self.full = False

    def write(self, fd: int, buffers: Sequence[Buffer]) -> None:
        self.running.wait()
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().write(fd, buffers)


class Living:
    """A session that runs cells, as a kernel does, but scans only when it is told to."""

    def __init__(self, folder: Path) -> None:
        self.disk = Disk()
        self.said: list[str] = []
        self.ns: dict[str, Any] = {}
        self.store = Store.open(folder, files=self.disk)
        identity = self.store.create_session(notebook=None, meta={}).id
        self.session = Session(self.store, identity, Namespace(self.ns), self.said.append)

    def cell(self, source: str) -> None:
        """Run a cell, up to its reply."""
        cell = Cell(source, reach_of_cell(source), started=time.time())
        self.session.begin(cell)
        exec(source, self.ns)
        self.session.end(cell)

    def commit(self, source: str) -> str:
        """Run a cell and wait until it is durable; the commit's id."""
        self.cell(source)
        self.session.flush()
        assert self.session.head is not None
        return self.session.head

    def hold(self) -> None:
        """Keep the saver busy with a cell that can't be written, until ``release``. What is scanned now stays where it is."""
        self.disk.running.clear()
        self.cell("held = None")
        self.session.settle()

    def release(self) -> None:
        self.disk.running.set()
        self.session.flush()

    def close(self) -> None:
        self.disk.running.set()
        self.session.close()
        self.store.close()
