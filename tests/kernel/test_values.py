"""Restored means equal: values of every kind come back after SIGKILL, with their types and what they share.

One session has them all, and dies once: also, none may be tied to or disturbed by another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pytest

from kernel.driver import SESSION, Kernel, Pool
from kernel.values import CASES, IMPORTS, Case

#: Code that could do anything to anything, and does nothing.
READ = "len([repr(type(v)) for v in list(globals().values())]);"


@dataclass
class Life:
    """A session with all cases, after its death: what it was and what came back."""

    kernel: Kernel
    before: dict[str, list[object]]
    commits: list[dict[str, Any]]
    groups: list[list[str]]


@pytest.fixture(scope="module")
def life(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    with pool.lend(tmp_path_factory.mktemp("values") / "store") as kernel:
        kernel.ok(IMPORTS)
        for case in CASES:
            for cell in case.cells:
                result = kernel.run(cell)
                assert result.status == "ok", f"{case.name}: {result}"
        before = {case.name: [_true(kernel, expression) for expression in case.holds] for case in CASES}
        kernel.ok("globals();", READ, READ)
        snapshots = kernel.value(
            f"{{n: s for n, (s, _) in {SESSION}.manifest({SESSION}.head).bindings.items()"
            " if type(globals().get(n)) not in (type(None), bool, int, float, complex, str, bytes)}"
        )
        groups = [[name for name, one in snapshots.items() if one == snapshot] for snapshot in set(snapshots.values())]
        kernel.die_and_restore()
        kernel.ok(READ, READ)
        yield Life(kernel, before, kernel.log(), groups)


def _true(kernel: Kernel, expression: str) -> object:
    found = kernel.run("", silent=True, user_expressions={"it": f"bool({expression})"}).expressions["it"]
    if found["status"] != "ok":
        return f"{found['ename']}: {found['evalue']}"
    return found["data"]["text/plain"] == "True"


def test_no_two_cases_bind_the_same_name() -> None:
    for one, other in combinations(CASES, 2):
        assert one.names.isdisjoint(other.names - {"_"}), (one.name, other.name)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_holds_before(life: Life, case: Case) -> None:
    assert dict(zip(case.holds, life.before[case.name], strict=True)) == dict.fromkeys(case.holds, True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_comes_back(life: Life, case: Case) -> None:
    assert {expression: _true(life.kernel, expression) for expression in case.holds} == dict.fromkeys(case.holds, True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_lost_is_said_and_nothing_else_is(life: Life, case: Case) -> None:
    said = {name: reason for commit in reversed(life.commits) for name, reason in commit["not_captured"].items()}
    assert {name for name in said if name in case.names} == set(case.lost)
    assert all(said[name].strip() for name in case.lost)
    missing = life.kernel.value(f"sorted(n for n in {sorted(case.names - {'_', 'e'})!r} if n not in globals())")
    assert missing == sorted(case.lost)


def test_names_of_different_cases_are_never_tied(life: Life) -> None:
    owner = {name: case.name for case in CASES for name in case.names}
    mixed = [group for group in life.groups if len({owner[name] for name in group if name in owner}) > 1]
    assert mixed == []


def test_modules_are_tied_to_nothing(life: Life) -> None:
    tied = [group for group in life.groups if len(group) > 1 and {"np", "pd", "math", "os", "random"} & set(group)]
    assert tied == []


def test_a_cell_that_reads_everything_changes_nothing(life: Life) -> None:
    """Neither in the kernel that made the values nor in the one that got them back."""
    reading = [commit for commit in life.commits if commit["source"] == READ]
    assert [(commit["changed"], commit["deleted"]) for commit in reading] == [([], [])] * 4
