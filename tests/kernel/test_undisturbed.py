"""Watching disturbs nothing: what the user's code can see of the process is as it would be without perdure."""

from __future__ import annotations

from collections.abc import Callable

from kernel.driver import Kernel

#: Cells that draw random numbers, plot, warn and keep objects for a while.
CELLS = [
    "import random, numpy as np, warnings, gc, sys\nrandom.seed(1); np.random.seed(1); rng = np.random.default_rng(1)",
    "x = [random.random() for _ in range(3)]; y = np.random.rand(1000); z = {'x': x, 'y': y}",
    "import matplotlib\nmatplotlib.use('agg')\nimport matplotlib.pyplot as plt\nfig, ax = plt.subplots(); line, = ax.plot(x)",
    "ax.set_title('t'); random.shuffle(x)",
    "import pandas as pd\ndf = pd.DataFrame({'a': y}); s = df['a']; s[0] = 5",
    "class A:\n    def __init__(self): self.other = self\na = A(); l = [a, fig]",
    "z['y'][0] = 3; rng.random()",
]

#: What must be the same with and without perdure after those cells.
SEEN = {
    "random": "__import__('hashlib').sha256(repr(random.getstate()).encode()).hexdigest()",
    "numpy.random": "__import__('hashlib').sha256(repr(np.random.get_state()).encode()).hexdigest()",
    "generator": "rng.bit_generator.state['state']['state']",
    "figures": "plt.get_fignums()",
    "current axes": "plt.gca() is ax and plt.gcf() is fig",
    "figure": "len(fig.axes), len(ax.lines), fig.number, fig.stale, ax.stale",
    "collector": "gc.isenabled(), gc.get_threshold(), gc.get_debug(), len(gc.callbacks)",
    "warning filters": "[(f[0], f[2].__name__, f[4]) for f in warnings.filters]",
    "names": "sorted(n for n in globals() if not n.startswith('_i') and n not in ('_', '__', '___'))",
    "recursion limit": "sys.getrecursionlimit()",
    "hooks": "repr(sys.gettrace()), repr(sys.getprofile()), sys.displayhook.__class__.__name__, sys.excepthook.__name__",
    "signals": "[str(__import__('signal').getsignal(s)).split(' at ')[0] for s in (2, 14)]",
    "timer": "__import__('signal').getitimer(0)",
    "references": "[sys.getrefcount(o) for o in (x, z, a, l)]",
    "user_ns": "type(get_ipython().user_ns) is dict and globals() is get_ipython().user_ns",
    "copy-on-write": "df['a'][0] != 5",
    "switch interval": "sys.getswitchinterval()",
    "float printing": "np.get_printoptions()['precision']",
}


def test_everything_is_as_without_perdure(kernel: Kernel, start: Callable[..., Kernel]) -> None:
    plain = start()
    watched = start()
    watched.use_store(kernel.store)
    plain.ok("pass")
    watched.ok("%load_ext perdure")
    for cell in CELLS:
        one, other = plain.ok(cell), watched.ok(cell)
        assert (one.stdout, one.stderr) == (other.stdout, other.stderr)
    seen = {what: plain.value(expression) for what, expression in SEEN.items()}
    assert {what: watched.value(expression) for what, expression in SEEN.items()} == seen
    assert {what: watched.value(expression) for what, expression in SEEN.items()} == seen


def test_del_frees_an_object_at_once(kernel: Kernel) -> None:
    kernel.ok(
        "import weakref, numpy as np\nclass C: pass\n"
        "dead = []\nc = C(); weakref.finalize(c, dead.append, 'c')\n"
        "big = np.zeros(1_000_000); weakref.finalize(big, dead.append, 'big'); nested = {'v': [big[1:]]}",
        "c.n = 1; big[0] = 1",
        "del c",
        "first = list(dead)",
        "big = nested = None",
        "second = list(dead)",
    )
    assert kernel.value("first, second") == (["c"], ["c", "big"])


def test_rebinding_frees_what_could_not_be_captured(kernel: Kernel) -> None:
    kernel.ok(
        "import weakref, threading\nclass C:\n    def __init__(self): self.lock = threading.Lock()\n"
        "dead = []\nc = C(); weakref.finalize(c, dead.append, 'c')",
        "c.n = 1",
    )
    assert "c" in kernel.session("not_captured")
    kernel.ok("c = 0")
    assert kernel.value("dead") == ["c"]


def test_a_checkout_frees_what_it_takes_away(kernel: Kernel) -> None:
    kernel.ok("import weakref\nclass C: pass")
    kernel.do("tag('before')")
    kernel.ok("c = C(); alive = weakref.WeakSet([c])\n__import__('builtins').alive = alive; del alive", "x = 1")
    kernel.do("checkout('before')")
    assert kernel.value("'c' in globals(), len(__import__('builtins').alive)") == (False, 0)
    kernel.ok("del __import__('builtins').alive")


def test_no_object_is_unpickled_copied_or_compared_by_watching(kernel: Kernel) -> None:
    kernel.ok(
        "calls = []\n"
        "class Shy:\n"
        "    def __setstate__(self, s): calls.append('setstate')\n"
        "    def __eq__(self, o): calls.append('eq'); return True\n"
        "    def __hash__(self): calls.append('hash'); return 1\n"
        "    def __bool__(self): calls.append('bool'); return True\n"
        "    def __len__(self): calls.append('len'); return 0\n"
        "    def __repr__(self): calls.append('repr'); return 'shy'\n"
        "    def __copy__(self): calls.append('copy')\n"
        "    def __deepcopy__(self, memo): calls.append('deepcopy')\n"
        "    def __iter__(self): calls.append('iter'); return iter(())\n"
        "    def __getattr__(self, n):\n"
        "        if not n.startswith('__'): calls.append(n)\n"
        "        raise AttributeError(n)",
        "shy = Shy(); box = [shy]",
        "shy.n = 1",
        "box.append(1)",
        "len([v for v in globals()]);",
    )
    assert kernel.value("calls") == []


def test_a_warning_is_shown_as_often_as_without(kernel: Kernel, start: Callable[..., Kernel]) -> None:
    plain = start()
    cells = ["import warnings\ndef f(): warnings.warn('mine')", "f()", "x = 1; f()", "for _ in range(3): f()"]
    assert [kernel.ok(c).stderr.count("mine") for c in cells] == [plain.ok(c).stderr.count("mine") for c in cells]


def test_a_pickling_that_warns_and_prints_is_silent(kernel: Kernel) -> None:
    kernel.ok(
        "import warnings\nclass Loud:\n    def __reduce__(self):\n        warnings.warn('while pickling')\n        return Loud, ()",
    )
    result = kernel.ok("loud = Loud()")
    follow = kernel.ok("loud.n = 1")
    assert (result.stderr, follow.stderr) == ("", "")


def test_an_alarm_of_the_users_still_rings(kernel: Kernel) -> None:
    kernel.ok("import signal\nrang = []\nsignal.signal(signal.SIGALRM, lambda *a: rang.append(1));")
    kernel.ok("x = list(range(1000))\nsignal.setitimer(signal.ITIMER_REAL, 0.05)", "y = [x, x]")
    kernel.ok("while not rang: pass")
    assert kernel.value("rang") == [1]
    kernel.ok("signal.signal(signal.SIGALRM, signal.SIG_DFL);")


def test_telling_how_figures_differ_opens_none(kernel: Kernel) -> None:
    """One that was open when it was saved opens itself again when it is loaded, and would be the current one."""
    kernel.ok("import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1, 2, 3]);", "ax.set_title('one');")
    figures = "plt.get_fignums(), plt.gcf() is fig"
    before = kernel.value(figures)
    said = kernel.ok("%dart diff HEAD~1 HEAD").stdout
    assert "fig: axes 1 title: '' → 'one'" in said
    assert "ax: title: '' → 'one'" in said
    assert len(said.splitlines()) < 8
    assert kernel.value(figures) == before
    assert before[1] is True
