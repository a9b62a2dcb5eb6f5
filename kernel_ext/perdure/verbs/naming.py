"""Verbs that name commits: branch, tag."""

from __future__ import annotations

import click

from perdure.errors import UsageError
from perdure.timeline.history import History
from perdure.verbs.group import verb
from perdure.verbs.reading import line_of
from perdure.verbs.request import Answer, Request
from perdure.verbs.words import table


@verb()
@click.argument("name", required=False)
@click.argument("ref", default="HEAD", required=False)
@click.option("--delete", metavar="NAME", help="Forget a branch; gc drops what only it reached, after the retention.")
def branch(request: Request, name: str | None, ref: str, delete: str | None) -> Answer:
    """List the branches, or start one.

    The branch NAME starts at REF (if not given: HEAD). 'switch' goes there.
    """
    if name is not None and delete is not None:
        raise UsageError("Either start a branch or delete one.")
    if name is None and delete is None:
        return _branches(request.history)
    with request.moving() as history:
        if delete is not None:
            history.delete_branch(delete)
        else:
            history.branch(name, ref)
    return _branches(request.history)


@verb()
@click.argument("name", required=False)
@click.argument("ref", default="HEAD", required=False)
@click.option("--delete", metavar="NAME", help="Forget a tag; gc drops what only it reached, after the retention.")
def tag(request: Request, name: str | None, ref: str, delete: str | None) -> Answer:
    """List the tags, or set one.

    The tag NAME names the commit REF (if not given: HEAD) for good.
    """
    if name is not None and delete is not None:
        raise UsageError("Either set a tag or delete one.")
    if name is None and delete is None:
        return _tags(request.history)
    with request.moving() as history:
        if delete is not None:
            history.delete_tag(delete)
        else:
            history.tag(name, ref)
    return _tags(request.history)


def _branches(history: History) -> Answer:
    return _listed(history, history.branches, history.refs.branch) or Answer("No branches yet.", [])


def _tags(history: History) -> Answer:
    listed = _listed(history, history.tags, None)
    if listed is None:
        return Answer("No tags.", [])
    hidden = [
        f"There is a branch {name!r} too, and {name!r} means that. To reach the tag, name its commit, {commit[:8]}."
        for name, commit in sorted(history.tags.items())
        if name in history.branches
    ]
    return Answer("\n".join([listed.text, *hidden]), listed.data)


def _listed(history: History, names: dict[str, str], current: str | None) -> Answer | None:
    """Names with their commits, the current one marked; ``None`` if there are no names."""
    rows = [("*" if name == current else "", name, line_of(history, commit)) for name, commit in sorted(names.items())]
    data = [{"name": name, "commit": commit, "current": name == current} for name, commit in sorted(names.items())]
    return Answer("\n".join(table(rows)), data) if rows else None
