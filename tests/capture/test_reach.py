"""What a cell may touch, from its code: never less than it does touch, and not everything without need."""

from __future__ import annotations

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from perdure.capture.reach import Reach, only_commands, reach_of_cell


def reach(source: str) -> Reach:
    return reach_of_cell(TransformerManager().transform_cell(source))


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("x", "x"),
        ("x = y", "x y"),
        ("x.append(y[z])", "x y z"),
        ("del x", "x"),
        ("for i in xs: f(i)", "i xs f"),
        ("[i for i in xs if p(i)]", "xs p"),
        ("lambda a: a + g", "g"),
        ("def f(a, b=d):\n    global w\n    w = r\n    return a", "f d w r"),
        ("class C(B):\n    x = y\n    def m(self): return z", "C B y z"),
        ("import os.path as p", "p"),
        ("from a import b as c, d", "c d"),
        ("with cm() as f: pass", "cm f"),
        ("try: a\nexcept E as e: b", "a E e b"),
        ("(n := v)", "n v"),
        ("x: T = v", "x T v"),
        ("await f(x)", "f x"),
        ("async for i in agen(): use(i)", "i agen use"),
        ("match p:\n    case [a, *rest]: b", "p a rest b"),
        ("print(f'{x!r:>{w}}')", "print x w"),
        ("%time f(x)", "f x"),
        ("%timeit -n 10 -r 1 f(x)", "f x"),
        ("%%time\nf(x)\ny = 1", "f x y"),
        ("%%capture out\nf(x)", "out f x"),
        ("!echo {x} $y", "x y"),
        ("z = !ls {folder}", "z folder"),
        ("%cd {where}", "where"),
        ("x?", "x"),
        ("model.modules()", "model"),
        ("sys.path", "sys"),
    ],
)
def test_the_names_that_code_mentions(source: str, names: str) -> None:
    found = reach(source)
    assert not found.everything
    assert set(names.split()) <= found.names


@pytest.mark.parametrize(
    "source",
    [
        "globals()['x'] = 1",
        "exec('x = 1')",
        "eval(text)",
        "locals()",
        "vars()",
        "run = exec",
        "def f(): exec(code)",
        "(lambda: globals())()",
        "import __main__",
        "sys.modules['__main__'].x = 1",
        "f.__globals__['x'] = 1",
        "sys._getframe().f_globals",
        "from m import *",
        "%run script.py",
        "%%unknown_magic\nx",
        "%unknown",
        "ip = get_ipython()",
        "get_ipython().run_cell(text)",
        "get_ipython().user_ns['x'] = 1",
        "[get_ipython]",
        "gc.get_objects()",
        "import ctypes",
        "%%time\nexec(text)",
        "%time exec('x')",
        "!echo {exec('x = 1')}",
    ],
)
def test_code_that_may_touch_anything(source: str) -> None:
    assert reach(source).everything


@pytest.mark.parametrize("source", ["x = (", "1 +* 2", "\x00", "if x:\nprint(1)"])
def test_code_that_does_not_compile_touches_nothing(source: str) -> None:
    assert reach_of_cell(source) == Reach()


def test_absurdly_deep_code_is_no_trouble() -> None:
    source = "(" * 5_000 + ")" * 5_000
    assert reach_of_cell(source) == Reach()
    assert reach_of_cell("x = " + "-" * 3_000 + "y") in (Reach(), Reach(frozenset({"x", "y"})))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("%dart undo", True),
        ("%dart undo\n%dart log", True),
        ("%dart undo\nx = 1", False),
        ("x = 1", False),
        ("", False),
        ("# only a comment", False),
    ],
)
def test_whether_a_cell_is_nothing_but_commands(source: str, *, expected: bool) -> None:
    assert only_commands(TransformerManager().transform_cell(source), "dart") is expected
