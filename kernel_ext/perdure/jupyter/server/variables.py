"""Variables: what a version has, what a commit changed, how two versions differ; all from recorded previews."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from perdure.errors import Damaged, UnknownName, UnknownRef
from perdure.jupyter.server.row import row
from perdure.jupyter.server.shelf import Opened
from perdure.jupyter.server.standing import Known
from perdure.jupyter.server.trail import Trail
from perdure.store import Commit as Record
from perdure.store import Store
from perdure.timeline.commit import changed_names, is_echo

ADDED, CHANGED, DELETED, NOT_CAPTURED = "added", "changed", "deleted", "not captured"


class Previews:
    """Previews of values, each read from the commit that last changed its name."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._of: dict[str, dict[str, Any]] = {}

    def of(self, name: str, known: Known | None) -> dict[str, Any] | None:
        """What was recorded of the value; ``None`` if it has none or nothing was."""
        if known is None or known.binding is None:
            return None
        return self.at(known.changed).get(name)

    def at(self, commit: str) -> dict[str, Any]:
        """All that a commit recorded."""
        if commit not in self._of:
            self._of[commit] = self._store.commit(commit).meta.get("previews", {})
        return self._of[commit]


def listed(opened: Opened, trail: Trail, commit: str) -> dict[str, Any]:
    """Every variable of a version."""
    previews = Previews(opened.store)
    return {
        "ref": commit,
        "variables": [
            {
                "name": name,
                "preview": previews.of(name, known),
                "commit": known.changed,
                "captured": known.binding is not None,
                "reason": known.reason,
            }
            for name, known in trail.standing(opened.store, commit).names.items()
        ],
    }


def changes_of(opened: Opened, trail: Trail, commit: str, record: Record) -> list[dict[str, Any]]:
    """What one commit did to each name that it touched."""
    names = sorted(name for name in _touched(record) if not is_echo(name))
    before: dict[str, Known | None] = {}
    lost = None
    try:
        _find_last(trail.line(opened.store, record.parent), names, before)
    except (Damaged, UnknownRef) as error:
        lost = str(error)  # the commit itself is whole
    previews = Previews(opened.store)
    changes = [_change(name, before.get(name), _known(name, commit, record), previews) for name in names]
    return [
        {**change, "kind": CHANGED, "reason": lost} if change["kind"] == ADDED and lost is not None else change
        for change in changes
    ]


def difference(opened: Opened, trail: Trail, before: str, after: str) -> list[dict[str, Any]]:
    """How the variables of two versions differ."""
    old, new = (trail.standing(opened.store, commit).names for commit in (before, after))
    previews = Previews(opened.store)
    return [
        _change(name, old.get(name), new.get(name), previews)
        for name in sorted(old.keys() | new.keys())
        if differs(old.get(name), new.get(name))
    ]


def differs(old: Known | None, new: Known | None) -> bool:
    """Whether a name's value is another one; to be saved together with others than before makes it none."""
    if old is None or new is None:
        return old is not new
    if old.binding is None or new.binding is None:
        return old != new
    return old.binding != new.binding and old.changed != new.changed


def history(opened: Opened, trail: Trail, name: str, commit: str, limit: int) -> dict[str, Any]:
    """What happened to a name from ``commit`` back, newest first.

    :raises UnknownName: if nothing did.
    """
    events: list[tuple[str, Record]] = []
    for found, record in trail.line(opened.store, commit):
        if name in _touched(record):
            events.append((found, record))
            if len(events) > limit:
                break
    if not events or is_echo(name):
        raise UnknownName(f"No commit up to {commit[:8]} has a variable {name!r}.")
    previews = Previews(opened.store)
    rows = []
    for place, (found, record) in enumerate(events[:limit]):
        older = _known(name, *events[place + 1]) if place + 1 < len(events) else None
        change = _change(name, older, _known(name, found, record), previews)
        rows.append({**row(found, record), "kind": change["kind"], "preview": change["after"]})
    return {"name": name, "history": rows}


def _touched(record: Record) -> set[str]:
    return changed_names(record) | set(record.deleted) | record.not_captured.keys()


def _known(name: str, commit: str, record: Record) -> Known | None:
    """What a commit that touched the name made of it; ``None`` if it is gone."""
    if name in record.bindings:
        return Known(record.bindings[name], None, commit)
    if name in record.not_captured:
        return Known(None, record.not_captured[name], commit)
    return None


def _find_last(line: Iterable[tuple[str, Record]], names: Iterable[str], found: dict[str, Known | None]) -> None:
    """Put into ``found`` what each name was at the beginning of a line (newest first), as far as it was anything."""
    left = set(names)
    if not left:
        return
    for commit, record in line:
        for name in left & _touched(record):
            found[name] = _known(name, commit, record)
            left.discard(name)
        if not left:
            return


def _change(name: str, old: Known | None, new: Known | None, previews: Previews) -> dict[str, Any]:
    if new is None:
        kind = DELETED
    elif new.binding is None:
        kind = NOT_CAPTURED
    else:
        kind = ADDED if old is None else CHANGED
    reason = (new.reason if new is not None else None) or (old.reason if old is not None else None)
    return {
        "name": name,
        "kind": kind,
        "before": previews.of(name, old),
        "after": previews.of(name, new),
        "reason": reason,
    }
