"""Commits as users see them: through ``session.log()``, ``%dart log`` and ``--json``."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass, field
from typing import Any

from perdure.capture.names import is_ipythons
from perdure.errors import InvalidName
from perdure.store import Commit as Record

#: Names that IPython binds to what a cell displayed; they follow the cell and aren't news.
_ECHO = re.compile(r"_{1,3}\Z|_\d+\Z|Out\[\d+\]\Z|<.*>\Z")


def changed_names(record: Record) -> set[str]:
    """The names whose values the commit changed, those of IPython's included."""
    return record.bindings.keys() - set(record.meta.get("regrouped", ()))


def is_echo(name: str) -> bool:
    """Whether ``name`` is bound by IPython rather than by the user (``_``, ``_12``, ``Out[12]``), or is process state."""
    return _ECHO.match(name) is not None


def check_variable(name: str) -> str:
    """The name, if a variable can have it.

    :raises InvalidName: if none can.
    """
    if not (name.isidentifier() or is_echo(name)):
        raise InvalidName(f"{name!r} can't name a variable. Give a Python name.")
    return name


def check_new_variable(name: str) -> str:
    """The name, if a value can be bound to it.

    :raises InvalidName: if none can, or if it is one that IPython binds.
    """
    if not name.isidentifier():
        raise InvalidName(f"{name!r} can't name a variable. Give a Python name.")
    if keyword.iskeyword(name):
        raise InvalidName(f"{name!r} is a word of Python's own and can't name a variable. Choose another name.")
    if is_ipythons(name) or is_echo(name):
        raise InvalidName(f"{name!r} is a name that IPython keeps for itself. Choose another name.")
    return name


@dataclass(frozen=True, slots=True)
class Commit:
    """The durable record of one cell.

    ``id`` has 40 hex digits; ``parent`` is the id of the commit before it, ``None`` for the first. ``source`` is the cell's
    code and ``execution_count`` its number, ``None`` for what no numbered cell did. ``outcome`` is ``ok``, ``error`` or
    ``interrupted``, and ``error`` then says what was raised. ``started`` is in seconds since the epoch, ``duration`` in
    seconds, ``bytes_added`` in bytes. ``changed`` and ``deleted`` are names; ``not_captured`` gives for each name that could
    not be kept the reason. ``previews`` describes the changed values in brief. ``session`` is the id of its session.
    """

    id: str
    parent: str | None
    source: str
    execution_count: int | None
    outcome: str
    started: float
    duration: float
    changed: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    not_captured: dict[str, str] = field(default_factory=dict)
    bytes_added: int = 0
    error: str | None = None
    session: str = ""
    previews: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, commit_id: str, record: Record) -> Commit:
        """The commit that a record of the store is."""
        return cls(
            id=commit_id,
            parent=record.parent,
            source=record.source,
            execution_count=record.execution_count,
            outcome=record.outcome,
            started=record.started,
            duration=record.duration,
            changed=tuple(sorted(name for name in changed_names(record) if not is_echo(name))),
            deleted=tuple(sorted(name for name in record.deleted if not is_echo(name))),
            not_captured={name: reason for name, reason in record.not_captured.items() if not is_echo(name)},
            bytes_added=record.bytes_added,
            error=record.meta.get("error"),
            session=record.session,
            previews=record.meta.get("previews", {}),
        )

    def to_json(self) -> dict[str, Any]:
        """The same keys, as JSON-able values."""
        return {
            "id": self.id,
            "parent": self.parent,
            "source": self.source,
            "execution_count": self.execution_count,
            "outcome": self.outcome,
            "started": self.started,
            "duration": self.duration,
            "changed": list(self.changed),
            "deleted": list(self.deleted),
            "not_captured": dict(self.not_captured),
            "bytes_added": self.bytes_added,
            "error": self.error,
        }

    @property
    def title(self) -> str:
        """The first line of its code that says something."""
        lines = [line.strip() for line in self.source.splitlines()]
        return next((line for line in lines if line and not line.startswith("#")), lines[0] if lines else "")
