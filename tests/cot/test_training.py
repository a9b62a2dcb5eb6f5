"""How a training of the embedded models is counted."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.embedded.card import spent
from benchmarks.embedded.schedule import Budget


def test_a_resumed_training_goes_on_where_the_log_ends(tmp_path: Path) -> None:
    log = tmp_path / "training.jsonl"
    begun = Budget("master", log, minutes=None, steps=10)
    for _ in range(6):
        begun.step(loss=1.0)
    begun.note()
    assert Budget("apprentice", log, minutes=None, steps=10, resume=True).done == 0
    resumed = Budget("master", log, minutes=None, steps=10, resume=True)
    assert (resumed.done, resumed.rate()) == (6, begun.rate())
    while resumed.left():
        resumed.step(loss=1.0)
    resumed.note()
    assert Budget("master", log, minutes=None, steps=10, resume=True).done == 0  # what is finished begins anew


def test_the_card_counts_a_resumed_stage_once(tmp_path: Path) -> None:
    said = [("master", 5, 1.0), ("master", 9, 2.0), ("master", 12, 0.5), ("apprentice", 3, 4.0)]
    log = [{"training": name, "step": step, "minutes": minutes} for name, step, minutes in said]
    assert spent(log, "master") == "12 steps, 2 min of one core"
    assert (
        spent([*log, {"training": "master", "step": 4, "minutes": 1.5}], "master")
        == "16 steps in 2 stages, 4 min of one core"
    )
    assert spent(log, "encoder") == ""
