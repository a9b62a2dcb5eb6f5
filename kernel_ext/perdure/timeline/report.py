"""What a checkout, an undo or a restore did, name by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from perdure.timeline.commit import is_echo

RESTORED = "restored"
UNCHANGED = "unchanged"
DELETED = "deleted"
MISSING = "could not be captured"
FAILED = "could not be restored"


@dataclass(frozen=True, slots=True)
class Row:
    """One name: what happened to it, and why where that needs saying."""

    name: str
    status: str
    kind: str = ""
    note: str = ""


@dataclass(slots=True)
class Report:
    """The outcome of putting a session at a version.

    ``title`` says what was done, ``head`` is the commit that the session is at now, ``seconds`` how long it took. ``rows``
    tell of each name what happened to it, ``warnings`` what else is to be known.
    """

    title: str
    head: str | None = None
    rows: list[Row] = field(default_factory=list)
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)

    def names(self, status: str) -> list[str]:
        """The names with this status, without those that IPython binds."""
        return [row.name for row in self.rows if row.status == status and not is_echo(row.name)]

    def to_json(self) -> dict[str, Any]:
        """The same, as JSON-able values."""
        return {
            "title": self.title,
            "head": self.head,
            "seconds": self.seconds,
            "names": [
                {"name": row.name, "status": row.status, "type": row.kind, "note": row.note} for row in self.rows
            ],
            "warnings": list(self.warnings),
        }

    def as_text(self, *, every_name: bool = True) -> str:
        """A table of the names. Without ``every_name`` those that stayed as they were are only counted."""
        rows = [
            row
            for row in self.rows
            if row.status == FAILED or (not is_echo(row.name) and (every_name or row.status != UNCHANGED))
        ]
        left_out = len(self.names(UNCHANGED)) if not every_name else 0
        lines = [f"{self.title} ({self.seconds:.2f} s)"]
        if rows:
            name_width = max(len(row.name) for row in rows)
            kind_width = max(len(row.kind) for row in rows)
            for row in rows:
                status = f"{row.status}: {row.note}" if row.note else row.status
                lines.append(f"  {row.name:<{name_width}}  {row.kind:<{kind_width}}  {status}".rstrip())
        elif not left_out:
            lines.append("  nothing differs")
        if left_out:
            lines.append(f"  {left_out} more unchanged")
        lines += [f"  note: {warning}" for warning in self.warnings]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.as_text()

    __repr__ = __str__
