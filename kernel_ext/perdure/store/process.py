"""Who writes: this process, and whether another one still lives."""

from __future__ import annotations

import os
import socket
from typing import Final

from .records import Owner

_CLOCK_SLACK: Final = 5.0
"""Seconds by which two readings of one process's start may differ: it is counted from a boot time that the clock moves."""

_known: dict[int, Owner] = {}


def this_process() -> Owner:
    """The owner that this process is; after a fork, the child's."""
    pid = os.getpid()
    if pid not in _known:
        import psutil

        _known.clear()
        _known[pid] = Owner(socket.gethostname(), pid, psutil.Process(pid).create_time())
    return _known[pid]


def is_here(owner: Owner) -> bool:
    """Whether the process is (or was) one of this machine's."""
    return owner.host == socket.gethostname()


def is_alive(owner: Owner) -> bool:
    """Whether the process may still write. One on another machine can't be seen from here, so it counts as alive."""
    if not is_here(owner):
        return True
    import psutil

    try:
        process = psutil.Process(owner.pid)
        same = abs(process.create_time() - owner.started) < _CLOCK_SLACK
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
