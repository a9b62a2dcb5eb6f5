"""Random programs of cells, with undo, redo, checkouts, branches and restarts, against a plain model.

The model of a commit is what the namespace looked like right after its cell, with all sharing (see ``machine``). Whatever the
engine does later, each version has to look like that again: live, read with ``at``, and in a new process's shell.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from IPython.core.interactiveshell import InteractiveShell

import perdure
from model.machine import Shape, describe
from perdure.errors import UsageError
from perdure.jupyter import attachment
from perdure.store import Store
from perdure.timeline.history import History

#: A folder that costs no disk, where there is one.
MEMORY = Path("/dev/shm")

NAMES = ["a", "b", "c", "d"]
ARRAYS = ["v", "w"]

settings.register_profile(
    "sessions",
    max_examples=int(os.environ.get("PERDURE_EXAMPLES", "150")),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    derandomize=True,  # the same programs each time; `make torture` looks for others
)
settings.register_profile(
    "sessions-torture",
    parent=settings.get_profile("sessions"),
    max_examples=5000,
    stateful_step_count=50,
    derandomize=False,
)

name = st.sampled_from(NAMES)
array = st.sampled_from(ARRAYS)
small = st.integers(0, 3)

#: Cells over one or two names ({0}, {1}), an array ({v}, {w}) and a number ({n}). Those that can't run raise: that is a cell, too.
CELLS = [
    "{0} = [{n}]; {1} = [{n}]",
    "{0} = {1}",
    "{0} = [{1}, {1}]",
    "{0} = {{'k': {1}, {n}: []}}",
    "{0} = ({1}, [{n}])",
    "{0} = {n}",
    "{0} = 'text{n}' * 20",
    "{0} = {{{n}, 'x'}}",
    "{0}.append({n})",
    "{0}.append({1})",
    "{0}[0] = {1}",
    "{0}[0] = [{n}]",
    "{0}['k'] = {1}",
    "{0}[0].append({n})",
    "del {0}[0]",
    "del {0}",
    "{0}.clear()",
    "{0}, {1} = {1}, {0}",
    "{0} += [{n}]",
    "{0} = list({1})",
    "print({0}, {1})",
    "{v} = np.arange({n} + 3.); {0} = [{v}]",
    "{v} = np.zeros(5000); {v}[{n}] = 1",
    "{w} = {v}[1:]",
    "{w} = {v}[::-1]",
    "{w} = {v}.copy()",
    "{v}[{n}] += 1",
    "{w}[:] = {n}",
    "{0} = [{v}, {w}]",
    "{0} = {v}[::2]",
    "{v} = np.array([{0}, None, {1}], dtype=object)",
    "def f(): return {0}\n{1} = [f]",
    "def f():\n    global {0}\n    {0} = [{n}, {1}]",
    "f()",
    "{0} = f()",
    "f.note = {1}",
    "def f(x=[{n}]):\n    x.append({1})\n    return x",
    "def make(box):\n    return lambda: box.append({n}) or box",
    "{0} = make({1})",
    "{0} = {1}()",
    "class K:\n    items = [{n}]\n    def __init__(self): self.own = [{n}]\n    def put(self, x): self.own.append(x); return self",
    "{0} = K()",
    "{0} = K(); {0}.put({1})",
    "{0}.put({0})",
    "{0} = {1}.put",
    "{0}.own = {1}",
    "K.items.append({1})",
    "K.extra = {0}",
    "{0} = K.items",
    "globals()['{0}'] = [{n}]",
    "exec('{0}.append({n})')",
    "for {0} in [[1], [{n}]]: pass",
    "{0}.append({n}); raise ValueError({n})",
    "del {0}, {1}; undefined_name",
    "{0}.append({n}",
    "{0}",
]

#: So that most cells find something to work on.
BEGIN = """
a = [0]; b = [a, {'k': a}]; c = {'k': [1], 0: []}; d = [[2], 3]; v = np.arange(6.); w = v[1:]
def f(): return a
def make(box): return lambda: box
class K:
    items = []
    def __init__(self): self.own = []
    def put(self, x): self.own.append(x); return self
"""

cell = st.builds(
    lambda text, one, two, v, w, n: text.format(one, two, v=v, w=w, n=n),
    st.sampled_from(CELLS),
    name,
    name,
    array,
    array,
    small,
)


class Machine(RuleBasedStateMachine):
    """One shell with perdure, and what every commit looked like."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="perdure-model-", dir=MEMORY if MEMORY.is_dir() else None))
        self.copies = 0
        self.store = self.folder / "store0"
        self.looks: dict[str, Shape] = {}  # in the order of the commits: their ids differ from run to run
        self.shell = fresh_shell()

    @initialize()
    def begin(self) -> None:
        self.in_a_cell(f"__import__('perdure').attach({str(self.store)!r})")
        self.run("import numpy as np")
        self.run(BEGIN)

    def teardown(self) -> None:
        try:
            self.every_version_reads_as_it_was()
        finally:
            attachment.detach()
            shutil.rmtree(self.folder)

    # -- helpers -----------------------------------------------------------------------------------------------

    @property
    def session(self) -> perdure.Session:
        return perdure.current()

    def in_a_cell(self, source: str) -> None:
        result = self.shell.run_cell(source, store_history=True)
        assert result.success, source

    def come_back(self, session: str) -> None:
        """In a fresh shell. The cell that does it is a commit of the history, too, if it changed anything."""
        store = Store.open(self.store)
        head = History(store, session).head
        store.close()
        self.in_a_cell(f"__import__('perdure').restore({session!r}, {str(self.store)!r});")
        assert head is not None
        assert self.look() == self.looks[head]
        now = self.session.head
        assert now is not None
        self.looks.setdefault(now, self.looks[head])

    def look(self) -> Shape:
        ns = self.shell.user_ns
        return describe({n: ns[n] for n in [*NAMES, *ARRAYS, "f", "make", "K", "np"] if n in ns}, ns)

    def run(self, source: str) -> None:
        before = self.session.head
        self.shell.run_cell(source, store_history=True)
        look = self.look()
        head = self.session.head
        assert head is not None
        assert head != before
        self.looks[head] = look

    def here(self) -> None:
        """The live variables look like HEAD's."""
        head = self.session.head
        assert head is not None
        assert self.look() == self.looks[head]

    # -- what happens ------------------------------------------------------------------------------------------

    @rule(sources=st.lists(cell, min_size=1, max_size=5))
    def cells(self, sources: list[str]) -> None:
        for source in sources:
            self.run(source)

    @rule(first=cell, second=cell)
    def a_longer_cell(self, first: str, second: str) -> None:
        self.run(f"{first}\n{second}")

    @rule(n=st.integers(1, 4))
    def undo(self, n: int) -> None:
        self.step(self.session.undo, n)

    @rule(n=st.integers(1, 4))
    def redo(self, n: int) -> None:
        self.step(self.session.redo, n)

    def step(self, verb: Any, n: int) -> None:
        look, head = self.look(), self.session.head
        try:
            verb(n)
        except UsageError:
            assert (self.look(), self.session.head) == (look, head)
        if self.session.head not in self.looks:  # before the first cell
            self.session.redo()
        self.here()

    @rule()
    def there_and_back(self) -> None:
        head, look = self.session.head, self.look()
        try:
            self.session.undo()
        except UsageError:
            return
        self.session.redo()
        assert self.session.head == head
        assert self.look() == look

    def one_of(self, data: st.DataObject) -> str:
        return list(self.looks)[data.draw(st.integers(0, len(self.looks) - 1))]

    @rule(data=st.data())
    def checkout(self, data: st.DataObject) -> None:
        commit = self.one_of(data)
        self.session.checkout(commit)
        assert self.session.head == commit
        self.here()

    @rule(data=st.data())
    def switch(self, data: st.DataObject) -> None:
        branch = data.draw(st.sampled_from(sorted(self.session.branches)))
        if self.session.branches[branch] in self.looks:
            self.session.switch(branch)
            self.here()

    @precondition(lambda self: len(self.session.branches) < 8)
    @rule()
    def branch(self) -> None:
        self.session.branch(f"try-{len(self.session.branches)}")

    @rule()
    def restart(self) -> None:
        """Leave in good order, and come back in another shell."""
        session = self.session.id
        attachment.detach()
        self.shell = fresh_shell()
        self.come_back(session)
        self.here()

    @rule()
    def crash(self) -> None:
        """What is on disk after a flush is all that there is."""
        self.session.flush()
        session = self.session.id
        self.copies += 1
        left = self.folder / f"store{self.copies}"
        shutil.copytree(self.store, left)
        attachment.detach()
        self.store = left
        self.shell = fresh_shell()
        self.come_back(session)
        self.here()

    @rule(data=st.data())
    def read_a_version(self, data: st.DataObject) -> None:
        self.reads_as_it_was(self.one_of(data))

    def reads_as_it_was(self, commit: str) -> None:
        version = self.session.at(commit)
        values = {n: version[n] for n in [*NAMES, *ARRAYS, "f", "make", "K", "np"] if n in version}
        found = describe(values, next((v.__globals__ for n, v in values.items() if n in ("f", "make")), None))
        assert found == self.looks[commit]

    def every_version_reads_as_it_was(self) -> None:
        for commit in self.looks:
            self.reads_as_it_was(commit)

    @invariant()
    def all_is_well(self) -> None:
        if self.looks:
            assert self.session.trouble is None
            assert not self.session.not_captured


def fresh_shell() -> InteractiveShell:
    """Return the process's one shell, as if it had just been started."""
    shell = InteractiveShell.instance()
    shell.reset(new_session=True)
    return shell


@contextmanager
def quiet_shell(folder: Path) -> Iterator[None]:
    """A shell of the process's own, that prints nothing and leaves no trace."""
    main, hook, out, err = sys.modules["__main__"], sys.displayhook, sys.stdout, sys.stderr
    os.environ["IPYTHONDIR"] = str(folder)
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.hist_file = ":memory:"
    InteractiveShell.clear_instance()
    InteractiveShell.instance(config=config).InteractiveTB.set_mode("Minimal")
    gc.freeze()  # every reset of the shell collects garbage
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        sys.stdout = sys.stderr = nowhere
        try:
            yield
        finally:
            sys.stdout, sys.stderr = out, err
            gc.unfreeze()
            InteractiveShell.clear_instance()
            sys.modules["__main__"], sys.displayhook = main, hook


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    with quiet_shell(tmp_path):
        yield


@pytest.mark.slow
@pytest.mark.usefixtures("shell")
def test_random_programs() -> None:
    Machine.TestCase.settings = settings(settings.get_profile("sessions"))
    Machine.TestCase().runTest()


@pytest.mark.torture
@pytest.mark.skipif("PERDURE_KILLS" not in os.environ, reason="part of make torture")
@pytest.mark.timeout(0)
@pytest.mark.usefixtures("shell")
def test_many_random_programs() -> None:
    Machine.TestCase.settings = settings(settings.get_profile("sessions-torture"))
    Machine.TestCase().runTest()
