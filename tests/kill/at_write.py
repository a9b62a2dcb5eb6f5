"""A child that kills itself at a chosen write of the store's, before it or in its midst."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from typing import Any

from kill.shells import Shell, failed
from kill.warm import Line
from perdure.store import Store
from perdure.store.digest import Buffer
from perdure.store.files import Files

#: The calls that change something on the disk.
CALLS = ("create", "write", "sync", "sync_directory", "truncate", "replace", "unlink", "_link", "make_directory")


class Fuse:
    """Counts the calls of `Files`, and ends the process with SIGKILL at the one called ``at``."""

    def __init__(self) -> None:
        self.count = 0
        self.at = -1
        for name in CALLS:
            setattr(Files, name, self._wrapped(name, getattr(Files, name)))

    def light(self, at: int) -> None:
        self.count, self.at = 0, at

    def _wrapped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(files: Files, *arguments: Any, **named: Any) -> Any:
            self.count += 1
            if self.count == self.at:
                if name == "write" and self.at % 2:
                    self._half(files, *arguments, call=call)
                os.kill(os.getpid(), signal.SIGKILL)
            return call(files, *arguments, **named)

        return counted

    @staticmethod
    def _half(files: Files, fd: int, buffers: Sequence[Buffer], call: Callable[..., Any]) -> None:
        first = memoryview(buffers[0]).cast("B")
        call(files, fd, [first[: max(len(first) // 2, 1)]])


def run_cells(line: Line, store: str, session: str | None, cells: list[str], at: int) -> None:
    """Load (or restore), run cells with a fuse lit, and say what is durable after each; at the end, how many calls it was."""
    fuse = Fuse()
    shell = Shell(store)
    fuse.light(at)
    shell.load()
    if session is None:
        line.say(session=shell.session.id)
    else:
        report = shell.restore(session)
        line.say(restored=report.head, values=shell.fingerprints(), failed=failed(report))
    for cell in cells:
        line.say(moving=cell) if cell.startswith("%dart") else line.say(cell=cell)
        shell.ok(cell)
        shell.session.flush()
        line.say(durable=shell.session.head, values=shell.fingerprints())
    fuse.at = -1
    line.say(calls=fuse.count)


def keep_house(line: Line, store: str, work: str, arguments: dict[str, Any], at: int) -> None:
    """``gc``, ``export``, ``import_`` or ``repair`` of a store with a fuse lit; at the end, how many calls it was."""
    fuse = Fuse()
    fuse.light(at)
    if work == "repair":
        Store.repair(store)
    else:
        with Store.open(store) as opened:
            getattr(opened, work)(**arguments)
    fuse.at = -1
    line.say(calls=fuse.count)
