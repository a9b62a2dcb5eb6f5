"""Damaging files, and what has to be said of it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from damage.remote import Made, Remote
from kill.nursery import Nursery
from perdure.cli import main


def positions(path: Path, count: int, seed: int) -> Iterator[int]:
    """Places all over a file: its beginning, its end, and anywhere between."""
    size = path.stat().st_size
    chance = random.Random(seed)
    yield from sorted({*range(0, min(size, 64), 13), size - 1, *(chance.randrange(size) for _ in range(count))})


def flip(path: Path, position: int) -> None:
    """Turn one bit over."""
    with path.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ (1 << position % 8)]))


@dataclass
class Verified:
    """What ``perdure verify`` said."""

    status: int
    text: str

    @property
    def ok(self) -> bool:
        return self.status == 0


def verify(store: Path, *options: str) -> Verified:
    """Run ``perdure verify`` as in a shell."""
    done = CliRunner().invoke(main, ["verify", "--store", str(store), *options], catch_exceptions=False)
    assert done.exit_code in (0, 1), done.output
    assert "Traceback" not in done.output
    return Verified(done.exit_code, done.output)


@dataclass
class Survey:
    """What came of a damaged store: read from outside, restored into a fresh shell, and verified."""

    right: set[tuple[str, str]]
    head: str | None
    restored: dict[str, str]
    failed: dict[str, str]
    said: list[str]
    verified: Verified

    @classmethod
    def of(cls, nursery: Nursery, made: Made) -> Survey:
        """Look at it in all three ways. What comes back wrong, or says something else than a sentence, fails the test."""
        found = made.read()  # asserts that every value is right
        verified = verify(made.store)
        # What a restore commits is not to stay: it works on a copy.
        remote = Remote(nursery, made.copy(made.store.with_name("restoring")).store)
        loading = remote.load()
        assert "Traceback" not in loading
        brought = remote.restore(made.session)
        remote.ok("_still = 'running'")
        remote.kill()
        # Without its commit's own record, a repaired session is at the one before.
        expected = made.versions.get(brought["head"], {})
        values = {name: value for name, value in brought["values"].items() if name not in brought["failed"]}
        lingering = {name for name in brought["values"].keys() - values.keys() if not name.startswith("<")}
        assert not lingering, f"{lingering} could not be restored and are there"
        if brought["error"] is None:
            wrong = [name for name, value in values.items() if expected.get(name) != value]
            assert not wrong, f"{wrong} came back wrong"
            lacking = expected.keys() - brought["values"].keys()
            assert lacking <= brought["failed"].keys(), f"{lacking - brought['failed'].keys()} got lost silently"
        said = [str(error) for error in found.errors] + list(brought["failed"].values())
        said += [text for text in (loading, brought["error"]) if text]
        return cls(found.right, brought["head"], values, brought["failed"], said, verified)

    def is_whole(self, made: Made) -> bool:
        """Whether nothing is lacking anywhere."""
        return (self.right, self.head, self.restored) == (made.all, made.head, made.versions[made.head])


def fresh(made: Made, target: Path) -> Made:
    """Another copy to damage, in the place of the last one."""
    return made.copy(target)


def gone(path: Path) -> None:
    """Remove a file or a folder."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def largest_pack(store: Path) -> Path:
    return max((store / "packs").iterdir(), key=lambda pack: pack.stat().st_size)


CELLS = [
    "import numpy as np\nbig = np.arange(60_000.0)\nwords = [str(i) for i in range(5000)]",
    "alone = list(range(3000))\nview = big[::2]",
    "class Point:\n    x = 1\npoint = Point(); point.at = [words, 1]",
    "big[5000] = -1\nother = np.ones(40_000)",
    "words.append('last')\nalone[7] = 'seven'",
    "def call_me():\n    return len(words)",
]


@pytest.fixture(scope="session")
def template(warm: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Return a store whose kernel was killed, its last commits in the write-ahead log."""
    made = Made.of(warm, tmp_path_factory.mktemp("template") / "store", CELLS)
    assert (made.store / "catalog.db-wal").stat().st_size > 10_000
    return made


@pytest.fixture(scope="session")
def closed(template: Made, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Return the same store, opened and closed once since: everything is in the catalog itself."""
    made = template.copy(tmp_path_factory.mktemp("closed") / "store")
    assert made.read().right == made.all
    assert not (made.store / "catalog.db-wal").exists()
    return made


__all__ = ["closed", "template"]
