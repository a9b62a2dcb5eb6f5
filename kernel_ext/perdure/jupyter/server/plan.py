"""Plans: what a checkout or a restore would do to each variable, told before it is done."""

from __future__ import annotations

from typing import Any

from perdure.jupyter.server.row import row
from perdure.jupyter.server.shelf import Opened
from perdure.jupyter.server.standing import Known, Standing
from perdure.jupyter.server.trail import Trail
from perdure.jupyter.server.variables import Previews

KEEP, RESTORE, CHANGE, DELETE, NOT_CAPTURED = "keep", "restore", "change", "delete", "not captured"


def plan(opened: Opened, trail: Trail, target: str, head: str | None, *, fresh: bool) -> dict[str, Any]:
    """What going to ``target`` would do.

    :param head: where the session is now.
    :param fresh: into a kernel that has nothing of the session.
    """
    there = trail.standing(opened.store, target).names
    here = (Standing() if fresh else trail.standing(opened.store, head)).names
    previews = Previews(opened.store)
    rows = []
    for name in sorted(here.keys() | there.keys()):
        action, reason = _action(here.get(name), there.get(name))
        rows.append(
            {
                "name": name,
                "action": action,
                "reason": reason,
                "before": previews.of(name, here.get(name)),
                "after": previews.of(name, there.get(name)),
            }
        )
    return {"target": row(target, trail.record(opened.store, target)), "rows": rows}


def _action(here: Known | None, there: Known | None) -> tuple[str, str | None]:
    """What `perdure.timeline.checkout` does to such a name, and why where that needs saying."""
    if there is None:
        return DELETE, None
    if there.binding is not None:
        if here is None:
            return RESTORE, None
        return (KEEP if here.binding == there.binding else CHANGE), None
    if here is None:
        return NOT_CAPTURED, there.reason
    if here.binding is not None:
        return NOT_CAPTURED, f"{there.reason}; today's value goes, and is kept in today's version"
    if here == there:
        return KEEP, f"{there.reason}; not touched since"
    return NOT_CAPTURED, f"{there.reason}; left as it is now, which may be newer"
