"""Calls of several threads answered together."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from perdure.cot.models.gathering import Gathering


class Work:
    """Doubles numbers, in batches that it remembers; the first batch waits until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = threading.Event()
        self.go = threading.Event()

    def __call__(self, asked: Sequence[int]) -> list[int]:
        self.batches.append(list(asked))
        self.begun.set()
        self.go.wait(20)
        if any(number < 0 for number in asked):
            raise ValueError(str(list(asked)))
        return [2 * number for number in asked]


def standing(gathering: Gathering[int, int], count: int) -> None:
    """Wait until so many calls stand in line."""
    with gathering._arrived:
        assert gathering._arrived.wait_for(lambda: len(gathering._line) >= count, 20)


def test_calls_that_wait_go_together() -> None:
    work = Work()
    gathering = Gathering(work, lambda number: number % 2, most=4)
    with ThreadPoolExecutor(12) as pool:
        first = pool.submit(gathering, 100)
        assert work.begun.wait(20)
        rest = [pool.submit(gathering, number) for number in range(11)]
        standing(gathering, 11)
        work.go.set()
        assert [first.result(), *(one.result() for one in rest)] == [200, *(2 * number for number in range(11))]
    assert all(len({number % 2 for number in batch}) == 1 and len(batch) <= 4 for batch in work.batches)
    assert len(work.batches) < 12


def test_one_that_fails_in_company_fails_alone() -> None:
    work = Work()
    gathering = Gathering(work, lambda number: 0, most=8)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(gathering, 100)
        assert work.begun.wait(20)
        rest = [pool.submit(gathering, number) for number in (1, -2, 3)]
        standing(gathering, 3)
        work.go.set()
        assert first.result() == 200
        assert rest[0].result() == 2
        assert rest[2].result() == 6
        with pytest.raises(ValueError, match=r"^\[-2\]$"):
            rest[1].result()


def test_an_interrupt_stops_its_own_call_only() -> None:
    interrupted = threading.get_ident()
    batches = []

    def work(asked: Sequence[int]) -> list[int]:
        batches.append(list(asked))
        if threading.get_ident() == interrupted:
            raise KeyboardInterrupt
        return [2 * number for number in asked]

    gathering = Gathering(work, lambda number: 0, most=8, wait=20.0)
    with ThreadPoolExecutor(8) as pool:

        def others() -> list[Future[int]]:
            standing(gathering, 1)
            while not gathering._turn.locked():  # the main thread is about to lead
                pass
            return [pool.submit(gathering, number) for number in range(7)]

        rest = pool.submit(others)
        with pytest.raises(KeyboardInterrupt):
            gathering(7)
        gathering._wait = 0.0
        assert [one.result(20) for one in rest.result(20)] == [2 * number for number in range(7)]
    assert sorted(batches[0]) == list(range(8))
    assert sorted(number for batch in batches[1:] for number in batch) == list(range(7))
    assert gathering._line == []


def test_without_company_nothing_waits() -> None:
    gathering = Gathering(lambda asked: [2 * number for number in asked], lambda number: 0)
    assert [gathering(number) for number in range(3)] == [0, 2, 4]
