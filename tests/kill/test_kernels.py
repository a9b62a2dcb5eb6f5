"""SIGKILL of true ipykernels, at moments that no child of ours has: a reply on its way, a commit behind it, a restore."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import perdure
from kernel.conftest import pool, start  # noqa: F401 - fixtures
from kernel.driver import Kernel
from kill.fingerprint import fingerprint
from perdure.errors import PerdureError

FIRST = """
import numpy as np
big = np.arange(2_000_000.0)
words = [str(i) for i in range(20_000)]
nested = {"words": words, "same": [words]}
"""

Start = Callable[..., Kernel]


def _fill() -> dict[str, Any]:
    """What `FIRST` makes."""
    made: dict[str, Any] = {}
    exec(FIRST, made)
    return {name: made[name] for name in ("big", "words", "nested")}


@pytest.fixture
def begun(start: Start, tmp_path: Path) -> tuple[Kernel, str]:  # noqa: F811
    """Return a kernel in which `FIRST` is durable, and that commit."""
    kernel = start().load(tmp_path / "store")
    kernel.ok(FIRST)
    kernel.flush()
    return kernel, kernel.session("head")


def check(kernel: Kernel, commit: str, expected: dict[str, Any]) -> perdure.History:
    """Every value of the commit is what it was, read from outside."""
    history = perdure.open(kernel.session_id, kernel.store)
    version = history.at(commit)
    for name, value in expected.items():
        assert fingerprint(version[name]) == fingerprint(value), name
    assert version["nested"]["words"] is version["words"]
    return history


def go_on(kernel: Kernel) -> None:
    """A new kernel restores the session, and the history goes on."""
    store = kernel.store
    assert store is not None
    kernel.restart().use_store(store)
    kernel.ok("%load_ext perdure", f"import perdure; report = perdure.restore({kernel.session_id!r})")
    assert kernel.value("[row.name for row in report.rows if row.status == 'could not be restored']") == []
    assert kernel.value("nested['words'] is words and nested['same'][0] is words") is True
    kernel.ok("words.append('after the kill')")
    kernel.flush()
    assert kernel.value("len(perdure.current().at('HEAD')['words'])") == 20_001


@pytest.mark.slow
@pytest.mark.torture
def test_a_kill_while_a_cell_runs(begun: tuple[Kernel, str]) -> None:
    kernel, commit = begun
    kernel.send("print('begun', flush=True)\nwhile True:\n    words.reverse(); big[:] += 1").until("begun")
    kernel.kill()
    history = check(kernel, commit, _fill())
    assert history.head == commit
    history.store.close()
    go_on(kernel)


@pytest.mark.slow
@pytest.mark.torture
@pytest.mark.parametrize("edits", [1, 3])
def test_a_kill_right_after_the_reply(begun: tuple[Kernel, str], edits: int) -> None:
    kernel, commit = begun
    for number in range(edits):
        kernel.ok(f"big[::1000] = -{number}\nmore{number} = np.full(8_000_000, {number}.0)")
    kernel.kill()  # the last commit is on its way: 64 MB are to be written
    history = check(kernel, commit, _fill())
    head = history.head
    line = [each.id for each in history.log()]
    assert commit in line
    # What became durable is whole, acknowledged or not.
    for number in range(line.index(commit)):
        version = history.at(line[line.index(commit) - number - 1])
        assert (version[f"more{number}"] == number).all()
        assert version["big"][1000] == -number
    assert head == line[0]
    assert history.store.verify().findings == []
    history.store.close()
    kernel.restart().use_store(Path(history.store.path))
    kernel.ok("%load_ext perdure", f"import perdure; perdure.restore({kernel.session_id!r})")
    assert head in [each["id"] for each in kernel.log()]


@pytest.mark.slow
@pytest.mark.torture
def test_a_kill_while_it_is_flushed(begun: tuple[Kernel, str]) -> None:
    kernel, commit = begun
    kernel.send(
        "%dart flush\nmore = np.full(8_000_000, 1.0)\nprint('begun', flush=True)\n%dart undo\n%dart redo"
    ).until("begun")
    kernel.kill()
    history = check(kernel, commit, _fill())
    assert commit in [each.id for each in history.log()]
    history.store.close()
    go_on(kernel)


@pytest.mark.slow
@pytest.mark.torture
def test_a_kill_during_a_restore(begun: tuple[Kernel, str]) -> None:
    kernel, commit = begun
    store, session = kernel.store, kernel.session_id
    assert store is not None
    kernel.kill()
    kernel.restart().use_store(store)
    kernel.ok("%load_ext perdure", "import perdure")
    chance = random.Random(4)
    kernel.send(
        f"print('begun', flush=True)\nwhile True: perdure.restore({session!r}); perdure.current().undo()"
    ).until("begun")
    for _ in range(chance.randrange(100_000)):
        pass  # somewhere within one of them
    kernel.kill()
    history = check(kernel, commit, _fill())
    assert history.store.verify().findings == []
    if history.head != commit:  # it was killed after an undo
        history.move_head(commit, "main")
    history.store.close()
    go_on(kernel)


@pytest.mark.slow
@pytest.mark.torture
def test_a_kill_of_a_kernel_whose_reply_waits_for_the_disk(start: Start, tmp_path: Path) -> None:  # noqa: F811
    kernel = start("--Perdure.durability=sync").load(tmp_path / "store")
    kernel.ok(FIRST, "words.append('one')", "words.append('two')")
    kernel.send("print('begun', flush=True)\nwhile True: words.append('never')").until("begun")
    kernel.kill()  # nobody asked for a flush: the replies were the acknowledgements
    history = perdure.open(kernel.session_id, kernel.store)
    version = history.at("HEAD")
    assert version["words"][-2:] == ["one", "two"]
    with pytest.raises(PerdureError):
        history.at("In[99]")
    history.store.close()
