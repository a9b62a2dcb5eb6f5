"""Announcing: tells front ends over a comm what happens to the session, as a hint to look.

All that a front end shows it reads from the store; a message that is lost costs it a moment. Messages go out from the
kernel's own output thread, so neither a cell nor its commit waits for them, and they arrive in the order of events.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from perdure.errors import PerdureError
from perdure.store import Commit
from perdure.timeline.session import Session

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

#: The comm's target.
TARGET = "perdure"

#: Front ends that have opened a comm, at most; one that was reloaded never says that it is gone.
_COMMS = 8


class Announcer:
    """Of one session in one kernel. Nothing here raises."""

    def __init__(self, kernel: Any, session: Session) -> None:
        self._kernel = kernel
        self._about = {"session": session.id, "store": str(session.store.path)}
        self._comms: list[Any] = []
        self._on = True
        session.listeners.add(self.committed)
        session.listeners.add_for_trouble(self.troubled)
        session.listeners.add_for_moves(self.moved)

    @classmethod
    def start(cls, shell: InteractiveShell, session: Session) -> Announcer | None:
        """Announce the session where the shell is a kernel's; in a terminal nobody listens."""
        kernel = getattr(shell, "kernel", None)
        if kernel is None:
            return None
        announcer = None
        with suppress(Exception):  # the session is worth more than the news of it
            announcer = cls(kernel, session)
            announcer.open()
        return announcer

    def open(self) -> None:
        """Answer whoever opens a comm, and open one for those who are there."""
        import comm

        comm.get_comm_manager().register_target(TARGET, self._opened)
        self._soon(self._open)

    def stop(self) -> None:
        """Close the comms: from now on nothing here is a session's."""
        self._on = False
        with suppress(Exception):
            import comm

            manager: Any = comm.get_comm_manager()
            if manager.targets.get(TARGET) == self._opened:
                manager.unregister_target(TARGET, self._opened)
            self._soon(self._close)

    # -- what happens ------------------------------------------------------------------------------------------

    def saving(self) -> None:
        """A cell has run, and its commit is on its way."""
        self._soon(self._tell, {"kind": "saving"})

    def committed(self, record: Commit) -> None:
        """A commit is durable."""
        self._soon(self._tell, {"kind": "commit", **self._about}, record)

    def troubled(self, error: PerdureError) -> None:
        """A commit could not be saved."""
        self._soon(self._tell, {"kind": "trouble", "message": str(error)})

    def moved(self) -> None:
        """HEAD, a branch or a tag is elsewhere."""
        self._soon(self._tell, {"kind": "moved", **self._about})

    # -- on the kernel's output thread -------------------------------------------------------------------------

    def _soon(self, work: Callable[..., None], *given: Any) -> None:
        with suppress(Exception):
            thread = getattr(self._kernel, "iopub_thread", None)
            if thread is None:
                self._safely(work, *given)
            else:
                thread.schedule(partial(self._safely, work, *given))

    @staticmethod
    def _safely(work: Callable[..., None], *given: Any) -> None:
        with suppress(Exception):  # a front end that is gone, or a socket that is closed
            work(*given)

    def _tell(self, message: dict[str, Any], record: Commit | None = None) -> None:
        if not self._on:
            return
        if record is not None:
            message = {**message, "commit": record.id}  # a digest of all of it, which the cell needn't wait for
        for one in list(self._comms):
            self._safely(one.send, message)

    def _open(self) -> None:
        import comm

        self._add(comm.create_comm(target_name=TARGET, data={"kind": "attached", **self._about}))

    def _opened(self, opened: Any, _: Any) -> None:
        """A front end has opened a comm, on whatever thread the kernel takes such messages."""
        self._add(opened)
        self._soon(self._greet, opened)

    def _greet(self, opened: Any) -> None:
        opened.send({"kind": "attached", **self._about})

    def _add(self, opened: Any) -> None:
        opened.on_close(lambda _: self._forget(opened))
        self._comms.append(opened)
        for old in self._comms[:-_COMMS]:
            self._forget(old)
            self._soon(old.close)

    def _forget(self, gone: Any) -> None:
        with suppress(ValueError):
            self._comms.remove(gone)

    def _close(self) -> None:
        while self._comms:
            self._safely(self._comms.pop().close)
