"""What the names of a version stand for: each one's place in the store, or why it has none, and which commit said so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from perdure.store import Commit as Record
from perdure.timeline.commit import changed_names, is_echo


@dataclass(frozen=True, slots=True)
class Known:
    """One name of a version.

    ``binding`` is its snapshot and its place there; ``None`` if the value could not be captured, and ``reason`` then says
    why. ``changed`` is the commit that last changed it.
    """

    binding: tuple[str, int] | None
    reason: str | None
    changed: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A version: its names, without those that IPython binds."""

    names: dict[str, Known] = field(default_factory=dict)

    @classmethod
    def of(cls, line: Iterable[tuple[str, Record]]) -> Standing:
        """Put the deltas of a line of commits (newest first) together."""
        bound: dict[str, tuple[str, int]] = {}
        since: dict[str, str] = {}
        names: dict[str, Known] = {}
        settled: set[str] = set()
        for commit, record in line:
            changed = changed_names(record)
            for name, binding in record.bindings.items():
                if name in settled:
                    continue
                # One that was only saved together with others than before was changed by an earlier commit.
                bound.setdefault(name, binding)
                since[name] = commit
                if name in changed:
                    names[name] = Known(bound[name], None, commit)
                    settled.add(name)
            for name, reason in record.not_captured.items():
                if name not in settled and name not in bound:
                    names[name] = Known(None, reason, commit)
            settled.update(record.not_captured, record.deleted)
        for name, binding in bound.items():
            names.setdefault(name, Known(binding, None, since[name]))
        return cls({name: names[name] for name in sorted(names) if not is_echo(name)})

    @property
    def not_captured(self) -> dict[str, str]:
        """The names that have no value in this version, and why."""
        return {name: known.reason or "" for name, known in self.names.items() if known.binding is None}
