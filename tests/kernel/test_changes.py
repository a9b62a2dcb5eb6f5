"""No change that a cell makes is missed, whatever way it takes to the object."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from kernel.driver import SESSION, Kernel


@dataclass(frozen=True)
class Way:
    """A way to change an object: ``cell`` makes ``shows`` differ, and what changes is ``names``."""

    name: str
    setup: str
    cell: str
    shows: str
    names: str


WAYS = [
    Way("global in a function", "x = 1\ndef f():\n    global x\n    x += 1", "f()", "x", "x"),
    Way("global two calls deep", "x = 1\ndef g():\n    global x\n    x += 1\ndef f(): g()", "f()", "x", "x"),
    Way(
        "a new name made by a function",
        "def f():\n    global fresh\n    fresh = [1]\nfresh = 0; del fresh",
        "f()",
        "globals_get('fresh')",
        "fresh",
    ),
    Way("del in a function", "x = 1\ndef f():\n    global x\n    del x", "f()", "globals_get('x')", ""),
    Way("closure", "def make():\n    n = []\n    return lambda: n.append(1), n\nf, n = make()", "f()", "n", "n f"),
    Way(
        "nonlocal",
        "def make():\n    n = 0\n    def up():\n        nonlocal n\n        n += 1\n    return up, lambda: n\nup, get = make()",
        "up()",
        "get()",
        "up get",
    ),
    Way(
        "method",
        "class C:\n    def __init__(self): self.l = []\n    def m(self): self.l.append(1)\nc = C()",
        "c.m()",
        "c.l",
        "c",
    ),
    Way("bound method", "l = []; push = l.append", "push(1)", "l", "l push"),
    Way(
        "bound method of a class",
        "class C:\n    n = 0\n    def m(self): self.n += 1\nc = C(); go = c.m",
        "go()",
        "c.n",
        "c go",
    ),
    Way("alias", "a = [1]; b = a", "b.append(2)", "a", "a b"),
    Way("inside another", "a = [1]; b = {'k': (a,)}", "b['k'][0].append(2)", "a", "a b"),
    Way("view", "import numpy as np\na = np.zeros(5); v = a[1:3]", "v[:] = 1", "a.tolist()", "a v"),
    Way("base of a view", "import numpy as np\na = np.zeros(5); v = a[1:3]", "a += 1", "v.tolist()", "a v"),
    Way("big view", "import numpy as np\na = np.zeros(300_000); v = a[::-2]", "v[0] = 1", "a[-1:].tolist()", "a v"),
    Way("out=", "import numpy as np\na = np.zeros(3)", "np.add(a, 1, out=a)", "a.tolist()", "a"),
    Way("memoryview", "b = bytearray(3); m = memoryview(b)", "m[0] = 7", "bytes(b)", "b m"),
    Way("default argument", "def f(x, seen=[]):\n    seen.append(x)\n    return seen", "f(1)", "f.__defaults__", "f"),
    Way("keyword default", "def f(*, seen={}):\n    seen[len(seen)] = 1", "f()", "f.__kwdefaults__", "f"),
    Way("function attribute", "def f(): f.count += 1\nf.count = 0", "f()", "f.count", "f"),
    Way("class attribute", "class C:\n    items = []\nc = C()", "c.items.append(1)", "C.items", "C"),
    Way(
        "class attribute through an instance",
        "class C:\n    n = 0\n    def up(self): type(self).n += 1\nc = C()",
        "c.up()",
        "C.n",
        "C",
    ),
    Way("classmethod", "class C:\n    n = 0\n    @classmethod\n    def up(cls): cls.n += 1", "C.up()", "C.n", "C"),
    Way(
        "staticmethod with a global", "l = []\nclass C:\n    @staticmethod\n    def s(): l.append(1)", "C.s()", "l", "l"
    ),
    Way(
        "base class", "class B:\n    n = 0\n    def up(self): B.n += 1\nclass D(B): pass\nd = D()", "d.up()", "B.n", "B"
    ),
    Way("method added to a class", "class C: pass\nc = C()", "C.m = lambda self: 5", "hasattr(c, 'm') and c.m()", "C"),
    Way("globals()", "x = 1", "globals()['x'] = 2", "x", "x"),
    Way("globals() in a function", "x = 1\ndef f(): globals()['x'] = 2", "f()", "x", "x"),
    Way("vars and locals", "x = [1]; y = 1", "vars()['x'].append(2); locals()['y'] = 2", "(x, y)", "x y"),
    Way("exec", "x = [1]", "exec('x.append(2)')", "x", "x"),
    Way("eval", "x = [1]", "eval('x.append(2)')", "x", "x"),
    Way("exec hidden", "x = [1]; run = exec", "run('x.append(2)')", "x", "x"),
    Way(
        "builtins by getattr",
        "x = [1]",
        "getattr(__import__('builtins'), 'ex' + 'ec')('x.append(2)', __import__('sys').modules['__main__'].__dict__)",
        "x",
        "x",
    ),
    Way("__main__", "x = 1", "import __main__\n__main__.x = 2", "x", "x"),
    Way("sys.modules", "x = 1", "import sys\nsys.modules[__name__].x = 2", "x", "x"),
    Way("user_ns", "x = 1", "get_ipython().user_ns['x'] = 2", "x", "x"),
    Way("push", "x = 1", "ip = get_ipython(); ip.push({'x': 2})", "x", "x"),
    Way("function globals", "x = 1\ndef f(): pass", "f.__globals__['x'] = 2", "x", "x"),
    Way("frame", "x = 1", "import sys\nsys._getframe().f_globals['x'] = 2", "x", "x"),
    Way("callback in a dict", "l = []\ncbs = {'go': lambda: l.append(1)}", "cbs['go']()", "l", "l"),
    Way(
        "callback in an instance",
        "l = []\nclass E:\n    def __init__(self, f): self.f = f\n    def fire(self): self.f()\ne = E(lambda: l.append(1))",
        "e.fire()",
        "l",
        "l",
    ),
    Way("partial", "import functools\nl = []\np = functools.partial(l.append, 1)", "p()", "l", "l p"),
    Way(
        "partial of a function",
        "import functools\nl = []\ndef f(x): l.append(x)\np = functools.partial(f, 1)",
        "p()",
        "l",
        "l",
    ),
    Way("methodcaller", "import operator\nl = []; call = operator.methodcaller('append', 1)", "call(l)", "l", "l"),
    Way("getattr by string", "l = []", "getattr(l, 'app' + 'end')(1)", "l", "l"),
    Way(
        "property setter",
        "class C:\n    def __init__(self): self.d = {}\n    @property\n    def p(self): return self.d\n    @p.setter\n    def p(self, v): self.d['v'] = v\nc = C()",
        "c.p = 3",
        "c.d",
        "c",
    ),
    Way(
        "property getter with an effect",
        "log = []\nclass C:\n    @property\n    def p(self): log.append(1)\nc = C()",
        "c.p",
        "log",
        "log",
    ),
    Way(
        "__getattr__",
        "log = []\nclass C:\n    def __getattr__(self, n):\n        if n[0] == '_': raise AttributeError(n)\n        log.append(n)\nc = C()",
        "c.anything",
        "log",
        "log",
    ),
    Way(
        "operator",
        "log = []\nclass C:\n    def __add__(self, o): log.append(o); return self\nc = C()",
        "c + 1",
        "log",
        "log",
    ),
    Way("in-place operator", "x = [1]; y = x", "x += [2]", "y", "x y"),
    Way("__del__ by del", "log = []\nclass C:\n    def __del__(self): log.append(1)\nc = C()", "del c", "log", "log"),
    Way(
        "__del__ by rebinding",
        "log = []\nclass C:\n    def __del__(self): log.append(1)\nc = C()",
        "c = None",
        "log",
        "log c",
    ),
    Way(
        "__del__ of an item",
        "log = []\nclass C:\n    def __del__(self): log.append(1)\nc = [C()]",
        "c.clear()",
        "log",
        "log c",
    ),
    Way(
        "context manager",
        "import contextlib\nl = []\n@contextlib.contextmanager\ndef cm():\n    yield\n    l.append(1)",
        "with cm(): pass",
        "l",
        "l",
    ),
    Way(
        "exit stack",
        "import contextlib\nl = []\nstack = contextlib.ExitStack(); stack.callback(l.append, 1)",
        "stack.close()",
        "l",
        "l",
    ),
    Way("list iterator", "l = [1, 2]; it = iter(l)", "next(it)", "list(__import__('copy').copy(it))", "it"),
    Way("generator over a list", "l = [1, 2]\ndef g():\n    while l: yield l.pop()\nit = g()", "next(it)", "l", "l"),
    Way(
        "generator that writes a global",
        "n = 0\ndef g():\n    global n\n    while True:\n        n += 1\n        yield\nit = g()",
        "next(it)",
        "n",
        "n",
    ),
    Way("lazy map", "l = []\nm = map(l.append, [1, 2])", "list(m)", "l", "l m"),
    Way("sort key", "l = []\ndef key(v): l.append(v); return v", "sorted([2, 1], key=key)", "l", "l"),
    Way(
        "weak reference", "import weakref\nclass C: pass\nc = C(); c.n = 0; r = weakref.ref(c)", "r().n = 1", "c.n", "c"
    ),
    Way("random", "import random\nl = list(range(50))", "random.seed(3); random.shuffle(l)", "l", "l"),
    Way(
        "random state",
        "import random\nrandom.seed(1)\nr = random.Random(5)",
        "r.random()",
        "__import__('copy').copy(r).random()",
        "r",
    ),
    Way("library function", "import heapq\nh = [3, 2, 1]", "heapq.heapify(h)", "h", "h"),
    Way(
        "frame column", "import pandas as pd\ndf = pd.DataFrame({'a': [1]})", "df['b'] = 2", "df.columns.tolist()", "df"
    ),
    Way(
        "frame cell",
        "import pandas as pd\ndf = pd.DataFrame({'a': [1]}); d = {'f': df}",
        "d['f'].loc[0, 'a'] = 9",
        "df['a'].tolist()",
        "df d",
    ),
    Way(
        "frame inplace",
        "import pandas as pd\ndf = pd.DataFrame({'a': [2, 1]})",
        "df.sort_values('a', inplace=True)",
        "df['a'].tolist()",
        "df",
    ),
    Way(
        "frame attrs",
        "import pandas as pd\ndf = pd.DataFrame({'a': [2, 1]})",
        "df.attrs['k'] = 1; df.index.name = 'i'",
        "(df.attrs, df.index.name)",
        "df",
    ),
    Way(
        "index name",
        "import pandas as pd\ndf = pd.DataFrame({'a': [2, 1]}); i = df.index",
        "i.name = 'changed'",
        "df.index.name",
        "df i",
    ),
    Way(
        "object array item",
        "import numpy as np\nl = [1]; a = np.array([l, None], dtype=object)",
        "a[0].append(2)",
        "l",
        "l a",
    ),
    Way("loop variable", "x = 0", "for x in range(3): pass", "x", "x"),
    Way("walrus and comprehension", "x = 0; l = []", "[l.append(v) for v in 'ab'] and (x := 5)", "(x, l)", "x l"),
    Way("import star", "sqrt = 1", "from math import *", "sqrt is __import__('math').sqrt", "sqrt"),
    Way("class body", "l = []", "class C:\n    l.append(1)", "l", "C l"),
    Way(
        "decorator",
        "reg = {}\ndef register(f): reg[f.__name__] = f; return f",
        "@register\ndef g(): pass",
        "sorted(reg)",
        "g reg",
    ),
    Way(
        "singledispatch style registry on a class",
        "class R:\n    known = []\n    def __init_subclass__(cls): R.known.append(cls.__name__)",
        "class S(R): pass",
        "R.known",
        "R S",
    ),
    Way("annotation only", "x = 1", "x: int = 2", "x", "x"),
    Way("%time", "l = []", "%time l.append(1)", "l", "l"),
    Way("%%time", "l = []", "%%time\nl.append(1)\nnew = 1", "(l, globals_get('new'))", "l new"),
    Way("%timeit", "l = []", "%timeit -n 1 -r 1 l.append(1)", "l", "l"),
    Way("%%timeit", "l = []", "%%timeit -n 1 -r 1\nl.append(1)", "l", "l"),
    Way(
        "%%capture",
        "l = []",
        "%%capture out\nl.append(1)\nprint(5)",
        "(l, str(out) if globals_get('out') else '')",
        "l out",
    ),
    Way("%prun", "l = []", "%prun -q l.append(1)", "l", "l"),
    Way(
        "a magic of the user's",
        "l = []\nfrom IPython.core.magic import register_line_magic\n@register_line_magic\ndef grow(line): l.append(line)",
        "%grow 1",
        "l",
        "l",
    ),
    Way(
        "nested run_cell",
        "l = []",
        "get_ipython().run_cell('l.append(1); deep = 2')",
        "(l, globals_get('deep'))",
        "l deep",
    ),
    Way("run_cell in a function", "l = []\ndef f(): get_ipython().run_cell('l.append(1)')", "f()", "l", "l"),
    Way("shell capture", "l = []", "l = !echo hi", "list(l)", "l"),
    Way(
        "await",
        "import asyncio\nl = []\nasync def f():\n    await asyncio.sleep(0)\n    l.append(1)",
        "await f()",
        "l",
        "l",
    ),
    Way(
        "await of a global",
        "import asyncio\nn = 0\nasync def f():\n    global n\n    n += 1",
        "await asyncio.gather(f(), f())",
        "n",
        "n",
    ),
    Way(
        "asyncio.Event held elsewhere",
        "import asyncio\nbox = {'n': 0}\nasync def up(): box['n'] += 1",
        "task = asyncio.ensure_future(up()); await task",
        "box",
        "box",
    ),
    Way(
        "a pool of threads",
        "from concurrent.futures import ThreadPoolExecutor\nl = []",
        "with ThreadPoolExecutor(2) as ex: list(ex.map(l.append, range(3)))",
        "sorted(l)",
        "l",
    ),
    Way("a swap", "a = [1]; b = [2]", "a, b = b, a", "(a, b)", "a b"),
    Way("equal value, other identity", "a = [1]; b = [a]", "b[0] = [1]", "b[0] is a", "a b"),
    Way("equal number of another type", "x = 1", "x = True", "x", "x"),
    Way("same number, other sign", "x = 0.0", "x = -0.0", "x", "x"),
    Way("nan to nan", "x = [1]; y = float('nan')", "y = float('nan'); x.append(y)", "len(x)", "x"),
    Way("order of a dict", "d = {'a': 1, 'b': 2}", "d['a'] = d.pop('a')", "list(d)", "d"),
    Way(
        "dict to its subclass",
        "import collections\nd = {'a': 1}",
        "d = collections.OrderedDict(d)",
        "type(d).__name__",
        "d",
    ),
    Way("code of a function", "def f(): return 1\ndef g(): return 2", "f.__code__ = g.__code__", "f()", "f"),
    Way(
        "instance changes class", "class A:\n    k = 'a'\nclass B:\n    k = 'b'\ni = A()", "i.__class__ = B", "i.k", "i"
    ),
    Way(
        "redefined class",
        "class C:\n    def v(self): return 1\ni = C()",
        "class C:\n    def v(self): return 2",
        "(i.v(), C().v())",
        "C i",
    ),
    Way(
        "attribute of an enum's member",
        "import enum\nclass Colour(enum.Enum):\n    RED = 1",
        "Colour.RED.note = ['x']",
        "getattr(Colour.RED, 'note', None)",
        "Colour",
    ),
    Way(
        "attribute of an enum's member under another name",
        "import enum\nclass Colour(enum.Enum):\n    RED = 1\nreds = [Colour.RED]",
        "reds[0].note = reds",
        "len(getattr(reds[0], 'note', '')), getattr(Colour.RED, 'note', None) is reds",
        "Colour",
    ),
    Way(
        "in place in what a member's own code has set",
        "import enum\nclass Colour(enum.Enum):\n    RED = 1\n    def __init__(self, n): self.seen = []\nred = Colour.RED",
        "red.seen.append('x')",
        "Colour.RED.seen",
        "Colour",
    ),
    Way(
        "attribute of a combined flag",
        "import enum\nclass Right(enum.Flag):\n    READ = 1\n    WRITE = 2",
        "(Right.READ | Right.WRITE).note = 'x'",
        "getattr(Right(3), 'note', None)",
        "Right",
    ),
    Way(
        "attribute of an enum",
        "import enum\nclass Colour(enum.Enum):\n    RED = 1",
        "Colour.note = 'x'",
        "getattr(Colour, 'note', None)",
        "Colour",
    ),
    Way(
        "redefined function that is used elsewhere",
        "def f(): return 1\nd = {'f': f}",
        "def f(): return 2",
        "(f(), d['f']())",
        "f d",
    ),
]

#: Reads a name that there may not be.
GET = "globals_get = lambda name: globals().get(name)"


def _in_version(kernel: Kernel, expression: str, ref: str) -> object:
    """The expression, over a version's variables."""
    scope = f"(lambda v: {{**v, '__builtins__': __builtins__, 'globals_get': v.get}})(dict({SESSION}.at({ref!r})))"
    return kernel.value(f"eval({expression!r}, {scope})")


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_change_is_noticed(kernel: Kernel, way: Way) -> None:
    kernel.ok("import sys", GET, way.setup)
    start = kernel.session("head")
    before = kernel.value(way.shows)
    kernel.ok(way.cell)
    after = kernel.value(way.shows)
    assert before != after or way.shows == "x"
    commit = kernel.last()
    assert commit["parent"] == start
    assert set(way.names.split()) <= {*commit["changed"], *commit["not_captured"]}
    assert _in_version(kernel, way.shows, "HEAD") == after
    kernel.do("undo()")
    assert kernel.value(way.shows) == before


def test_run_of_a_file(kernel: Kernel, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("l.append(1)\nmade = [l]\n")
    kernel.ok("l = []", f"%run -i {script}")
    assert set(kernel.last()["changed"]) >= {"l", "made"}
    script.write_text("other = [1]\n")
    kernel.ok(f"%run {script}")
    assert "other" in kernel.last()["changed"]
    kernel.die_and_restore()
    assert kernel.value("l, made[0] is l, other") == ([1], True, [1])


def test_a_reloaded_module(kernel: Kernel, tmp_path: Path) -> None:
    module = tmp_path / "perdure_test_reloaded.py"
    module.write_text("def f(): return 1\n")
    kernel.ok(
        f"import sys\nsys.path.insert(0, {str(tmp_path)!r})",
        "%load_ext autoreload",
        "%autoreload 2",
        "import perdure_test_reloaded as m\nfrom perdure_test_reloaded import f\nl = [f]",
    )
    module.write_text("def f(): return 'changed and longer'\n")
    kernel.ok("got = f()")
    assert kernel.value("got, l[0]()") == ("changed and longer", "changed and longer")
    kernel.ok("l.append(1)")
    kernel.die_and_restore()
    kernel.ok("%load_ext autoreload", "%autoreload 0")
    assert kernel.value("got, f(), l[0](), l[1], m.f()") == (*("changed and longer",) * 3, 1, "changed and longer")


def test_a_silent_request_is_committed(kernel: Kernel) -> None:
    kernel.ok("x = [1]")
    kernel.quietly("x.append(2)")
    assert kernel.session("at('HEAD')['x']") == [1, 2]
    kernel.die_and_restore()
    assert kernel.value("x") == [1, 2]


def test_a_silent_request_that_changes_nothing_is_no_commit(kernel: Kernel) -> None:
    kernel.ok("x = [1]")
    before = kernel.session("head")
    kernel.quietly("x[0] + 1")
    assert kernel.session("head") == before


def test_a_request_without_history_is_committed(kernel: Kernel) -> None:
    kernel.ok("x = [1]")
    assert kernel.run("x.append(2)", store_history=False).status == "ok"
    assert kernel.session("at('HEAD')['x']") == [1, 2]
    kernel.do("undo()")
    assert kernel.value("x") == [1]


def test_a_thread_of_the_users_is_watched(kernel: Kernel) -> None:
    kernel.ok(
        "import threading\n"
        "box = [0]; go = threading.Event(); done = threading.Event()\n"
        "def work():\n    go.wait()\n    box[0] = 'written by the thread'\n    done.set()\n    hold.wait()\n"
        "hold = threading.Event(); thread = threading.Thread(target=work, daemon=True); thread.start()",
        "go.set(); done.wait();",
    )
    kernel.ok("unrelated = 1")
    assert kernel.session("at('HEAD')['box']") == ["written by the thread"]
    kernel.ok("hold.set(); thread.join()")


def test_a_thread_that_ended_between_two_cells(kernel: Kernel) -> None:
    kernel.ok(
        "import threading\nbox = [0]; go = threading.Event()\n"
        "def work():\n    go.wait()\n    box[0] = 'late'\n"
        "thread = threading.Thread(target=work, daemon=True); thread.start()"
    )
    kernel.ok("go.set(); thread.join()")
    assert kernel.session("at('HEAD')['box']") == ["late"]


def test_an_asyncio_task_that_goes_on_after_its_cell(kernel: Kernel) -> None:
    kernel.ok(
        "import asyncio\nbox = []\n"
        "async def later():\n    await gate.wait()\n    box.append('from the task')\n"
        "gate = asyncio.Event(); task = asyncio.ensure_future(later())",
        "gate.set()",
        "await task",
    )
    assert kernel.session("at('HEAD')['box']") == ["from the task"]


def test_a_cell_in_a_subshell(kernel: Kernel) -> None:
    kernel.ok("x = [1]")
    client = kernel.client
    control = client.session.msg("create_subshell_request")
    client.control_channel.send(control)
    while (reply := kernel.receive(client.get_control_msg))["parent_header"].get("msg_id") != control["header"][
        "msg_id"
    ]:
        pass
    request = client.session.msg(
        "execute_request", {"code": "x.append('sub'); y = 1", "silent": False, "store_history": True}
    )
    request["header"]["subshell_id"] = reply["content"]["subshell_id"]
    client.shell_channel.send(request)
    while kernel.receive(client.get_shell_msg)["parent_header"].get("msg_id") != request["header"]["msg_id"]:
        pass
    assert kernel.value("x, y") == ([1, "sub"], 1)
    kernel.ok("z = 1")
    assert kernel.session("at('HEAD')['x']") == [1, "sub"]
    assert kernel.session("at('HEAD')['y']") == 1
    kernel.do("undo(2)")
    assert kernel.state("x", "y", "z") == {"x": [1]}


def test_comments_and_empty_cells_are_no_trouble(kernel: Kernel) -> None:
    kernel.ok("x = 1")
    for cell in ("", "\n\n", "# only a comment", "pass", '"""text"""'):
        kernel.ok(cell)
    assert kernel.value("x") == 1
    kernel.die_and_restore()
    assert kernel.value("x") == 1
