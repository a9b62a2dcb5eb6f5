"""What changes while no cell runs is committed as what it is, once the kernel is idle."""

from __future__ import annotations

import time

import perdure
from kernel.driver import Kernel

TASK = """
import asyncio
seen = [1]
async def later():
    await asyncio.sleep(0)
    for _ in range(3):
        await asyncio.sleep(0.05)
        seen.append(2)
task = asyncio.ensure_future(later())
"""


def test_a_change_by_a_task_is_committed_without_a_cell(kernel: Kernel) -> None:
    kernel.ok(TASK)
    session, store = kernel.session_id, kernel.store
    deadline = time.monotonic() + 60
    while True:  # the store is all that tells: no cell may run meanwhile
        history = perdure.open(session, store)
        try:
            if any("seen" in commit.changed and not commit.source for commit in history.log()):
                break
        finally:
            history.store.close()
        assert time.monotonic() < deadline, "the change was never committed"
        time.sleep(0.1)  # between two looks, not instead of one
    kernel.die_and_restore()
    assert kernel.value("seen[:2]") == [1, 2]
