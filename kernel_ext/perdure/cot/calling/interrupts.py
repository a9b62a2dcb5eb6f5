"""Interrupts: what must be done as a whole or not at all is done before the user's *stop* takes effect."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_back() -> Iterator[None]:
    """Let an interrupt wait for the end of the block, which has to be a short one. Python tells only its main thread of them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    if not callable(before):  # nobody listens, or somebody outside of Python
        yield
        return
    pressed: list[tuple[object, ...]] = []
    signal.signal(signal.SIGINT, lambda *given: pressed.append(given))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if pressed:
            before(*pressed[0])  # type: ignore[arg-type]  # what a handler is given
