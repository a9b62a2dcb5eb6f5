"""The one session of this process: values that refer to "the session" come back as whichever it then is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from perdure.errors import NotAttached

if TYPE_CHECKING:
    from perdure.timeline.session import Session

_live: dict[int, Session] = {}


def live_session() -> Session:
    """The session of this process.

    :raises NotAttached: if it has none.
    """
    session = _live.get(os.getpid())
    if session is None:
        raise NotAttached("This kernel has no perdure session. Start one with: %load_ext perdure")
    return session


def enter(session: Session) -> None:
    """``session`` is this process's from now on."""
    _live[os.getpid()] = session


def leave(session: Session) -> None:
    """``session`` is it no more."""
    if _live.get(os.getpid()) is session:
        del _live[os.getpid()]
