"""This process's session: attaching to one, and what the package's top level offers.

There is one session per process, as there is one namespace that its cells run in.
"""

from __future__ import annotations

import contextlib
import os
import platform
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perdure._version import __version__
from perdure.errors import NotAttached, PerdureError, StoreFull, StoreReadOnly, StoreUnreachable, UnknownSession
from perdure.jupyter.config import Perdure, store_path
from perdure.jupyter.shell_state import namespace_of, notebook_of, rebuild_inputs
from perdure.store import SessionInfo, Store, is_alive
from perdure.timeline.history import History
from perdure.timeline.packages import differing
from perdure.timeline.report import Report
from perdure.timeline.session import Session
from perdure.timeline.trust import check_trusted
from perdure.verbs.words import typed_here

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from perdure.jupyter.announcing import Announcer
    from perdure.jupyter.watcher import Watcher


@dataclass(slots=True)
class Attachment:
    """The shell, its session, and the hooks between them."""

    shell: InteractiveShell
    config: Perdure
    store: Store
    session: Session
    watcher: Watcher
    announcer: Announcer | None
    process: int


_attachment: Attachment | None = None
_left: tuple[Path, str] | None = None  # the store and the session that this process had last


def attachment() -> Attachment:
    """This process's session with its shell and hooks.

    :raises NotAttached: if it has none.
    """
    if _attachment is None or _attachment.process != os.getpid():
        raise NotAttached("This kernel has no perdure session. Start one with: %load_ext perdure")
    return _attachment


def current() -> Session:
    """This kernel's session.

    :raises NotAttached: if ``%load_ext perdure`` has not been run.
    """
    return attachment().session


def attach(store: str | os.PathLike[str] | None = None, session: str | None = None) -> Session:
    """Make the cells of this kernel commits: of a new session, or on top of an existing one's history.

    The values of an existing session are not brought in; :func:`restore` does that.

    :param store: folder of the store; the configured one if ``None``.
    :param session: id (or its beginning) of a session to go on with.
    :raises NotAttached: outside IPython.
    :raises SessionBusy: if another live kernel has the session open.
    """
    global _attachment  # noqa: PLW0603 - one per process is the point
    from perdure.jupyter.announcing import Announcer
    from perdure.jupyter.watcher import Watcher

    shell = _shell()
    config = Perdure(parent=shell)
    path = store_path(store or config.store)
    if _attachment is not None and _attachment.process == os.getpid():
        here = _attachment.store
        same_store = here.path == path or store is None
        if same_store and (session is None or here.session(session).id == _attachment.session.id):
            return _attachment.session
        opened = here if same_store else Store.open(path)
        chosen = _choose(opened, session, shell)
        opened.claim(chosen)  # before the present one is given up: if it is busy, nothing has changed
        detach(keep_store=opened is here)
    else:
        opened = Store.open(path)
        chosen = _choose(opened, session, shell)
    live = Session(opened, chosen, namespace_of(shell), _say)
    announcer = Announcer.start(shell, live)
    watcher = Watcher(shell, live, config, announcer.saving if announcer is not None else None)
    _attachment = Attachment(shell, config, opened, live, watcher, announcer, os.getpid())
    watcher.start()
    return live


def attach_again() -> Session:
    """Attach to the session that this kernel has left, if it has left one, and else to a new one.

    ``%reload_ext`` goes on with the history. What happened in between is a change of its next cell.
    """
    if _attachment is None and _left is not None:
        path, session = _left
        if store_path(Perdure(parent=_shell()).store) == path:
            with contextlib.suppress(UnknownSession):  # nothing had happened in it
                return attach(path, session)
    return attach()


def detach(*, keep_store: bool = False) -> None:
    """Save what is left, stop watching and give the session back."""
    global _attachment, _left  # noqa: PLW0603 - one per process is the point
    if _attachment is None:
        return
    left, _attachment = _attachment, None
    if left.process != os.getpid():
        return
    _left = left.store.path, left.session.id
    left.watcher.stop()
    left.session.close()
    if left.announcer is not None:
        left.announcer.stop()
    with contextlib.suppress(PerdureError):  # the session has said what is wrong with the store
        if left.session.info.commits == 0:
            left.store.delete_session(left.session.id)  # nothing ever happened in it
        if not keep_store:
            left.store.close()


def restore(session: str | None = None, store: str | os.PathLike[str] | None = None) -> Report:
    """Bring a session's newest version into this kernel and go on with its history.

    :param session: its id (or the beginning), or its notebook's path or name; this notebook's last session, else the
        store's last one, if ``None``.
    :raises UnknownSession: if there is no such session.
    :raises SessionBusy: if another live kernel has it open.
    :raises Untrusted: if it was imported from elsewhere and not trusted yet.
    """
    shell = _shell()
    path = store_path(store or Perdure(parent=shell).store)
    own = _attachment.session.id if _attachment is not None else None
    looked_in = _attachment.store if _attachment is not None and _attachment.store.path == path else Store.open(path)
    chosen = find_session(looked_in, session, notebook=notebook_of(shell), other_than=own)
    check_trusted(looked_in, chosen.id)  # before anything is given up
    if looked_in is not (_attachment.store if _attachment is not None else None):
        looked_in.close()
    live = attach(path, chosen.id)
    report = live.restore()
    report.warnings += _differences(chosen)
    if report.head is not None:
        report.warnings += differing(live.store.ancestry(report.head))
    rebuild_inputs(shell, live)
    return report


def open(  # noqa: A001 - it is used as perdure.open
    session: str, store: str | os.PathLike[str] | None = None
) -> History:
    """Read a session from outside its kernel, which may be running.

    :raises UnknownSession: if there is no such session.
    """
    path = store_path(store)
    try:
        opened = Store.open(path, create=False)
    except (StoreReadOnly, StoreFull, StoreUnreachable):  # reading needs no room on the disk
        opened = Store.open(path, readonly=True)
    return History(opened, find_session(opened, session).id)


def sessions(store: str | os.PathLike[str] | None = None) -> list[SessionInfo]:
    """All sessions of a store, the one used last first. An empty list if there is no store yet."""
    if _attachment is not None and store is None:
        return _attachment.store.sessions()
    path = store_path(store)
    if not path.exists():
        return []
    opened = Store.open(path, create=False)
    try:
        return opened.sessions()
    finally:
        opened.close()


def find_session(
    store: Store, wanted: str | None, *, notebook: str | None = None, other_than: str | None = None
) -> SessionInfo:
    """The session with that id, id prefix or notebook; without ``wanted`` the notebook's last one, or the last one.

    :raises UnknownSession: if there is none.
    """
    known = [info for info in store.sessions() if info.id != other_than and info.head is not None]
    if wanted is None:
        candidates = [info for info in known if notebook is not None and info.notebook == notebook] or known
        if not candidates:
            besides = " besides this kernel's own" if other_than is not None else ""
            raise UnknownSession(f"The store {store.path} has no session to restore yet{besides}.")
        return candidates[0]
    by_notebook = [info for info in known if info.notebook and wanted in (info.notebook, Path(info.notebook).name)]
    if by_notebook:
        return by_notebook[0]
    return store.session(wanted)


def earlier_session() -> SessionInfo | None:
    """This notebook's last session before the present one, if no live kernel has it."""
    here = attachment()
    notebook = notebook_of(here.shell)
    for info in here.store.sessions() if notebook is not None else ():
        if info.notebook == notebook and info.id != here.session.id and info.head is not None:
            return info if info.owner is None or not is_alive(info.owner) else None
    return None


# -- parts ------------------------------------------------------------------------------------------------------


def _shell() -> InteractiveShell:
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None:
        raise NotAttached(
            "perdure attaches to IPython and Jupyter sessions, and this is plain Python. Start 'ipython'."
        )
    return shell


def _choose(store: Store, session: str | None, shell: InteractiveShell) -> str:
    if session is not None:
        return store.session(session).id
    return store.create_session(notebook=notebook_of(shell), meta=_meta()).id


def _meta() -> dict[str, Any]:
    return {
        "perdure": __version__,
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "platform": platform.platform(),
        "host": socket.gethostname(),
        "cwd": str(Path.cwd()),
        "time": time.time(),
    }


def _differences(info: SessionInfo) -> list[str]:
    """What differs between the session's Python and this one, if anything."""
    was, now = info.meta.get("python"), platform.python_version()
    if was and was.rpartition(".")[0] != now.rpartition(".")[0]:
        return [f"the session ran on Python {was} and this is {now}; functions may not come back"]
    return []


def _say(line: str) -> None:
    print(typed_here(line, kernel=True), file=sys.stderr, flush=True)
