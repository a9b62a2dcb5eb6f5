"""Reading the user's objects without disturbing them, and without being held up by them.

An object's own pickling code may raise, loop or hang. While it runs, interrupts are held back (nothing of the user's runs),
warnings and the garbage collector are silent, and a timer ends what makes no progress.
"""

from __future__ import annotations

import gc
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Seconds without progress after which an object's pickling is given up.
STALL = 5.0

#: Seconds that one object's pickling may take in all.
LIMIT = 300.0

_TICK = 0.5


class TookTooLong(BaseException):
    """Raised inside an object's pickling code by the timer. Not an ``Exception``, so that the code doesn't swallow it."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold back interrupts, warnings and garbage collection."""
    collecting = gc.isenabled()
    gc.disable()
    main = threading.current_thread() is threading.main_thread()
    previous = signal.getsignal(signal.SIGINT) if main else None
    if main and previous is not None:
        signal.signal(signal.SIGINT, lambda *_: None)
    # Not catch_warnings(): leaving it makes Python forget which warnings it has already shown to the user.
    shown, warnings.showwarning = warnings.showwarning, lambda *_, **__: None
    try:
        yield
    finally:
        warnings.showwarning = shown
        if main and previous is not None:
            signal.signal(signal.SIGINT, previous)
        if collecting:
            gc.enable()


@contextmanager
def patience(progress: Callable[[], int]) -> Iterator[None]:
    """Raise :class:`TookTooLong` in the block when ``progress()`` stands still for :data:`STALL` seconds.

    Works on the main thread of systems with interval timers, and only while the user has no timer of their own.
    """
    if (
        threading.current_thread() is not threading.main_thread()
        or not hasattr(signal, "setitimer")
        or signal.getitimer(signal.ITIMER_REAL) != (0.0, 0.0)
    ):
        yield
        return
    seen, still, total = progress(), 0.0, 0.0

    def tick(*_: object) -> None:
        nonlocal seen, still, total
        total += _TICK
        now = progress()
        still = still + _TICK if now == seen else 0.0
        seen = now
        if still >= STALL or total >= LIMIT:
            raise TookTooLong

    previous = signal.signal(signal.SIGALRM, tick)
    signal.setitimer(signal.ITIMER_REAL, _TICK, _TICK)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous if previous is not None else signal.SIG_DFL)
