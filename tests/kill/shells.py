"""A shell with perdure in a child: real IPython and the real extension, without a kernel's sockets and start-up time."""

from __future__ import annotations

import io
import os
import random
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import perdure
from kill.fingerprint import fingerprints
from perdure.capture.names import Namespace
from perdure.timeline.report import FAILED, Report
from perdure.timeline.session import Session


@dataclass
class Ran:
    """What came of a cell: everything it showed, and what it raised."""

    out: str
    err: str
    error: BaseException | None

    @property
    def text(self) -> str:
        return self.out + self.err


class Shell:
    """One IPython shell, with the store in which its session will be."""

    def __init__(self, store: str, **settings: Any) -> None:
        os.environ["PERDURE_STORE"] = store
        config = Config(Perdure=settings)
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "NoColor"
        self.ip = InteractiveShell.instance(config=config)

    @property
    def session(self) -> Session:
        return perdure.current()

    def run(self, source: str) -> Ran:
        """Run one cell to its end, however it ends."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            result = self.ip.run_cell(source, store_history=True)
        return Ran(out.getvalue(), err.getvalue(), result.error_before_exec or result.error_in_exec)

    def ok(self, source: str) -> Ran:
        """Run a cell that must not raise."""
        ran = self.run(source)
        assert ran.error is None, f"{source}\n{ran.text}"
        return ran

    def load(self) -> str:
        """``%load_ext perdure``; what it printed."""
        return self.ok("%load_ext perdure").text

    def restore(self, session: str) -> Report:
        """Bring a session in, as a cell of the user's does. Raises what ``perdure.restore`` raises."""
        self.ok(f"__import__('importlib').import_module('kill.shells').restore_here({session!r})")
        outcome = _outcomes.pop()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def values(self) -> dict[str, Any]:
        """The variables and displayed values of the session that can be kept, and the state of ``random``."""
        everything = Namespace(self.ip.user_ns, self.ip.user_ns_hidden, self.ip.user_ns.get("_oh", {})).snapshot()
        lost = self.session.not_captured
        return {
            name: value
            for name, value in everything.items()
            if name not in lost and not name.startswith("<") and name not in ("_", "__", "___")
        } | {"<random>": random.getstate()}

    def fingerprints(self) -> dict[str, str]:
        return fingerprints(self.values())


_outcomes: list[Report | Exception] = []


def restore_here(session: str) -> None:
    """Called by a cell of :meth:`Shell.restore`, which binds no name."""
    try:
        _outcomes.append(perdure.restore(session))
    except Exception as error:
        _outcomes.append(error)


def failed(report: Report) -> dict[str, str]:
    """The names that a restore reports as not restored, and why."""
    return {row.name: row.note for row in report.rows if row.status == FAILED}
