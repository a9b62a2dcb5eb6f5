"""What a verb is asked and what it answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from perdure.errors import (
    NotAttached,
    SessionBusy,
    StoreFull,
    StoreReadOnly,
    StoreUnreachable,
    UnknownSession,
    UsageError,
)
from perdure.jupyter.config import store_path
from perdure.store import SessionInfo, Store
from perdure.timeline.history import History

if TYPE_CHECKING:
    from perdure.timeline.session import Session


@dataclass(frozen=True, slots=True)
class Kernel:
    """The kernel that a verb is called in, with the store that is configured for it. In a shell there is none."""

    store: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a verb has to say: to a person, to a program (``--json``), and as the shell's exit status."""

    text: str
    data: Any = None
    status: int = 0


class Request:
    """The session and the store that a verb works on: this kernel's own, or what was named.

    :param kernel: ``None`` in a shell.
    :param store: folder of the store, if one was named.
    :param session: id, prefix of one, or notebook of the session, if one was named.
    :param writes: whether the verb is of no use with a store that can only be read.
    """

    def __init__(self, kernel: Kernel | None, store: str | None, session: str | None, *, writes: bool) -> None:
        self.kernel = kernel
        self.wanted = session
        self._named_store = store
        self._writes = writes
        self._opened: Store | None = None

    def close(self) -> None:
        """Close the store, unless it is the kernel's."""
        if self._opened is not None:
            self._opened.close()

    # -- the store -----------------------------------------------------------------------------------------------------

    @property
    def store_named(self) -> str | None:
        """The folder that was asked for, or that is configured in this kernel."""
        return self._named_store or (self.kernel.store if self.kernel is not None else None)

    @property
    def path(self) -> Path:
        """The folder of the store."""
        return store_path(self.store_named)

    @cached_property
    def store(self) -> Store:
        """The store, which must exist."""
        return self.open_store()

    def open_store(self, *, create: bool = False) -> Store:
        """The kernel's store if that is the one, else the one at :attr:`path`, opened until the verb has answered."""
        own = self._own
        if own is not None and (self._named_store is None or own.store.path == self.path):
            return own.store
        try:
            self._opened = Store.open(self.path, create=create)
        except (StoreReadOnly, StoreFull, StoreUnreachable):  # reading needs no room on the disk
            if self._writes:
                raise
            self._opened = Store.open(self.path, readonly=True)
        return self._opened

    # -- the session ---------------------------------------------------------------------------------------------------

    @cached_property
    def _own(self) -> Session | None:
        """This kernel's session, asked for or not."""
        if self.kernel is None:
            return None
        from perdure.jupyter.attachment import current

        try:
            return current()
        except NotAttached:
            return None

    @cached_property
    def live(self) -> Session | None:
        """This kernel's session, if that is the one that was asked for."""
        own = self._own
        if self.kernel is None:
            return None
        if self._named_store is None and self.wanted is None:
            if own is None:
                raise NotAttached("This kernel has no perdure session. Start one with: %reload_ext perdure")
            return own
        if own is None or self.store is not own.store:
            return None
        return own if self.wanted is None or self.find(self.wanted).id == own.id else None

    @cached_property
    def history(self) -> History:
        """The session that was asked for: live if it is this kernel's."""
        live = self.live
        return live if live is not None else History(self.store, self._chosen().id)

    def find(self, session: str) -> SessionInfo:
        """The session with that id, id prefix or notebook.

        :raises UnknownSession: if the store has none.
        """
        from perdure.jupyter.attachment import find_session

        return find_session(self.store, session)

    def _chosen(self) -> SessionInfo:
        """The session that was named; else the last one of a notebook in the working directory; else the last one."""
        if self.wanted is not None:
            return self.find(self.wanted)
        known = [info for info in self.store.sessions() if info.commits]
        if not known:
            raise UnknownSession(f"The store {self.store.path} has no session yet. Run a notebook with perdure.")
        here = [info for info in known if info.notebook and _in_working_directory(info.notebook)]
        return (here or known)[0]

    def session(self, verb: str) -> Session:
        """The live session, for what can't be done without one.

        :raises UsageError: in a shell, or if another session than this kernel's was asked for.
        """
        live = self.live
        if live is None:
            raise UsageError(f"'{verb}' works on a kernel's own variables. In the notebook, type: %dart {verb}")
        return live

    @contextmanager
    def moving(self) -> Iterator[History]:
        """For moving the refs of a session.

        :raises SessionBusy: if another live kernel has it open, with what to type there.
        """
        history = self.history
        try:
            yield history
        except SessionBusy as error:
            owner = history.info.owner
            where = f" (process {owner.pid} on {owner.host})" if owner is not None else ""
            verb = click.get_current_context().info_name
            raise SessionBusy(
                f"Session {history.id} is open in another live kernel{where}. Type there: %dart {verb}"
            ) from error


def _in_working_directory(notebook: str) -> bool:
    path = Path(notebook)
    return path.is_absolute() and path.parent == Path.cwd()
