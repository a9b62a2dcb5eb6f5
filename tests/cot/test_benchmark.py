"""`benchmarks/cot.py`, in small, so that it can't rot."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from perdure.cot.models.names import embedded

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))

pytest.importorskip("torch")
pytest.importorskip("easy_vqa")
from benchmarks import cot  # noqa: E402 - the benchmarks are no installed package
from benchmarks.embedded import emoji  # noqa: E402
from benchmarks.thinking import costs, intervals, streams, tasks  # noqa: E402

has_models = pytest.mark.skipif(len(embedded()) < 2, reason="the embedded models haven't been trained")
has_emoji = pytest.mark.skipif(
    not all(vendor.archive.exists() for vendor in emoji.VENDORS.values()), reason="the emoji haven't been downloaded"
)


@has_models
def test_all_tables_of_a_task_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cot, "BUILD", tmp_path)
    page, numbers = tmp_path / "page.md", tmp_path / "numbers.json"
    given = ["scenes", "--questions", "20", "--seeds", "1", "--kept", "20", "--stream", "10"]
    assert cot.main([*given, "--write", str(page), "--json", str(numbers)]) == 0
    sections = {section["name"]: section for section in json.loads(numbers.read_text())["sections"]}
    assert {"goals", "examples-scenes", "cost-scenes-once", "cost-scenes-again", "thresholds"} <= sections.keys()
    assert all(section["title"] in page.read_text() for section in sections.values())
    master = next(row for row in sections["cost-scenes-once"]["rows"] if row["case"] == costs.MASTER)
    assert master["raw"]["cost"] == 1.0
    alone = next(row for row in sections["cost-scenes-once"]["rows"] if row["case"].startswith("random, 0%"))
    assert alone["raw"]["cost"] == pytest.approx(0.1)


@pytest.mark.parametrize("name", ["easy", pytest.param("naming", marks=has_emoji), "scenes"])
def test_what_is_asked_is_never_what_is_kept(name: str) -> None:
    task = tasks.TASKS[name]
    asked, kept = task.asked(1, 50), task.kept(1, 200)
    assert not {item.question.pictures[0].key for item in asked} & {item.question.pictures[0].key for item in kept}
    assert [item.truth for item in asked] == [item.truth for item in task.asked(1, 50)]
    assert all(item.right(item.truth) and not item.right(None) for item in asked)


@has_emoji
def test_every_name_that_is_asked_for_can_be_known_from_the_cache() -> None:
    task = tasks.TASKS["naming"]
    asked, kept = task.asked(0, 100), task.kept(0, 10_000)
    assert {item.truth for item in asked} <= {item.truth for item in kept}
    assert not {item.subject for item in asked} & {concept.code for concept in emoji.train()}


def test_a_question_that_comes_again_is_changed_but_not_its_answer() -> None:
    items = streams.repeated(tasks.TASKS["scenes"], 0, 200)
    by_subject: dict[str, set[tuple[str, str]]] = {}
    for item in items:
        by_subject.setdefault(item.subject, set()).add((item.question.text, item.question.pictures[0].key))
    assert len({item.question.key for item in items}) < len(items)
    assert max(map(len, by_subject.values())) > 2


def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(60):
        right = (rng.random(300) < 0.7).astype(float)
        found = intervals.Bootstrap([str(n) for n in range(300)], trial).mean(right)
        covered += found.low <= 0.7 <= found.high
    assert covered >= 52


def test_questions_about_one_subject_count_as_one() -> None:
    right = np.repeat([1.0, 0.0] * 10, 20)
    apart = intervals.Bootstrap([str(n) for n in range(400)]).mean(right)
    together = intervals.Bootstrap([str(n // 20) for n in range(400)]).mean(right)
    assert together.high - together.low > 3 * (apart.high - apart.low)
