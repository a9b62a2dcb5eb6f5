"""A shell in a child that does what it is told, cell by cell, and whose store's writes can be made to fail."""

from __future__ import annotations

import errno
import io
import json
import os
import traceback
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from kill.fingerprint import fingerprint
from kill.shells import Shell, failed
from kill.warm import Line
from perdure.errors import NotAttached, PerdureError
from perdure.store.digest import Buffer
from perdure.store.files import Files

#: The calls that need room on the disk.
CALLS = ("create", "write", "sync", "sync_directory", "replace", "_link", "make_directory")


class Faults:
    """Makes the calls of `Files` fail from the one numbered ``at`` on, or only that one."""

    def __init__(self) -> None:
        self.count = 0
        self.at = -1
        self.lasting = False
        self.code = errno.ENOSPC
        for name in CALLS:
            setattr(Files, name, self._wrapped(name, getattr(Files, name)))

    @property
    def fired(self) -> bool:
        return 0 < self.at <= self.count

    def arm(self, at: int, code: int, *, lasting: bool) -> None:
        self.count, self.at, self.code, self.lasting = 0, at, code, lasting

    def _wrapped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(files: Files, *arguments: Any, **named: Any) -> Any:
            self.count += 1
            if self.count == self.at or (self.fired and self.lasting):
                if name == "write":
                    self._half(files, *arguments, call=call)
                raise OSError(self.code, os.strerror(self.code))
            return call(files, *arguments, **named)

        return counted

    @staticmethod
    def _half(files: Files, fd: int, buffers: Sequence[Buffer], call: Callable[..., Any]) -> None:
        first = memoryview(buffers[0]).cast("B")
        call(files, fd, [first[: len(first) // 2]])


def serve(line: Line, store: str, **settings: Any) -> None:
    """Answer until the other end has gone."""
    server = _Server(Shell(store, **settings))
    while text := line.hear():
        request = json.loads(text)
        name = request.pop("do")
        line.say(answer=getattr(server, name)(**request))


class _Server:
    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._faults = Faults()

    def run(self, cell: str) -> dict[str, Any]:
        ran = self._shell.run(cell)
        return {"out": ran.out, "err": ran.err, "error": None if ran.error is None else type(ran.error).__name__}

    def attempt(self, session: str) -> dict[str, Any]:
        """What a restore brings: hashes of what came back, and what is said of the rest."""
        try:
            report = self._shell.restore(session)
        except PerdureError as error:
            return {"error": f"{type(error).__name__}: {error}", "values": {}, "failed": {}, "head": None}
        except Exception:
            return {"error": None, "crash": traceback.format_exc(), "values": {}, "failed": {}, "head": None}
        return {"error": None, "values": self.values(), "failed": failed(report), "head": report.head}

    def values(self) -> dict[str, str]:
        """A hash of each variable by itself."""
        return {name: fingerprint(value) for name, value in self._shell.values().items()}

    def state(self) -> dict[str, Any]:
        """How the session stands, without waiting for anything."""
        try:
            session = self._shell.session
        except NotAttached:
            return {"session": None}
        return {"session": session.id, "durable": session.durable, "trouble": session.trouble}

    def flush(self) -> dict[str, Any]:
        """Wait for durability, or the reason why there is none."""
        said = io.StringIO()
        with redirect_stderr(said), redirect_stdout(said):
            try:
                self._shell.session.flush()
            except PerdureError as error:
                return {"error": f"{type(error).__name__}: {error}", "head": None, "said": said.getvalue()}
            return {"error": None, "head": self._shell.session.head, "said": said.getvalue()}

    def arm(self, at: int, lasting: bool, code: int = errno.ENOSPC) -> None:
        self._faults.arm(at, code, lasting=lasting)

    def shorten_patience(self, seconds: float) -> None:
        """Wait no longer than that for a catalog that somebody has locked."""
        from perdure.store import catalog

        catalog.BUSY_SECONDS = seconds  # type: ignore[misc]

    def disarm(self) -> bool:
        """Let everything succeed again; whether anything had failed."""
        fired = self._faults.fired
        self._faults.at = -1
        return fired
