"""Calls that several threads make at once, answered together by one of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

Ask = TypeVar("Ask")
Got = TypeVar("Got")


class _Waiting(Generic[Ask, Got]):
    """One thread's call."""

    def __init__(self, ask: Ask, kind: Hashable) -> None:
        self.ask = ask
        self.kind = kind
        self.done = False
        self.got: list[Got] = []
        self.error: Exception | None = None


class Gathering(Generic[Ask, Got]):
    """Puts calls of the same ``kind`` together, at most ``most``, and has them answered with one call of ``answer``.

    There is no thread of its own: whoever finds nobody at work leads, takes along who stands in line, and
    hands out what came. So an interrupt stops the work of the thread that it hits, and the others' calls go on with a new leader.
    A call that fails in company is tried again alone: a neighbour's trouble is not its own.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Ask]], Sequence[Got]],
        kind: Callable[[Ask], Hashable],
        *,
        most: int = 1,
        wait: float = 0.0,
    ) -> None:
        self._answer = answer
        self._kind = kind
        self._most = most
        self._wait = wait
        self._turn = threading.Lock()
        self._arrived = threading.Condition()
        self._line: list[_Waiting[Ask, Got]] = []

    def __call__(self, ask: Ask) -> Got:
        mine: _Waiting[Ask, Got] = _Waiting(ask, self._kind(ask))
        with self._arrived:
            self._line.append(mine)
            self._arrived.notify_all()
        try:
            while not mine.done:
                with self._turn:
                    if not mine.done:
                        self._lead(mine)
        finally:
            with self._arrived:
                if mine in self._line:
                    self._line.remove(mine)
        if mine.error is not None:
            raise mine.error
        return mine.got[0]

    def _lead(self, mine: _Waiting[Ask, Got]) -> None:
        batch = self._batch(mine)
        try:
            for one, got in zip(batch, self._answer([one.ask for one in batch]), strict=True):
                one.got.append(got)
                one.done = True
        except Exception as error:  # noqa: BLE001 - it is raised again in the thread whose call it was
            if len(batch) == 1:
                mine.error, mine.done = error, True
                return
        except BaseException:
            self._stand_again(batch, mine)
            raise
        if len(batch) > 1 and not mine.done:
            # Together it failed: from here on everyone leads a batch of one.
            for one in batch:
                one.kind = object()
            self._stand_again(batch, mine)
            self._lead(mine)

    def _batch(self, mine: _Waiting[Ask, Got]) -> list[_Waiting[Ask, Got]]:
        with self._arrived:
            if self._wait and self._most > 1:
                self._arrived.wait_for(lambda: len(self._alike(mine)) >= self._most, self._wait)
            batch = [mine, *(one for one in self._alike(mine) if one is not mine)][: self._most]
            self._line = [one for one in self._line if one not in batch]
        return batch

    def _alike(self, mine: _Waiting[Ask, Got]) -> list[_Waiting[Ask, Got]]:
        return [one for one in self._line if one.kind == mine.kind]

    def _stand_again(self, batch: Sequence[_Waiting[Ask, Got]], mine: _Waiting[Ask, Got]) -> None:
        with self._arrived:
            self._line[:0] = [one for one in batch if one is not mine]
