"""Errands: what only waits for the disk is done on another thread, one call at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Errand:
    """A call on a thread of its own; the next begins when the last has ended.

    A thread per call: nothing is left over to end, and a fork or the interpreter's own end finds none that idles.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self, call: Callable[[], None]) -> None:
        """Wait for the last call, raising what it raised, and begin with this one."""
        self.wait()
        thread = threading.Thread(target=self._run, args=(call,), name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending, or there are too many threads
            self._run(call)
        else:
            self._thread = thread

    def _run(self, call: Callable[[], None]) -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - it is raised where the errand is waited for
            self._error = error

    def wait(self) -> None:
        """Wait until nothing runs. What the call raised is raised here, once."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        error, self._error = self._error, None
        if error is not None:
            raise error
