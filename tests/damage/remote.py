"""The test's side of ``in_child.py``: a shell in another process, and the store of a session whose kernel was killed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import perdure
from kill.fingerprint import fingerprint
from kill.nursery import Nursery
from perdure.errors import PerdureError

#: What perdure says when it can't save, at the beginning of the line.
NOT_DURABLE = "perdure: this session is not durable"


class Remote:
    """A real shell with real cells, in a child."""

    def __init__(self, nursery: Nursery, store: Path, **settings: Any) -> None:
        self.store = store
        #: Everything that cells have printed.
        self.printed = ""
        self._child = nursery.fork("damage.in_child:serve", store=str(store), **settings)

    def _do(self, name: str, **arguments: Any) -> Any:
        return self._child.ask(json.dumps({"do": name, **arguments}), "answer")["answer"]

    def run(self, cell: str) -> dict[str, Any]:
        """A cell: what it printed (``out``, ``err``) and the name of the ``error`` that it raised."""
        ran: dict[str, Any] = self._do("run", cell=cell)
        self.printed += ran["out"] + ran["err"]
        return ran

    def ok(self, *cells: str) -> str:
        """Cells that must not raise; all that they printed."""
        text = ""
        for cell in cells:
            ran = self.run(cell)
            assert ran["error"] is None, f"{cell}\n{ran}"
            text += ran["out"] + ran["err"]
        return text

    def load(self) -> str:
        return self.ok("%load_ext perdure")

    def restore(self, session: str) -> dict[str, Any]:
        """``perdure.restore``: ``values`` that came back, names that ``failed`` and why, or the ``error``."""
        found: dict[str, Any] = self._do("attempt", session=session)
        assert "crash" not in found, found["crash"]
        return found

    def values(self) -> dict[str, str]:
        return self._do("values")

    def state(self) -> dict[str, Any]:
        return self._do("state")

    @property
    def session(self) -> str:
        return self.state()["session"]

    def flush(self) -> str | None:
        """Wait for durability; the error if there is none."""
        return self._flush()["error"]

    def _flush(self) -> dict[str, Any]:
        answer: dict[str, Any] = self._do("flush")
        self.printed += answer["said"]
        return answer

    def durable(self) -> str:
        """Wait for durability; the commit that HEAD is at."""
        answer = self._flush()
        assert answer["error"] is None, answer["error"]
        return answer["head"]

    def arm(self, at: int, *, lasting: bool, **code: int) -> None:
        """Make the store's writes fail: the one numbered ``at``, and if ``lasting`` all after it."""
        self._do("arm", at=at, lasting=lasting, **code)

    def shorten_patience(self, seconds: float) -> None:
        """Wait no longer than that, from the next connection on, for a catalog that somebody has locked."""
        self._do("shorten_patience", seconds=seconds)

    def disarm(self) -> bool:
        return self._do("disarm")

    def kill(self) -> None:
        self._child.kill()


@dataclass
class Made:
    """A session with known versions, as a killed kernel leaves it."""

    store: Path
    session: str = ""
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    head: str = ""

    @classmethod
    def of(cls, nursery: Nursery, store: Path, cells: Iterable[str]) -> Made:
        made = cls(store)
        remote = Remote(nursery, store)
        assert remote.load() == ""
        for cell in cells:
            remote.ok(cell)
            made.note(remote)
        remote.kill()
        return made

    def note(self, remote: Remote) -> None:
        """Acknowledge the present version."""
        self.session = remote.session
        self.head = remote.durable()
        self.versions[self.head] = remote.values()

    def copy(self, target: Path) -> Made:
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.store, target)
        return Made(target, self.session, dict(self.versions), self.head)

    def read(self) -> Read:
        """Every value of every version, from outside, as far as it is to be had."""
        found = Read()
        try:
            history = perdure.open(self.session, self.store)
        except PerdureError as error:
            found.errors.append(error)
            return found
        try:
            for commit, values in self.versions.items():
                self._read_version(history, commit, values, found)
        finally:
            history.store.close()
        return found

    def _read_version(self, history: perdure.History, commit: str, values: dict[str, str], found: Read) -> None:
        try:
            version = history.at(commit)
        except PerdureError as error:
            found.errors.append(error)
            return
        for name, value in values.items():
            try:
                got = fingerprint(version[name])
            except PerdureError as error:
                found.errors.append(error)
            else:
                assert got == value, f"{name} of {commit} is wrong"
                found.right.add((commit, name))

    @property
    def all(self) -> set[tuple[str, str]]:
        """Every name of every version."""
        return {(commit, name) for commit, values in self.versions.items() for name in values}


@dataclass
class Read:
    """What of a session could be read and was right, and what was said of the rest."""

    right: set[tuple[str, str]] = field(default_factory=set)
    errors: list[PerdureError] = field(default_factory=list)


def reports(text: str) -> list[str]:
    """The lines in which perdure says that it can't save."""
    return [line for line in text.splitlines() if line.startswith(NOT_DURABLE)]
