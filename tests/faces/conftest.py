"""A shell to type verbs in, and the store of a notebook whose kernel has died."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kernel.conftest import kernel, pool, start  # noqa: F401 - fixtures
from kernel.driver import Pool
from perdure.cli import main

#: What the notebook of :class:`Dead` ran, from its first numbered cell on.
CELLS = ["x = [1, 2]\ny = [x, x]\nz = 5", "x.append(3)", "import threading\nlock = threading.Lock()", "del z", "1 / 0"]


@dataclass
class Said:
    """What a command in the shell printed, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """What ``--json`` printed, which is nothing else."""
        return json.loads(self.out)


Shell = Callable[..., Said]


@dataclass
class Dead:
    """A store with one session, whose kernel was killed."""

    store: Path
    session: str
    commits: list[dict[str, Any]]  # oldest first: those of CELLS


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Type a verb in a shell; the store is that of :func:`dead` if none is named."""
    monkeypatch.setenv("PERDURE_STORE", str(tmp_path / "dead"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)

    def typed(*words: str) -> Said:
        done = CliRunner().invoke(main, list(words), prog_name="perdure", catch_exceptions=False)
        return Said(done.exit_code, done.stdout, done.stderr)

    return typed


@pytest.fixture(scope="session")
def dead_kernel(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Dead:  # noqa: F811
    store = tmp_path_factory.mktemp("dead") / "store"
    with pool.lend(store) as lent:
        for cell in CELLS:
            lent.run(cell)
        lent.flush()
        commits = lent.log(len(CELLS))[::-1]
        session = lent.session_id
        lent.kill()
    return Dead(store, session, commits)


@pytest.fixture
def dead(dead_kernel: Dead, tmp_path: Path) -> Dead:
    """Give a store with CELLS in one session that no kernel has open, at ``tmp_path / "dead"``."""
    shutil.copytree(dead_kernel.store, tmp_path / "dead")
    return Dead(tmp_path / "dead", dead_kernel.session, dead_kernel.commits)


def refs_of(store: Path) -> list[tuple[str, Any]]:
    """Return everything that a refused verb must leave as it is."""
    from perdure.store import Store

    with Store.open(store) as opened:
        return [(info.id, opened.refs(info.id)) for info in opened.sessions()]


def is_sentence(text: str) -> bool:
    """Whether that is one plain line that ends as sentences (or commands to type) do, and no traceback."""
    return text.count("\n") == 1 and text.endswith("\n") and len(text) > 20 and "Traceback" not in text
