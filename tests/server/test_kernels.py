"""The panel's answers about real kernels: while they run, while they are busy, and after they have died."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kernel.driver import Kernel
from server.conftest import Get

CELLS = [
    "import threading\nx = [1, 2]\ny = {'x': x}\nlock = threading.Lock()",
    "x.append(3)\nz = 'made'",
    "del z\nw = 1.5",
]


@pytest.fixture
def session(kernel: Kernel) -> str:
    """The session of a kernel that has run CELLS, in the store that the server reads."""
    kernel.ok(*CELLS)
    kernel.flush()
    return kernel.session_id


async def test_commits_of_a_kernel(session: str, kernel: Kernel, get: Get) -> None:
    page = await get("sessions", session, "commits")
    log = kernel.log()
    assert [row["id"] for row in page["commits"]] == [commit["id"] for commit in log]
    assert [row["title"] for row in page["commits"][:3]] == ["del z", "x.append(3)", "import threading"]
    assert (await get("sessions", session))["live"] is True
    assert (await get("sessions", session))["not_captured"].keys() == {"lock"}
    newest = await get("sessions", session, "commits", "HEAD")
    changes = {one["name"]: one for one in newest["variables"]}
    assert {name: one["kind"] for name, one in changes.items()} == {"w": "added", "z": "deleted"}
    assert changes["z"]["before"]["repr"] == "'made'"
    assert changes["w"]["after"] == {"type": "float", "repr": "1.5", "size": 24}


async def test_variables_of_a_version(session: str, get: Get) -> None:
    then = {one["name"]: one for one in (await get("sessions", session, "variables", ref="HEAD~1"))["variables"]}
    now = {one["name"]: one for one in (await get("sessions", session, "variables"))["variables"]}
    assert then.keys() == {"lock", "threading", "x", "y", "z"}
    assert now.keys() == {"lock", "threading", "x", "y", "w"}
    assert now["x"]["preview"]["repr"] == "[1, 2, 3]"
    assert (now["lock"]["captured"], now["lock"]["preview"]) == (False, None)
    assert "lock" in now["lock"]["reason"]
    assert now["x"]["commit"] == (await get("sessions", session, "commits", "HEAD~1"))["id"]


async def test_what_happened_to_a_variable(session: str, get: Get) -> None:
    history = (await get("sessions", session, "variables", "x"))["history"]
    assert [(one["kind"], one["preview"]["repr"]) for one in history] == [
        ("changed", "[1, 2, 3]"), ("added", "[1, 2]"),
    ]  # fmt: skip
    gone = (await get("sessions", session, "variables", "z"))["history"]
    assert [(one["kind"], one["preview"] and one["preview"]["repr"]) for one in gone] == [
        ("deleted", None), ("added", "'made'"),
    ]  # fmt: skip
    assert len((await get("sessions", session, "variables", "x", limit=1))["history"]) == 1
    assert len((await get("sessions", session, "variables", "x", ref="HEAD~2"))["history"]) == 1
    for name in ("nowhere", "..", "a b", "é", "_", "\0"):
        assert (await get("sessions", session, "variables", name, status=404))["error"] == "UnknownName"


async def test_how_two_versions_differ(session: str, get: Get) -> None:
    found = await get("sessions", session, "diff", before="HEAD~2", after="HEAD")
    assert (found["before"]["title"], found["after"]["title"]) == ("import threading", "del z")
    kinds = {one["name"]: one["kind"] for one in found["variables"]}
    assert kinds == {"w": "added", "x": "changed", "y": "changed"}
    back = await get("sessions", session, "diff", before="HEAD", after="HEAD~2")
    assert {one["name"]: one["kind"] for one in back["variables"]} == {"w": "deleted", "x": "changed", "y": "changed"}
    assert (await get("sessions", session, "diff", before="HEAD", after="HEAD"))["variables"] == []
    assert (await get("sessions", session, "diff", before="HEAD", status=400))["error"] == "UsageError"


async def test_a_plan_is_what_a_checkout_then_does(session: str, kernel: Kernel, get: Get) -> None:
    plan = await get("sessions", session, "plan", ref="HEAD~1")
    actions = {one["name"]: one["action"] for one in plan["rows"]}
    assert actions == {"lock": "keep", "threading": "keep", "w": "delete", "x": "keep", "y": "keep", "z": "restore"}
    report = kernel.value("__import__('perdure').current().checkout('HEAD~1').to_json()")
    done = {one["name"]: one["status"] for one in report["names"] if one["name"] in actions}
    words = {"restored": {"restore", "change"}, "unchanged": {"keep"}, "deleted": {"delete"}}
    assert done.keys() == actions.keys()
    assert [name for name, status in done.items() if actions[name] not in words[status]] == []
    there = await get("sessions", session, "plan")  # HEAD is there now
    assert {one["action"] for one in there["rows"]} == {"keep"}


async def test_a_plan_for_a_new_kernel_restores_everything(session: str, get: Get) -> None:
    plan = await get("sessions", session, "plan", fresh=1)
    assert {one["name"]: one["action"] for one in plan["rows"]} == {
        "lock": "not captured", "threading": "restore", "w": "restore", "x": "restore", "y": "restore",
    }  # fmt: skip
    assert {one["before"] for one in plan["rows"]} == {None}


async def test_the_code_that_led_there(kernel: Kernel, get: Get) -> None:
    def run(code: str, cell: str) -> None:
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        kernel.client.shell_channel.send(
            kernel.client.session.msg("execute_request", content, metadata={"cellId": cell})
        )

    run("x = 1", "one")
    run("y = 2", "two")
    run("x = 3", "one")
    kernel.ok("z = 4", "%dart log")
    kernel.flush()
    cells = (await get("sessions", kernel.session_id, "notebook"))["cells"]
    code = [(cell["cell_id"], cell["source"]) for cell in cells]
    assert code[-3:] == [("one", "x = 3"), ("two", "y = 2"), (None, "z = 4")]
    earlier = (await get("sessions", kernel.session_id, "notebook", ref="HEAD~2"))["cells"]
    assert [cell["source"] for cell in earlier[-2:]] == ["x = 1", "y = 2"]


async def test_it_answers_while_a_cell_holds_the_interpreter(
    session: str, kernel: Kernel, get: Get, tmp_path: Path
) -> None:
    done = tmp_path / "done"
    busy = kernel.send(
        f"import pathlib, sys\nsys.setswitchinterval(60)\nprint('on', flush=True)\n"
        f"while not pathlib.Path({str(done)!r}).exists(): sum(range(10_000_000))  # native code that holds the GIL"
    ).until("on")
    assert (await get("sessions", session, "graph"))["total"] >= 3
    assert (await get("sessions", session))["live"] is True
    assert (await get("sessions", session, "plan", ref="HEAD~2"))["rows"]
    done.touch()
    assert busy.finish().status == "ok"


async def test_it_answers_after_the_kernel_has_died(start: Callable[..., Kernel], store: Path, get: Get) -> None:
    kernel = start().load(store)
    kernel.ok(*CELLS)
    kernel.flush()
    before = await get("sessions", kernel.session_id, "graph")
    kernel.kill()
    after = await get("sessions", kernel.session_id)
    assert (after["live"], after["variables"]) == (False, 5)
    assert after["revision"] != before["revision"]
    assert (await get("sessions", kernel.session_id, "graph"))["commits"] == before["commits"]
    assert (await get("sessions", kernel.session_id, "plan", fresh=1))["rows"]


async def test_nothing_is_unpickled(kernel: Kernel, get: Get, tmp_path: Path) -> None:
    trace = tmp_path / "unpickled"
    kernel.ok(
        f"class Trap:\n    def __reduce__(self): return __import__('os').mkdir, ({str(trace)!r},)\n"
        "    def __repr__(self): raise RuntimeError\n",
        "trap = Trap()",
        "also = [trap]",
    )
    kernel.flush()
    session = kernel.session_id
    variables = (await get("sessions", session, "variables"))["variables"]
    assert "Trap" in next(one for one in variables if one["name"] == "trap")["preview"]["repr"]
    for what in (
        (), ("graph",), ("commits",), ("commits", "HEAD"), ("variables",), ("variables", "trap"), ("plan",), ("notebook",),
    ):  # fmt: skip
        await get("sessions", session, *what)
    await get("sessions", session, "diff", before="HEAD~1", after="HEAD")
    await get("sessions", session, "plan", ref="HEAD~1", fresh=1)
    assert not trace.exists()
