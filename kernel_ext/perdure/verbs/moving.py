"""Verbs that go back, forth and anywhere: undo, redo, checkout, switch, get, restore, atomic.

In a kernel they change its variables. In a shell they move HEAD of a session that no kernel has open, and the next restore
brings that version.
"""

from __future__ import annotations

import click

from perdure.capture.preview import preview
from perdure.errors import NotRestorable, SessionBusy, UsageError
from perdure.store import is_alive
from perdure.store.process import is_here
from perdure.timeline.history import History
from perdure.timeline.report import Report
from perdure.verbs.group import verb
from perdure.verbs.reading import line_of
from perdure.verbs.request import Answer, Request
from perdure.verbs.words import typed_here


@verb(writes=True)
@click.argument("n", type=int, default=1, metavar="[N]")
def undo(request: Request, n: int) -> Answer:
    """Go back: before the last cell, or checkout.

    N steps (if not given: one) along the positions that the session has had. 'redo' returns.
    """
    live = request.live
    if live is not None:
        return _moved(live, live.undo(n))
    with request.moving() as history:
        refs = history.refs
        line = [commit for commit, _ in history.store.ancestry(refs.head)] if refs.head is not None else []
        return _put(history, _step(line, n, "undo"), refs.branch)


@verb(writes=True)
@click.argument("n", type=int, default=1, metavar="[N]")
def redo(request: Request, n: int) -> Answer:
    """Take back N undos (if not given: one)."""
    live = request.live
    if live is not None:
        return _moved(live, live.redo(n))
    with request.moving() as history:
        refs = history.refs
        tip = refs.branches.get(refs.branch) if refs.branch is not None else None
        line = [commit for commit, _ in history.store.ancestry(tip)] if tip is not None else []
        ahead = line[: line.index(refs.head) + 1] if refs.head in line else []
        return _put(history, _step(ahead[::-1], n, "redo"), refs.branch)


def _step(line: list[str], n: int, word: str) -> str:
    """The commit ``n`` steps along the line, which begins at HEAD."""
    if n < 1:
        raise UsageError(f"'{word}' can't go {n} steps. Give a number from 1 up.")
    if len(line) <= 1:
        raise UsageError(f"There is nothing to {word}.")
    if len(line) <= n:
        raise UsageError(f"'{word}' can go {len(line) - 1} steps at most.")
    return line[n]


@verb(writes=True)
@click.argument("ref")
@click.argument("more", metavar="[NAME]...", nargs=-1)
@click.option("--only", multiple=True, metavar="NAME ...", help="Only these names; HEAD stays where it is.")
def checkout(request: Request, ref: str, more: tuple[str, ...], only: tuple[str, ...]) -> Answer:
    """Put the variables as they were at REF. It is one step to undo.

    With --only NAME ... just these names, and those that share objects with them.
    """
    if more and not only:
        raise click.UsageError(
            f"'checkout' takes one REF. To have only some names: checkout {ref} --only {' '.join(more)}"
        )
    names = [name for given in (*only, *more) for name in given.split(",") if name]
    live = request.session("checkout") if names else request.live
    if live is not None:
        return _moved(live, live.checkout(ref, only=names or None))
    with request.moving() as history:
        branch = ref if ref in history.refs.branches else history.refs.branch
        return _put(history, history.resolve(ref), branch)


@verb(writes=True)
@click.argument("name")
def switch(request: Request, name: str) -> Answer:
    """Go to the newest commit of the branch NAME, and go on there."""
    live = request.live
    if live is not None:
        return _moved(live, live.switch(name))
    with request.moving() as history:
        return _put(history, history.tip(name), name)


def _moved(history: History, report: Report) -> Answer:
    text = f"{_told(report, every_name=False)}\nHEAD is at {line_of(history, history.head)}"
    return Answer(text, report.to_json())


def _told(report: Report, *, every_name: bool = True) -> str:
    """What a kernel's variables have become, in the words of a notebook."""
    return typed_here(report.as_text(every_name=every_name), kernel=True)


def _put(history: History, commit: str, branch: str | None) -> Answer:
    """Move HEAD of a session without a kernel."""
    history.move_head(commit, branch)
    text = (
        f"HEAD of session {history.id} is at {line_of(history, commit)}\n"
        f"To have that version in a kernel, type there: %dart restore {history.id}"
    )
    return Answer(text, {"session": history.id, "head": commit, "branch": branch})


@verb()
@click.argument("what", metavar="NAME[@REF]")
@click.argument("words", metavar="[as NEW]", nargs=-1)
def get(request: Request, what: str, words: tuple[str, ...]) -> Answer:
    """Fetch a value from any version, beside today's.

    The value that NAME had at REF (if not given: HEAD) gets the name NEW, or without NEW one that ends in the commit's first
    digits. In a shell it is only printed.
    """
    name, _, ref = what.partition("@")
    if words and (len(words) != 2 or words[0] != "as"):
        raise click.UsageError("'get' takes one NAME[@REF] and then, if you want, 'as' and a new name.")
    ref = ref or "HEAD"
    live = request.session(f"get {what} as {words[1]}") if words else request.live
    if live is not None:
        new = live.get(name, ref, words[1] if words else None)
        commit = live.resolve(ref)
        return Answer(
            f"{new} is {name} as of {line_of(live, commit)}",
            {"name": name, "commit": commit, "as": new, "preview": preview(live.at(commit)[name])},
        )
    history = request.history
    commit = history.resolve(ref)
    value = history.at(commit)[name]
    try:
        text = repr(value)
    except Exception as error:  # a __repr__ is anybody's code
        raise NotRestorable(
            f"{name!r} came back but can't be shown: its repr raises {type(error).__name__}."
        ) from error
    return Answer(text, {"name": name, "commit": commit, "as": None, "preview": preview(value)})


@verb(session=False, writes=True)
@click.argument("session", metavar="[SESSION or NOTEBOOK]", required=False)
@click.option("--take-over", is_flag=True, help="Take a session that a kernel on another machine had open and lost.")
def restore(request: Request, session: str | None, take_over: bool) -> Answer:
    """Bring a session into this kernel, and go on with it.

    SESSION is an id, the beginning of one, or a notebook; if not given, this notebook's last session, else the last one. Its
    newest version comes back from its bytes: no cell is run again.
    """
    if request.kernel is None:
        raise UsageError(
            "'restore' brings variables into a kernel, and a shell has none. In a notebook, type: %load_ext perdure "
            f"and then: %dart restore{f' {session}' if session else ''}"
        )
    from perdure.jupyter import attachment

    if take_over:
        _take_over(request, session)
    try:
        report = attachment.restore(session, request.store_named)
    except SessionBusy as error:
        raise SessionBusy(f"{error} If that was on a machine that is gone: restore SESSION --take-over") from error
    live = attachment.current()
    return Answer(f"{_told(report)}\nHEAD is at {line_of(live, live.head)}", report.to_json())


def _take_over(request: Request, session: str | None) -> None:
    if session is None:
        raise UsageError("To take a session over, name it: 'sessions' lists them.")
    info = request.find(session)
    if info.owner is not None and is_here(info.owner) and is_alive(info.owner):
        raise SessionBusy(
            f"Session {info.id} is open in process {info.owner.pid} on this machine. End that kernel first."
        )
    request.store.claim(info.id, steal=True)


@verb()
def atomic(request: Request) -> Answer:
    """Make the running cell all or nothing.

    If it fails or is interrupted, everything is put back as it was before it. As the first line of a cell: %%dart atomic
    """
    if request.kernel is None or request.live is None:
        raise UsageError("'atomic' is for the cells of a notebook. As the first line of a cell, type: %%dart atomic")
    from perdure.jupyter.attachment import attachment

    attachment().watcher.mark_atomic()
    return Answer("", {"atomic": True})
