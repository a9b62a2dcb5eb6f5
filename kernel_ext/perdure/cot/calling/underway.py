"""Calls under way in this process: whoever needs the reply to the same prompt waits for the one that is being made.

So a question that was interrupted is not asked a second time, and two threads that ask the same pay once.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from perdure.cot.models.model import Reply
from perdure.errors import NoAnswer

Key = tuple[str, ...]
"""The cache's folder, the question's key and the prompt's digest."""


@dataclass(frozen=True)
class Overtaken:
    """What a call comes to whose answer somebody else was given, while it was waited for: it is in the cache by now."""


Result = Reply | NoAnswer | Overtaken
Coming = Future[Result]

_lock: Final = threading.Lock()
_coming: Final[dict[Key, Coming]] = {}


def _forget_all() -> None:
    _coming.clear()


if hasattr(os, "register_at_fork"):
    # The threads that would have brought them are the parent's.
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)
    os.register_at_fork(after_in_child=_forget_all)


def _run(coming: Coming, call: Callable[[], Result]) -> None:
    if not coming.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
        coming.set_exception(error)
    else:
        coming.set_result(result)


class Pool:
    """Threads that make calls. A forked child gets threads of its own."""

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._pid = 0
        self._threads: ThreadPoolExecutor | None = None

    def start(self, key: Key | None, call: Callable[[], Result]) -> tuple[Coming, bool]:
        """The reply that is coming, and whether it is this call's own; ``key`` None shares it with nobody.

        One's own can be cancelled while it has not begun.
        """
        coming: Coming = Future()
        with _lock:
            known = None if key is None else _coming.get(key)
            if known is not None:
                return known, False
            if key is not None:
                _coming[key] = coming
        coming.add_done_callback(lambda _: self._done(key, coming))
        try:
            self._executor().submit(_run, coming, call)
        except BaseException:  # an interrupt may come here too: then it has begun, or never will
            coming.cancel()
            raise
        return coming, True

    @staticmethod
    def _done(key: Key | None, coming: Coming) -> None:
        with _lock:
            if key is not None and _coming.get(key) is coming:
                del _coming[key]

    def _executor(self) -> ThreadPoolExecutor:
        if self._threads is None or self._pid != os.getpid():
            self._pid = os.getpid()
            self._threads = ThreadPoolExecutor(self._concurrency, thread_name_prefix="perdure-cot")
        return self._threads

    def close(self) -> None:
        """End the threads; calls that are on their way are waited for."""
        threads, self._threads = self._threads, None
        if threads is not None and self._pid == os.getpid():
            threads.shutdown(cancel_futures=True)
