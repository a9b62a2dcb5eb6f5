"""Verbs that look after sessions and the store: sessions, trust, export, import, flush, verify, gc."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from perdure.errors import UsageError
from perdure.jupyter.key import is_own, sign
from perdure.store import SessionInfo, Store, is_alive
from perdure.store.files import reading_file, writing_file
from perdure.verbs.group import verb
from perdure.verbs.request import Answer, Request
from perdure.verbs.words import counted, moment, size, table, typed_here


@verb(session=False)
@click.option("--delete", metavar="ID", help="Delete a session; gc drops its bytes after the retention.")
def sessions(request: Request, delete: str | None) -> Answer:
    """List the sessions of the store, the last used first."""
    own = request.live
    if delete is not None:
        chosen = request.find(delete)
        if own is not None and own.id == chosen.id:
            raise UsageError(f"Session {chosen.id} is this kernel's own. Restart the kernel before you delete it.")
        request.store.delete_session(chosen.id)
    elif not request.path.exists() and own is None:
        return Answer(f"There is no store at {request.path} yet.", [])
    found = request.store.sessions()
    data = [_session_json(info) | {"current": own is not None and info.id == own.id} for info in found]
    rows = [_session_row(info, current=own is not None and info.id == own.id) for info in found]
    return Answer("\n".join(table(rows, right=(1,))) or "No sessions yet.", data)


def _open_in(info: SessionInfo) -> str:
    owner = info.owner
    return f"open in process {owner.pid} on {owner.host}" if owner is not None and is_alive(owner) else ""


def _session_row(info: SessionInfo, *, current: bool) -> tuple[str, ...]:
    notes = ["this kernel" if current else _open_in(info), "" if info.trusted else "not trusted"]
    return (
        info.id,
        counted(info.commits, "commit"),
        moment(info.last or info.created),
        info.branch or "",
        ", ".join(note for note in notes if note),
        info.notebook or "",
    )


def _session_json(info: SessionInfo) -> dict[str, Any]:
    owner = info.owner if info.owner is not None and is_alive(info.owner) else None
    return {
        "id": info.id,
        "notebook": info.notebook,
        "created": info.created,
        "last": info.last,
        "commits": info.commits,
        "head": info.head,
        "branch": info.branch,
        "trusted": info.trusted,
        "owner": {"host": owner.host, "pid": owner.pid} if owner is not None else None,
    }


@verb(session=False, writes=True)
@click.argument("session")
def trust(request: Request, session: str) -> Answer:
    """Say that you trust an imported session.

    Its values are pickles, and loading them runs code that they carry: nothing does that before you trust their origin.
    """
    chosen = request.find(session)
    request.store.trust_session(chosen.id)
    return Answer(f"Session {chosen.id} is trusted now.", {"session": chosen.id, "trusted": True})


@verb(session=False)
@click.argument("session")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it is there already.")
def export(request: Request, session: str, file: Path, force: bool) -> Answer:
    """Write a session into one file.

    FILE is self-contained and checksummed, and has all versions of SESSION. 'import' reads it on another machine.
    """
    target = _expanded(file)
    with writing_file(target):
        there = target.exists()
    if there and not force:
        raise UsageError(f"{target} is there already. Name another file, or add --force to replace it.")
    chosen = request.find(session)
    if request.live is not None:
        request.live.flush()
    report = request.store.export(chosen.id, target, sign=sign)
    text = f"Session {chosen.id} with {counted(report.commits, 'commit')} is in {target} ({size(report.nbytes)})."
    data = {"session": chosen.id, "file": str(target), "commits": report.commits, "bytes": report.nbytes}
    return Answer(text, data)


@verb("import", session=False, writes=True)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--trust", is_flag=True, help="You trust where FILE comes from; see 'trust'.")
def import_(request: Request, file: Path, trust: bool) -> Answer:
    """Add an exported session to the store.

    FILE is what 'export' wrote. All of it is verified first, and what is in the store already is not stored again.
    """
    source = _expanded(file)
    with reading_file(source), source.open("rb"):
        pass  # before a store is made for it
    report = request.open_store(create=True).import_(source, trusted=trust or is_own)
    lines = [f"Session {report.session} is here: {counted(report.commits, 'new commit')}, {size(report.added)} added."]
    lines += [f"What it calls {old} is called {new} here." for old, new in report.renamed.items()]
    if not report.trusted:
        lines.append(f"If you trust where it comes from, say so before restoring it: `perdure trust {report.session}`")
    data = {name: getattr(report, name) for name in ("session", "commits", "chunks", "added", "trusted", "renamed")}
    return Answer(typed_here("\n".join(lines), kernel=request.kernel is not None), data)


def _expanded(file: Path) -> Path:
    """The path without a ``~``."""
    try:
        return file.expanduser()
    except RuntimeError:
        raise UsageError(f"There is no home folder for the ~ of {file}. Write out the folder that you mean.") from None


@verb()
def flush(request: Request) -> Answer:
    """Wait until everything that ran is durable."""
    live = request.live
    if live is None:
        raise UsageError("'flush' waits for a kernel's own commits. In the notebook, type: %dart flush")
    live.flush()
    return Answer("All is durable.", {"durable": True, "head": live.head})


@verb(session=False)
@click.option(
    "--repair", is_flag=True, help="Rebuild a damaged catalog from the packs; no kernel may be using the store."
)
def verify(request: Request, repair: bool) -> Answer:
    """Check every byte of the store.

    What is damaged is named, with the commits and names that it affects; the exit status is then 1.
    """
    if repair:
        return _repair(request)
    report = request.store.verify()
    checked = f"{counted(report.records, 'record')}, {size(report.nbytes)} checked"
    lines = [
        f"{checked}: all is as it was written."
        if report.ok
        else f"{checked}: {counted(len(report.findings), 'damage')}."
    ]
    for finding in report.findings:
        names = f" It holds {', '.join(finding.names)}." if finding.names else ""
        commits = f" Needed by {', '.join(commit[:8] for commit in finding.commits)}." if finding.commits else ""
        lines.append(f"  {finding.what} ({finding.where}).{names}{commits}")
    fields = ("what", "where", "commits", "sessions", "names")
    data = {
        "ok": report.ok,
        "records": report.records,
        "bytes": report.nbytes,
        "findings": [{name: getattr(finding, name) for name in fields} for finding in report.findings],
        "unfinished": report.unfinished,
    }
    return Answer("\n".join(lines), data, status=0 if report.ok else 1)


def _repair(request: Request) -> Answer:
    if request.kernel is not None:
        raise UsageError(
            "A store can't be repaired while kernels use it. End them, then type in a shell: perdure verify --repair"
        )
    report = Store.repair(request.path)
    lines = [f"The catalog was rebuilt: {counted(report.sessions, 'session')}, {counted(report.commits, 'commit')}."]
    if report.set_aside is not None:
        lines.append(f"The old one is {report.set_aside}.")
    if report.skipped:
        lines.append(
            f"{counted(len(report.skipped), 'damaged record')} in the packs had to be left out; 'verify' names them."
        )
    data = {
        "sessions": report.sessions,
        "commits": report.commits,
        "skipped": [{"pack": each.pack, "offset": each.offset, "length": each.length} for each in report.skipped],
        "set_aside": str(report.set_aside) if report.set_aside is not None else None,
    }
    return Answer("\n".join(lines), data)


@verb(session=False, writes=True)
@click.option(
    "--keep-days", type=click.FloatRange(min=0), default=30, show_default=True, metavar="N",
    help="Days for which commits that nothing reaches, and deleted sessions, are kept.",
)  # fmt: skip
def gc(request: Request, keep_days: float) -> Answer:
    """Drop what nothing reaches any more.

    That is commits that no branch, tag or HEAD reaches, and deleted sessions, once they are older than the retention.
    """
    report = request.store.gc(keep_days=keep_days)
    text = f"Dropped {counted(report.commits, 'commit')} and {counted(report.sessions, 'session')}; {size(report.freed)} freed."
    data = {name: getattr(report, name) for name in ("commits", "sessions", "packs", "freed")}
    return Answer(text, data)
