"""The guard: what hangs is ended, and the process is afterwards as it was."""

from __future__ import annotations

import gc
import os
import signal
import threading
import warnings

import pytest

from perdure.capture import guard

#: The other method is a timer of its own, which the guard leaves alone.
pytestmark = pytest.mark.timeout(60, method="thread")


def test_what_makes_no_progress_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "STALL", 0.5)
    with pytest.raises(guard.TookTooLong), guard.patience(lambda: 0):
        threading.Event().wait()
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_progress_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "STALL", 0.5)
    ticks: list[int] = []
    with guard.patience(lambda: ticks.append(1) or len(ticks)):
        while len(ticks) < 4:
            pass
    assert len(ticks) >= 4


def test_the_users_handlers_come_back() -> None:
    previous = signal.signal(signal.SIGALRM, handler := lambda *_: None)
    try:
        with guard.patience(lambda: 0):
            pass
        assert signal.getsignal(signal.SIGALRM) is handler
    finally:
        signal.signal(signal.SIGALRM, previous)


def test_nothing_of_the_users_runs_and_all_is_put_back() -> None:
    shown = warnings.showwarning
    collecting, interrupt = gc.isenabled(), signal.getsignal(signal.SIGINT)
    with guard.undisturbed():
        assert not gc.isenabled()
        os.kill(os.getpid(), signal.SIGINT)
        warnings.warn("not to be seen", stacklevel=1)
    assert (gc.isenabled(), signal.getsignal(signal.SIGINT), warnings.showwarning) == (collecting, interrupt, shown)


def test_it_is_put_back_after_an_exception_too() -> None:
    with pytest.raises(ZeroDivisionError), guard.undisturbed():
        1 / 0
    assert gc.isenabled()
