"""``%%dart atomic``: a cell that fails leaves nothing behind, and otherwise is a cell like any other."""

from __future__ import annotations

import pytest

from kernel.driver import Kernel


def test_a_failed_cell_is_rolled_back_and_fails_once(kernel: Kernel) -> None:
    kernel.ok("x = [1, 2]\ny = [x]\nkept = x")
    result = kernel.run("%%dart atomic\nx.append(3)\ny.append(4)\nnew = 1\ndel kept\n1 / 0")
    assert (result.status, result.ename) == ("error", "ZeroDivisionError")
    assert "rolled back" in result.stdout
    assert kernel.state("x", "y", "new") == {"x": [1, 2], "y": [[1, 2]]}
    assert kernel.value("y[0] is x and kept is x")
    last = kernel.last()
    assert (last["outcome"], last["changed"], last["deleted"]) == ("error", [], [])
    assert last["source"].startswith("%%dart atomic\n")
    assert "rolled back" in kernel.ok("%dart show").stdout


def test_the_traceback_is_shown_once(kernel: Kernel) -> None:
    errors = []
    request = kernel.client.execute("%%dart atomic\nx = 1\nraise ValueError('once')")
    while True:
        message = kernel.receive(kernel.client.get_iopub_msg)
        if message["parent_header"].get("msg_id") != request:
            continue
        if message["msg_type"] == "error":
            errors.append(message["content"])
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            break
    assert [error["evalue"] for error in errors] == ["once"]
    assert "line 3" in "".join(errors[0]["traceback"])


def test_a_failed_cell_stops_what_is_queued_behind_it(kernel: Kernel) -> None:
    first = kernel.send("%%dart atomic\nprint(input_ := 'begun')\n1 / 0")
    second = kernel.send("after = 1")
    assert first.finish().status == "error"
    assert second.finish().status == "aborted"
    assert kernel.state("after") == {}


def test_an_interrupted_cell_is_rolled_back(kernel: Kernel) -> None:
    kernel.ok("x = [1]")
    request = kernel.send("%%dart atomic\nx.append(2)\nprint('ready', flush=True)\nwhile True: pass")
    request.until("ready")
    kernel.manager.interrupt_kernel()
    result = request.finish()
    assert (result.status, result.ename) == ("error", "KeyboardInterrupt")
    assert kernel.value("x") == [1]
    assert kernel.last()["outcome"] == "interrupted"


def test_a_cell_that_does_not_fail_is_an_ordinary_one(kernel: Kernel) -> None:
    kernel.ok("x = [1]")
    result = kernel.ok("%%dart atomic\nx.append(2)\nx")
    assert result.shown == "[1, 2]\n"
    assert result.stdout == ""
    assert kernel.value(f"(_ is x, Out[{result.count}] is x, _{result.count} is x)") == (True, True, True)
    assert kernel.last()["changed"] == ["x"]
    assert kernel.value("In[-1]").endswith("x")
    kernel.ok("%dart undo")
    assert kernel.value("x") == [1]


@pytest.mark.parametrize("head", ["%%dart atomic\n%%time\n", "%%dart atomic\n\n%%time\n", "%%time\n%%dart atomic\n"])
def test_together_with_another_cell_magic(kernel: Kernel, head: str) -> None:
    kernel.ok("x = [1]")
    result = kernel.ok(f"{head}x.append(2)\nx")
    assert "Wall time" in result.stdout
    assert result.shown == "[1, 2]\n"
    assert kernel.run(f"{head}x.append(3)\n1 / 0").status == "error"
    assert kernel.value("x") == [1, 2]


def test_top_level_await(kernel: Kernel) -> None:
    kernel.ok("import asyncio\nx = [1]")
    kernel.ok("%%dart atomic\nawait asyncio.sleep(0)\nx.append(2)")
    assert kernel.run("%%dart atomic\nawait asyncio.sleep(0)\nx.append(3)\n1 / 0").status == "error"
    assert kernel.value("x") == [1, 2]


def test_a_cell_that_does_not_compile_changes_nothing(kernel: Kernel) -> None:
    kernel.ok("x = [1]")
    result = kernel.run("%%dart atomic\nx.append(2)\nx ==== 3")
    assert (result.status, result.ename) == ("error", "SyntaxError")
    assert kernel.value("x") == [1]


def test_the_line_marks_the_cell_that_it_is_in(kernel: Kernel) -> None:
    kernel.ok("x = [1]")
    assert kernel.run("x.append(2)\n%dart atomic\n1 / 0").status == "error"
    assert kernel.value("x") == [1]


def test_run_as_a_call(kernel: Kernel) -> None:
    kernel.ok("x = [1]")
    assert kernel.run("get_ipython().run_cell_magic('dart', 'atomic', 'x.append(2)\\n1 / 0')").status == "error"
    assert kernel.value("x") == [1]


def test_another_verb_on_a_cells_first_line_is_refused_and_the_cell_not_run(kernel: Kernel) -> None:
    result = kernel.ok("%%dart log\nx = 1")
    assert "%%dart atomic" in result.stderr
    assert kernel.state("x") == {}
