"""Several kernels and one store, how perdure gets into a kernel, and long sessions."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

import perdure
from kernel.driver import SESSION, Kernel


def test_two_kernels_side_by_side_lose_nothing(kernel: Kernel, start: Callable[..., Kernel]) -> None:
    assert kernel.store is not None
    other = start().load(kernel.store)
    for n in range(15):
        requests = [k.send(f"x{n} = [{n}, {who!r}]; total = {n}") for who, k in (("one", kernel), ("two", other))]
        for request in requests:
            assert request.finish().status == "ok"
    for k in (kernel, other):
        k.flush()
        assert k.session("trouble") is None
    kernel.die_and_restore()
    other.die_and_restore()
    for who, k in (("one", kernel), ("two", other)):
        assert [k.value(f"x{n}") for n in range(15)] == [[n, who] for n in range(15)]
    assert len(perdure.sessions(kernel.store)) == 2


def test_identical_data_of_two_sessions_is_kept_once(kernel: Kernel, start: Callable[..., Kernel]) -> None:
    assert kernel.store is not None
    make = "import random\nr = random.Random(1)\ndata = r.randbytes(3_000_000)\nbig = bytearray(data)\ndel data"
    kernel.ok(make)
    kernel.flush()
    size = sum(path.stat().st_size for path in kernel.store.rglob("*") if path.is_file())
    other = start().load(kernel.store)
    other.ok(make)
    other.flush()
    assert sum(path.stat().st_size for path in kernel.store.rglob("*") if path.is_file()) < size + 1_000_000


def test_a_session_that_is_open_elsewhere_is_refused(kernel: Kernel, start: Callable[..., Kernel]) -> None:
    assert kernel.store is not None
    kernel.ok("x = [1]")
    kernel.flush()
    other = start().load(kernel.store)
    other.ok("mine = 1")
    for call in ("restore", "attach(session="):
        code = f"__import__('perdure').{call}" + ("(" if call == "restore" else "") + f"{kernel.session_id!r})"
        result = other.run(code)
        assert result.ename == "SessionBusy"
        assert "." in result.evalue
    assert other.value(f"mine, {SESSION}.id") == (1, other.session_id)
    other.ok("mine = 2")
    assert other.session("at('HEAD')['mine']") == 2
    kernel.ok("x.append(2)")
    assert kernel.session("at('HEAD')['x']") == [1, 2]


def test_a_session_whose_kernel_was_killed_is_free(kernel: Kernel, start: Callable[..., Kernel]) -> None:
    kernel.ok("x = [1]")
    kernel.flush()
    assert kernel.store is not None
    other = start()
    other.use_store(kernel.store)
    other.ok("%load_ext perdure")
    kernel.restart()
    kernel.use_store(kernel.store)
    kernel.ok("%load_ext perdure")
    other.ok(f"__import__('perdure').restore({kernel.session_id!r});")
    assert other.value("x") == [1]


def test_a_session_can_be_read_from_outside_while_it_runs(kernel: Kernel) -> None:
    kernel.ok("x = [1]", "x.append(2)")
    kernel.flush()
    history = perdure.open(kernel.session_id, kernel.store)
    assert history.log()[0].source == "x.append(2)"
    assert history.at("HEAD~1")["x"] == [1]
    assert history.head == kernel.session("head")


def test_restore_without_a_name_brings_the_last_session(kernel: Kernel) -> None:
    kernel.ok("x = 1")
    kernel.flush()
    store = kernel.store
    assert store is not None
    kernel.restart()
    kernel.use_store(store)
    kernel.ok("%load_ext perdure", "__import__('perdure').restore();")
    assert kernel.value(f"x, {SESSION}.id") == (1, kernel.session_id)


def test_restore_keeps_what_the_kernel_has_and_goes_on_with_the_history(kernel: Kernel) -> None:
    kernel.ok("x = [1]", "x.append(2)")
    kernel.flush()
    store = kernel.store
    assert store is not None
    kernel.restart()
    kernel.use_store(store)
    kernel.ok("own = 'here before'", "%load_ext perdure", f"__import__('perdure').restore({kernel.session_id!r});")
    assert kernel.state("own", "x") == {"own": "here before", "x": [1, 2]}
    kernel.ok("x.append(3)")
    assert [c["source"] for c in kernel.log() if "x" in c["changed"]][::-1][:3] == [
        "x = [1]",
        "x.append(2)",
        "x.append(3)",
    ]
    kernel.do("undo()")
    assert kernel.value("x") == [1, 2]


def test_restoring_twice_is_no_trouble(kernel: Kernel) -> None:
    kernel.ok("x = [1]; y = [x]")
    for _ in range(3):
        kernel.die_and_restore()
    kernel.ok(f"__import__('perdure').restore({kernel.session_id!r});")
    kernel.ok("x.append(2)")
    assert kernel.value("x, y[0] is x") == ([1, 2], True)


def test_loading_the_extension_twice_changes_nothing(kernel: Kernel) -> None:
    kernel.ok("x = 1", "%load_ext perdure", "%reload_ext perdure", "x = 2")
    assert kernel.session("at('HEAD')['x']") == 2


def test_unloading_stops_and_saves(kernel: Kernel) -> None:
    kernel.ok("x = [1]", "%unload_ext perdure")
    assert kernel.raises(SESSION)[0] == "NotAttached"
    kernel.ok("x.append(2)")
    assert perdure.open(kernel.session_id, kernel.store).at("HEAD")["x"] == [1]
    kernel.ok("%load_ext perdure")


@pytest.mark.parametrize("how", ["--InteractiveShellApp.extensions=perdure", "--ext=perdure"])
def test_an_extension_that_is_loaded_at_the_start_commits_every_cell(
    start: Callable[..., Kernel], tmp_path: Path, how: str
) -> None:
    kernel = start(how, PERDURE_STORE=str(tmp_path / "store"))
    kernel.ok("x = [1]", "x.append(2)")
    assert [c["source"] for c in kernel.log()][:2] == ["x.append(2)", "x = [1]"]
    kernel.do("undo()")
    assert kernel.value("x") == [1]


def test_what_was_there_before_loading_is_in_the_first_commit(start: Callable[..., Kernel], tmp_path: Path) -> None:
    kernel = start()
    kernel.ok("x = [1]; y = [x]")
    kernel.load(tmp_path / "store")
    kernel.ok("x.append(2)")
    kernel.die_and_restore()
    assert kernel.value("x, y[0] is x") == ([1, 2], True)
    kernel.do("undo()")
    assert kernel.value("x, y[0] is x") == ([1], True)


def test_a_forked_child_does_not_write_into_the_session(kernel: Kernel) -> None:
    kernel.ok("x = [1]")
    head = kernel.session("head")
    kernel.ok(
        "import os, multiprocessing\n"
        "def child(q): q.put(sum(range(10)))\n"
        "ctx = multiprocessing.get_context('fork'); q = ctx.Queue(); p = ctx.Process(target=child, args=(q,)); p.start(); got = q.get(); p.join(); del q, p, ctx"
    )
    assert kernel.value("got") == 45
    kernel.ok("x.append(2)")
    assert kernel.session("at('HEAD')['x']") == [1, 2]
    assert [commit["source"] for commit in kernel.log()][::2] == ["x.append(2)", "x = [1]"]
    assert kernel.log()[-1]["id"] == head
    kernel.die_and_restore()
    assert kernel.value("x, got") == ([1, 2], 45)


@pytest.mark.slow
def test_a_session_of_two_thousand_cells(kernel: Kernel) -> None:
    kernel.ok("x = []; d = {}; keep = list(range(100))\ndef f(n): d[n] = [n]")
    began = time.monotonic()
    cells = [f"x.append({n}); y{n % 50} = {n}" if n % 4 else f"f({n})" for n in range(2000)]
    for start in range(0, len(cells), 100):
        requests = [kernel.send(cell) for cell in cells[start : start + 100]]
        assert all(request.finish().status == "ok" for request in requests)
    kernel.flush()
    took = time.monotonic() - began
    log = kernel.value(f"[(c.id, c.source, c.outcome) for c in {SESSION}.log()]")
    assert len(log) >= 2001
    assert all(outcome == "ok" for _, _, outcome in log)
    commits = {source: commit for commit, source, _ in log}
    for n in (1999, 1, 997, 1501):
        cell = f"x.append({n}); y{n % 50} = {n}"
        expected = [m for m in range(n + 1) if m % 4]
        assert kernel.session(f"at({commits[cell]!r})['x']") == expected
        kernel.do(f"checkout({commits[cell]!r})")
        assert kernel.value(f"x, y{n % 50}, sorted(d)") == (expected, n, list(range(0, n + 1, 4)))
    kernel.die_and_restore()
    assert len(kernel.value("x")) == len([m for m in range(1502) if m % 4])
    assert took < 120
