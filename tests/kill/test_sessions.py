"""SIGKILL at random moments of two sessions on one store: whatever was acknowledged comes back, each time.

``PERDURE_KILLS`` says how often, ``PERDURE_SEED`` where the chance begins. A life is a real IPython shell with the real
extension, in a process forked from a warm one; ``test_kernels.py`` does the same to kernels.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from pathlib import Path

import pytest

import perdure
from kill.lane import Lane
from kill.nursery import Child, Nursery, wait
from perdure.store import Store

KILLS = int(os.environ.get("PERDURE_KILLS", "200"))
SEED = os.environ.get("PERDURE_SEED", "1")

#: Kills of one store; then a new one is begun.
BATCH = 50


class Housekeeper:
    """A process that cleans up beside the sessions, and is killed as they are."""

    def __init__(self, nursery: Nursery, store: Path, chance: random.Random) -> None:
        self._nursery, self._store, self._chance = nursery, store, chance
        self._child: Child | None = None
        self.kills = self.done = 0

    def kill(self) -> None:
        """End it at whatever it is doing; or, if there is none, perhaps begin one."""
        if self._child is not None:
            self.done += sum("kept" in message for message in self._child.kill())
            self.kills += 1
            self._child = None
        elif self._chance.random() < 0.5:
            self._child = self._nursery.fork(
                "kill.life:keep_house", store=str(self._store), seed=self._chance.randrange(1 << 30)
            )


def run(lanes: list[Lane], housekeeper: Housekeeper, kills: int) -> None:
    """Let the sessions live side by side, and die ``kills`` times in all."""
    for lane in lanes:
        lane.begin()
    while sum(lane.kills for lane in lanes) < kills:
        first = min(lanes, key=lambda lane: lane.deadline)
        of_child = {lane.child: lane for lane in lanes if lane.child is not None}
        for child in wait(list(of_child), first.deadline):
            child.read()
            of_child[child].hear(child.taken())
            assert not child.over, "the child ended by itself"
        first = min(lanes, key=lambda lane: lane.deadline)
        began = time.monotonic()
        if began >= first.deadline:
            first.kill()
            first.begin()
            housekeeper.kill()
            for lane in lanes:
                if lane is not first:
                    lane.deadline += time.monotonic() - began  # it was waiting for us
    for lane in lanes:
        lane.kill()


@pytest.mark.slow
@pytest.mark.torture
@pytest.mark.parametrize("batch", range(max(KILLS // BATCH, 1)))
def test_every_acknowledged_commit_survives(nursery: Nursery, tmp_path: Path, batch: int) -> None:
    print(f"PERDURE_SEED={SEED}, batch {batch}")
    chance = random.Random(f"{SEED} {batch}")
    store = tmp_path / "store"
    lanes = [Lane(store, random.Random(chance.random()), nursery) for _ in range(2)]
    housekeeper = Housekeeper(nursery, store, random.Random(chance.random()))
    run(lanes, housekeeper, min(KILLS, BATCH))
    nursery.clear()
    print(f"{sum(lane.kills for lane in lanes)} kills, {sum(len(lane.acknowledged) for lane in lanes)} commits;")
    print(f"{housekeeper.kills} kills of gc and its like, which got {housekeeper.done} times to their end")
    assert sum(len(lane.acknowledged) for lane in lanes) > min(KILLS, BATCH)
    check_everything(lanes, store)
    with Store.open(store) as opened:
        assert opened.verify().findings == []
        opened.gc(keep_days=30)
    check_everything(lanes, store)
    Store.repair(store)
    check_everything(lanes, store)
    shutil.rmtree(store)  # hundreds of megabytes


def check_everything(lanes: list[Lane], store: Path) -> None:
    for lane in lanes:
        assert lane.session is not None
        with lane.reading() as history:
            head = history.refs.head
            assert head is not None
            lane.check(history, lane.chance.sample(sorted(lane.acknowledged), min(len(lane.acknowledged), 25)))
            assert {commit.id for commit in history.log()} <= {
                commit for commit, _ in history.store.commits(lane.session)
            }
    assert {lane.session for lane in lanes} <= {info.id for info in perdure.sessions(store)}
