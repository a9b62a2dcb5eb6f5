"""Verbs that only look: status, log, show, diff, blame."""

from __future__ import annotations

from typing import Any

import click

from perdure.store import Refs
from perdure.timeline.commit import Commit
from perdure.timeline.history import History, NameDifference
from perdure.timeline.status import Status
from perdure.verbs.group import verb
from perdure.verbs.request import Answer, Request
from perdure.verbs.words import counted, indented, moment, shorten, size, span, table

_NAMES = 28  # characters that the changed names may take on a line of the log


@verb()
def status(request: Request) -> Answer:
    """Tell how the session stands.

    Where it is, what of it is durable, how large the store is, what the last commit cost, and what could not be captured and
    why.
    """
    found = Status.of(request.history)
    return Answer(_status_text(found), found.to_json())


def _status_text(found: Status) -> str:
    origin = "" if found.trusted else f"; from elsewhere and not trusted yet ('trust {found.session}')"
    rows = [
        ("session", f"{found.session}, {counted(found.commits, 'commit')}{origin}"),
        ("notebook", found.notebook or ""),
        ("HEAD", f"{found.head[:8]} {_position(found)}" if found.head else "no commit yet"),
        ("durable", _durability(found)),
        ("store", f"{found.store}, {size(found.store_size)}"),
    ]
    if found.last is not None:
        cost = f", {span(found.last_cost)} of kernel time" if found.last_cost is not None else ""
        rows.append(("last commit", f"{cell_of(found.last)} {size(found.last.bytes_added)}{cost}".strip()))
    if not found.live:
        owner = found.owner
        rows.append(("open in", f"process {owner.pid} on {owner.host}" if owner is not None else "no kernel"))
    lines = [f"{label:<12}{text}" for label, text in rows if text]
    if found.not_captured:
        lines.append("could not be captured, and will be missing after a restore:")
        lines += [f"  {name}: {reason}" for name, reason in found.not_captured.items()]
    return "\n".join(lines)


def _position(found: Status) -> str:
    if found.behind is None:
        return f"beside branch {found.branch}; the next change starts a branch"
    if found.behind:
        return f"on branch {found.branch}, {counted(found.behind, 'commit')} behind its tip; the next change starts a branch"
    return f"on branch {found.branch}"


def _durability(found: Status) -> str:
    if found.trouble is not None:
        return f"no: {found.trouble}"
    if not found.live and found.owner is not None:
        return "all that is listed; its kernel may have more on the way"
    return "all" if found.durable else "all but the last cell, which is being written"


@verb()
@click.argument("ref", default="HEAD", required=False)
@click.option("-n", "count", type=int, default=20, show_default=True, metavar="N", help="At most so many commits.")
@click.option(
    "--var", "name", metavar="NAME", help="Only commits that changed, deleted or failed to capture this name."
)
@click.option(
    "--grep", metavar="TEXT", help="Only commits whose code has this text (a regular expression), in any case."
)
def log(request: Request, ref: str, count: int, name: str | None, grep: str | None) -> Answer:
    """List commits, newest first.

    From REF (if not given: HEAD) back to the first. Each with its id, cell, time, duration, bytes added, outcome (unless it is
    ok), the names that it changed (-deleted, !could not capture), and its code's first line.
    """
    history = request.history
    found = history.log(count, var=name, grep=grep, ref=ref)
    return Answer("\n".join(log_lines(found, history.refs)) or "No commits.", [commit.to_json() for commit in found])


def log_lines(commits: list[Commit], refs: Refs) -> list[str]:
    """One line a commit."""
    labels = _labels(refs)
    rows = [
        (
            commit.id[:8],
            cell_of(commit),
            moment(commit.started),
            span(commit.duration),
            f"+{size(commit.bytes_added)}" if commit.bytes_added else "",
            commit.outcome if commit.outcome != "ok" else "",
            _names(commit),
            f"{_decoration(labels.get(commit.id, []))} {title_of(commit)}".strip(),
        )
        for commit in commits
    ]
    return table(rows, right=(1, 2, 3, 4)) if rows else []


def cell_of(commit: Commit) -> str:
    """``[12]``, or nothing for what no numbered cell did."""
    return f"[{commit.execution_count}]" if commit.execution_count is not None else ""


def title_of(commit: Commit) -> str:
    """The first line of a commit's code that says something."""
    return commit.title or "(changed outside a cell)"


def _names(commit: Commit) -> str:
    names = [*commit.changed, *(f"-{name}" for name in commit.deleted), *(f"!{name}" for name in commit.not_captured)]
    shown: list[str] = []
    length = 0
    for name in names:
        length += len(name) + 2
        if shown and length > _NAMES:
            shown.append(f"+{len(names) - len(shown)}")
            break
        shown.append(shorten(name, _NAMES))
    return ", ".join(shown)


def _labels(refs: Refs) -> dict[str, list[str]]:
    """What is to stand beside commits, as in ``git log --decorate``."""
    labels: dict[str, list[str]] = {}
    on_tip = refs.branch is not None and refs.branches.get(refs.branch) == refs.head
    if refs.head is not None:
        labels[refs.head] = [f"HEAD -> {refs.branch}" if on_tip else "HEAD"]
    for name, commit in sorted(refs.branches.items()):
        if not (on_tip and name == refs.branch):
            labels.setdefault(commit, []).append(name)
    for name, commit in sorted(refs.tags.items()):
        labels.setdefault(commit, []).append(f"tag: {name}")
    return labels


def _decoration(labels: list[str]) -> str:
    return f"({', '.join(labels)})" if labels else ""


def line_of(history: History, commit_id: str | None) -> str:
    """A commit in a few words: ``3f2a9c1b [12] df['c'] = 1``."""
    if commit_id is None:
        return "before the first commit"
    commit = history.commit(commit_id)
    return " ".join(part for part in (commit.id[:8], cell_of(commit), shorten(title_of(commit), 60)) if part)


@verb()
@click.argument("ref", default="HEAD", required=False)
def show(request: Request, ref: str) -> Answer:
    """Show what a commit did.

    The code of REF (if not given: HEAD), and each name that it changed, with the value in brief.
    """
    history = request.history
    commit = history.commit(ref)
    rolled_back = bool(history.store.commit(commit.id).meta.get("rolled_back"))
    data = commit.to_json() | {"previews": commit.previews, "rolled_back": rolled_back}
    return Answer(_show_text(commit, history.refs, rolled_back), data)


def _show_text(commit: Commit, refs: Refs, rolled_back: bool) -> str:
    facts = [
        f"cell {cell_of(commit)}" if commit.execution_count is not None else "",
        f"{commit.outcome}, rolled back" if rolled_back else commit.outcome,
        moment(commit.started),
        f"took {span(commit.duration)}",
        f"added {size(commit.bytes_added)}",
    ]
    lines = [
        f"commit {commit.id} {_decoration(_labels(refs).get(commit.id, []))}".rstrip(),
        ", ".join(fact for fact in facts if fact),
        f"parent {commit.parent[:8]}" if commit.parent else "the first commit",
        "",
        indented(commit.source) or indented(title_of(commit)),
    ]
    if commit.error:
        lines += ["", commit.error]
    if commit.changed:
        lines += ["", "changed", *(f"  {line}" for line in table(_preview(commit, name) for name in commit.changed))]
    if commit.deleted:
        lines += ["", f"deleted: {', '.join(commit.deleted)}"]
    if commit.not_captured:
        lines += ["", "could not be captured"]
        lines += [f"  {name}: {reason}" for name, reason in commit.not_captured.items()]
    return "\n".join(lines)


def _preview(commit: Commit, name: str) -> tuple[str, str, str]:
    facts: dict[str, Any] = commit.previews.get(name, {})
    return name, str(facts.get("type", "")), str(facts.get("repr", ""))


@verb()
@click.argument("before", metavar="[REF", required=False)
@click.argument("after", metavar="[REF]]", required=False)
@click.option("--var", "name", metavar="NAME", help="Only this name.")
def diff(request: Request, before: str | None, after: str | None, name: str | None) -> Answer:
    """Tell how the values of two versions differ.

    With one REF, that version is compared with HEAD; with none, HEAD with the version before it. A frame's columns, rows and
    cells are compared, an array's shape, dtype and elements, a model's parameters; anything else as text.
    """
    history = request.history
    new = history.resolve(after or "HEAD")
    old = history.resolve(before) if before is not None else history.store.commit(new).parent
    found = history.diff(before, after, var=name)
    data = {"before": old, "after": new, "differences": [each.to_json() for each in found]}
    lines = [f"from {line_of(history, old)}", f"to   {line_of(history, new)}", ""]
    lines += [_difference_text(each) for each in found] or ["no difference"]
    return Answer("\n".join(lines), data)


def _difference_text(each: NameDifference) -> str:
    if each.difference is not None:
        return f"{each.name}: {each.difference.as_text()}"
    return f"{each.name}: {each.kind}" + (f" ({each.note})" if each.note else "")


@verb()
@click.argument("name")
def blame(request: Request, name: str) -> Answer:
    """Show the commit that last changed NAME."""
    history = request.history
    commit = history.blame(name)
    return Answer("\n".join(log_lines([commit], history.refs)), commit.to_json())
