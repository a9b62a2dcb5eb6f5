"""Cells that fail: committed with their outcome, or rolled back whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kernel.driver import Kernel


def test_a_cell_that_raises_is_committed_with_what_it_did(kernel: Kernel) -> None:
    kernel.ok("x = [1]")
    assert kernel.run("x.append(2); y = 3; 1 / 0").ename == "ZeroDivisionError"
    commit = kernel.last()
    assert (commit["outcome"], commit["changed"]) == ("error", ["x", "y"])
    assert "ZeroDivisionError" in commit["error"]
    kernel.die_and_restore()
    assert kernel.value("x, y") == ([1, 2], 3)


def test_a_syntax_error_is_committed_and_changes_nothing(kernel: Kernel) -> None:
    kernel.ok("x = [1]")
    assert kernel.run("x.append(2) (").status == "error"
    commit = kernel.last()
    assert (commit["outcome"], commit["changed"], commit["deleted"]) == ("error", [], [])
    assert kernel.value("x") == [1]


def test_an_interrupted_cell_is_committed_as_such(kernel: Kernel) -> None:
    kernel.ok("import time\nx = [1]")
    request = kernel.send("x.append(2)\nprint('sleeping', flush=True)\ntime.sleep(600)").until("sleeping")
    kernel.manager.interrupt_kernel()
    assert request.finish().ename == "KeyboardInterrupt"
    commit = kernel.last()
    assert (commit["outcome"], commit["changed"]) == ("interrupted", ["x"])
    assert kernel.session("at('HEAD')['x']") == [1, 2]


def test_an_interrupt_between_cells_hurts_nothing(kernel: Kernel) -> None:
    kernel.ok("x = [0]")
    for n in range(10):
        kernel.run(f"x[0] = {n}; big = list(range(100_000))")
        kernel.manager.interrupt_kernel()
    assert kernel.run("y = 1").status in ("ok", "error")
    kernel.ok("z = 2")
    assert kernel.session("at('HEAD')['x']") == kernel.value("x")
    assert kernel.session("trouble") is None


def test_sys_exit_in_a_cell_is_no_trouble(kernel: Kernel) -> None:
    kernel.ok("x = 1")
    kernel.run("x = 2\nimport sys\nsys.exit('bye')")
    assert kernel.session("at('HEAD')['x']") == 2


@pytest.fixture
def strict(kernel: Kernel) -> Iterator[Kernel]:
    """Return a kernel whose failed cells are rolled back."""
    kernel.ok(
        "%unload_ext perdure",
        "get_ipython().config.Perdure.on_error = 'rollback'",
        "%load_ext perdure",
    )
    kernel.session_id = kernel.value("__import__('perdure').current().id")
    yield kernel
    kernel.ok("get_ipython().config.Perdure.pop('on_error', None);")


ROLLED_BACK = [
    ("in place", "x = [1]; y = [x]", "x.append(2); x.append(3)", "x, y, y[0] is x"),
    ("rebound", "x = [1]; y = x", "x = 5", "x, y, y is x"),
    ("new name", "x = 1", "new = 1; other = [x]", "'new' in globals(), 'other' in globals(), x"),
    ("deleted", "x = [1]; y = [x]", "del x", "x, y[0] is x"),
    ("alias broken", "x = [1]; y = [x]", "y[0] = [1]", "y[0] is x"),
    ("alias made", "x = [1]; y = [1]", "y = x", "x is y, x, y"),
    ("swap", "x = [1]; y = [2]", "x, y = y, x", "x, y"),
    (
        "array",
        "import numpy as np\na = np.zeros(300_000); v = a[5:]; k = [a]",
        "v[:] = 1",
        "float(a.sum()), v.base is a, k[0] is a",
    ),
    (
        "small array",
        "import numpy as np\na = np.arange(4); v = a[1:]",
        "a += 1; v = v.copy()",
        "a.tolist(), v.base is a",
    ),
    (
        "frame",
        "import pandas as pd\ndf = pd.DataFrame({'a': [1]}); l = [df]",
        "df['b'] = 2; df.loc[0, 'a'] = 9",
        "df.to_dict(), l[0] is df",
    ),
    (
        "class",
        "class A:\n    n = []\na = A()",
        "A.n.append(1); A.m = 1; a.x = 2",
        "A.n, hasattr(A, 'm'), vars(a), type(a) is A",
    ),
    (
        "redefined class",
        "class A:\n    v = 1\na = A()",
        "class A:\n    v = 2\nb = A()",
        "A.v, a.v, type(a) is A, 'b' in globals()",
    ),
    ("function", "def f(n=[]): return n\ndef g(): return f()", "f().append(1)\ndef f(): return 'new'", "f(), g()"),
    (
        "closure",
        "def make():\n    n = []\n    return lambda: n, lambda: n.append(1)\nget, put = make()",
        "put(); put()",
        "get(), get() is get.__closure__[0].cell_contents",
    ),
    ("global", "x = 1\ndef f():\n    global x, fresh\n    x += 1; fresh = 1", "f(); f()", "x, 'fresh' in globals()"),
    ("exec", "x = [1]", "exec('x.append(2); made = 1')", "x, 'made' in globals()"),
    ("import", "x = 1", "import json as j", "'j' in globals()"),
    ("output", "x = 1", "_x = x", "'_x' in globals()"),
    ("in a function's loop", "x = {}", "for i in range(5): x[i] = i", "x, 'i' in globals()"),
]


@pytest.mark.parametrize(
    ("setup", "cell", "shows"), [case[1:] for case in ROLLED_BACK], ids=[case[0] for case in ROLLED_BACK]
)
def test_a_failed_cell_is_undone_whole(strict: Kernel, setup: str, cell: str, shows: str) -> None:
    strict.ok("untouched = [1]", setup)
    before = strict.value(f"({shows}, id(untouched))")
    assert len(before) > 1
    count = len(strict.log())
    assert strict.run(f"{cell}\nraise RuntimeError('boom')").ename == "RuntimeError"
    assert strict.value(f"({shows}, id(untouched))") == before
    commits = strict.log()
    assert len(commits) == count + 1
    assert (commits[0]["outcome"], commits[0]["changed"], commits[0]["deleted"]) == ("error", [], [])
    strict.ok("later = 1")
    strict.die_and_restore()
    assert strict.value(f"({shows}, None)")[:-1] == before[:-1]


def test_an_interrupted_cell_is_undone_whole(strict: Kernel) -> None:
    strict.ok("import time\nx = [1]; y = [x]")
    request = strict.send("x.append(2); z = 1\nprint('now', flush=True)\ntime.sleep(600)").until("now")
    strict.manager.interrupt_kernel()
    assert request.finish().ename == "KeyboardInterrupt"
    assert strict.value("x, y[0] is x, 'z' in globals()") == ([1], True, False)
    assert strict.last()["outcome"] == "interrupted"


def test_what_was_undone_is_said(strict: Kernel) -> None:
    strict.ok("x = [1]")
    result = strict.run("x.append(2); new = 1; 1 / 0")
    assert result.ename == "ZeroDivisionError"
    assert "x" in result.stdout
    assert "new" in result.stdout


def test_a_cell_that_succeeds_is_not_rolled_back(strict: Kernel) -> None:
    strict.ok("x = [1]", "x.append(2)")
    assert strict.value("x") == [1, 2]


def test_many_failures_in_a_row(strict: Kernel) -> None:
    strict.ok("x = [1]; y = (x,)")
    for n in range(10):
        strict.run(f"x.append({n}); y = {n}; 1 / 0")
        assert strict.value("x, y[0] is x") == ([1], True)
    strict.ok("x.append('good')")
    strict.die_and_restore()
    assert strict.value("x, y[0] is x") == ([1, "good"], True)


def test_the_setting_can_be_given_on_the_command_line(start: Callable[..., Kernel], tmp_path: Path) -> None:
    kernel = start("--Perdure.on_error=rollback")
    kernel.load(tmp_path / "store")
    kernel.ok("x = [1]")
    kernel.run("x.append(2); 1 / 0")
    assert kernel.value("x") == [1]


def test_undo_goes_over_a_failed_cell(kernel: Kernel) -> None:
    kernel.ok("x = [1]", "x.append(2)")
    kernel.run("x.append(3); 1 / 0")
    kernel.do("undo()")
    assert kernel.value("x") == [1, 2]
    kernel.do("redo()")
    assert kernel.value("x") == [1, 2, 3]
