"""Money: a limit that holds for all threads and processes together."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from cot.caches import child
from perdure.cot.cache import Cache, Call
from perdure.errors import BudgetSpent, UsageError


def test_what_is_set_aside_is_settled_by_its_calls(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        first = cache.reserve(0.6, limit=1.0, since=0.0)
        with pytest.raises(BudgetSpent, match="ask later"):
            cache.reserve(0.5, limit=1.0, since=0.0)
        cache.record_call(Call("apprentice", "small", "1", cost=0.1), first)
        cache.record_call(Call("master", "big", "1", cost=0.2), first)
        assert cache.spent() == pytest.approx(0.3)
        assert cache.reserved() == pytest.approx(0.3)
        cache.settle(first)
        cache.settle(first)
        assert cache.reserved() == 0.0
        second = cache.reserve(0.7, limit=1.0, since=0.0)
        cache.record_call(Call("master", "big", "1", cost=0.9), second)  # it came dearer than it could
        assert cache.reserved() == 0.0


def test_only_what_was_spent_since_counts(tmp_path: Path) -> None:
    now = time.time()
    with Cache.open(tmp_path) as cache:
        cache.record_call(Call("master", "big", "1", cost=5.0, time=now - 90_000))
        cache.record_call(Call("master", "big", "1", cost=0.5, time=now - 80_000))
        assert cache.spent(now - 86_400) == 0.5
        cache.settle(cache.reserve(0.5, limit=1.0, since=now - 86_400))
        with pytest.raises(BudgetSpent):
            cache.reserve(0.5, limit=1.0, since=0.0)


def test_what_was_spent_is_exact_within_a_minute(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        for second in range(200):
            cache.record_call(Call("master", "big", "1", cost=1.0, time=60_000.0 + second))
        for since in (0.0, 60_000.0, 60_000.5, 60_030.0, 60_059.5, 60_060.0, 60_119.0, 60_199.0, 60_200.0):
            assert cache.spent(since) == sum(60_000.0 + second >= since for second in range(200))


def test_amounts_that_are_none_are_refused(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        for amount in (-1.0, float("nan"), float("inf")):
            with pytest.raises(UsageError):
                cache.reserve(amount, limit=1.0, since=0.0)
        with pytest.raises(BudgetSpent):
            cache.reserve(0.01, limit=0.0, since=0.0)
        cache.settle(cache.reserve(0.0, limit=0.0, since=0.0))


_SPENDER = """
import threading
from cot.caches import *
from perdure.cot.cache import Call
from perdure.errors import BudgetSpent

cache = Cache.open(sys.argv[1])
refused = []

def spend():
    try:
        while True:
            reservation = cache.reserve(0.01, limit=1.0, since=0.0)
            cache.record_call(Call("master", "big", "1", cost=0.007), reservation)
            cache.settle(reservation)
    except BudgetSpent:
        refused.append(1)

sys.stdin.readline()
threads = [threading.Thread(target=spend) for _ in range(16)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(refused))
"""


def test_two_processes_with_sixteen_threads_each_never_spend_more_than_the_limit(tmp_path: Path) -> None:
    children = [child(_SPENDER, tmp_path) for _ in range(2)]
    for process in children:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=120)[0].strip() for process in children] == ["16", "16"]
    with Cache.open(tmp_path) as cache:
        # Each stopped when 0.01 more would not have fitted beside at most 31 others in flight.
        assert 1.0 - 32 * 0.01 - 1e-9 <= cache.spent() <= 1.0
        assert cache.reserved() == 0.0
        done = 0
        while True:
            try:
                reservation = cache.reserve(0.01, limit=1.0, since=0.0)
            except BudgetSpent:
                break
            cache.record_call(Call("master", "big", "1", cost=0.007), reservation)
            cache.settle(reservation)
            done += 1
        assert 0.99 - 1e-9 < cache.spent() <= 1.0


def test_what_a_dead_process_had_set_aside_is_free_again(tmp_path: Path) -> None:
    code = """
import os, signal
from cot.caches import *
cache = Cache.open(sys.argv[1])
cache.reserve(0.9, limit=1.0, since=0.0)
print("reserved", flush=True)
sys.stdin.readline()
os.kill(os.getpid(), signal.SIGKILL)
"""
    process = child(code, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "reserved\n"
    with Cache.open(tmp_path) as cache:
        with pytest.raises(BudgetSpent):
            cache.reserve(0.2, limit=1.0, since=0.0)
        assert cache.reserved() == 0.9
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the table of processes
        assert cache.reserved() == 0.0
        cache.reserve(0.2, limit=1.0, since=0.0)
    process.wait(10)


def test_threads_of_one_process_share_the_limit(tmp_path: Path) -> None:
    held, refused = [], []

    def take(cache: Cache) -> None:
        try:
            held.append(cache.reserve(0.1, limit=1.0, since=0.0))
        except BudgetSpent:
            refused.append(1)

    with Cache.open(tmp_path) as cache:
        threads = [threading.Thread(target=take, args=(cache,)) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(held), len(refused)) == (10, 6)
