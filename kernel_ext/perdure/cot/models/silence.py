"""Quiet while we work: what transformers would print in this thread, without touching what the user has set."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

_lock: Final = threading.Lock()
_quiet: Final[dict[int, int]] = {}
"""How many times each thread is inside `silence`."""


class _Filter(logging.Filter):
    """Passes what other threads log, and what says that something failed."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.ERROR or record.thread not in _quiet


_filter: Final = _Filter()


@contextmanager
def silence() -> Iterator[None]:
    """In this thread, transformers logs no warning and draws no progress bar. Other threads, levels and handlers stay as they are."""
    from transformers.utils import logging as theirs

    me = threading.get_ident()
    handlers = logging.getLogger("transformers").handlers
    with _lock:
        if not _quiet:
            _bars.before = _hook(theirs, _bars)
            _bars.handlers = list(handlers)
            for handler in _bars.handlers:
                handler.addFilter(_filter)
        _quiet[me] = _quiet.get(me, 0) + 1
    try:
        yield
    finally:
        with _lock:
            _quiet[me] -= 1
            if not _quiet[me]:
                del _quiet[me]
            if not _quiet:
                _hook(theirs, _bars.before)
                for handler in _bars.handlers:
                    handler.removeFilter(_filter)


def _hook(theirs: Any, hook: Callable[..., Any] | None) -> Callable[..., Any] | None:
    """Have transformers make its progress bars through ``hook``; the one before. Its fourth major version knows none."""
    before: Callable[..., Any] | None = theirs.set_tqdm_hook(hook) if hasattr(theirs, "set_tqdm_hook") else None
    return before


class _Bars:
    """Stands where transformers makes its progress bars."""

    before: Callable[..., Any] | None = None
    handlers: list[logging.Handler]

    def __call__(self, make: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if threading.get_ident() in _quiet:
            options = options | {"disable": True}
        return self.before(make, args, options) if self.before else make(*args, **options)


_bars: Final = _Bars()
