"""IPython's own state: which of it belongs to the session, and how a restore puts it back."""

from __future__ import annotations

import linecache
import os
from typing import TYPE_CHECKING, Any

from perdure.capture.names import Namespace

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from perdure.timeline.session import Session


def namespace_of(shell: InteractiveShell) -> Namespace:
    """The session's names, over the shell's namespace and output history."""
    return Namespace(shell.user_ns, shell.user_ns_hidden, shell.user_ns.get("_oh", {}), shell.displayhook)


def notebook_of(shell: InteractiveShell) -> str | None:
    """The path of the notebook, where the front end tells it."""
    path = shell.user_ns.get("__session__") or os.environ.get("JPY_SESSION_NAME")
    return str(path) if path else None


def rebuild_inputs(shell: InteractiveShell, session: Session) -> None:
    """Put ``In``, its shorthands and the execution counter where the session's history left them.

    The cell that restores is the next one of that history: its commit, if it is one, has that number too.
    """
    line = session.store.ancestry(session.refs.head) if session.refs.head is not None else []
    cells: dict[int, str] = {}
    commands: dict[int, str] = {}
    for _, record in line:
        if record.execution_count is not None:
            cells.setdefault(record.execution_count, record.source)
        for count, source in record.meta.get("history", {}).items():
            commands.setdefault(int(count), source)
    sources = {**commands, **cells}
    history = shell.history_manager
    if history is None:
        return
    cell = _numbered_cell(shell)
    running = cell.execution_count if cell is not None else shell.execution_count - 1
    number = max(max(sources, default=0) + 1, running)  # it never goes back: IPython's database wants it unique
    for kept in (history.input_hist_parsed, history.input_hist_raw):
        own = kept[-1] if len(kept) > 1 else ""
        inputs = [sources.get(count) or (kept[count] if count < len(kept) - 1 else "") for count in range(number)]
        kept[:] = [*inputs, own]
    if cell is not None:
        cell.execution_count = number
        shell.user_ns[f"_i{number}"] = shell.user_ns.pop(f"_i{running}", "")
    for count, source in sources.items():
        shell.user_ns[f"_i{count}"] = source
    for _, record in line:
        if "file" in record.meta:
            _remember_source(record.meta["file"], record.source)
    shell.execution_count += number - running


def _numbered_cell(shell: InteractiveShell) -> Any:
    """What IPython will say of the cell that is running, if one is that it numbers."""
    result = shell.displayhook.exec_result  # set for as long as a cell runs
    info = result.info if result is not None else None
    return result if info is None or (info.store_history and not info.silent) else None


def file_of(shell: InteractiveShell, raw: str, transformed: str) -> str | None:
    """The file name that the code objects of a cell carry, if functions of it may outlive the cell."""
    if not any(word in raw for word in ("def ", "class ", "lambda")):
        return None
    name: str = shell.compile.get_code_name(raw, transformed, shell.execution_count - 1)
    return name


def _remember_source(file: str, source: str) -> None:
    """Let tracebacks and ``inspect.getsource`` find the source of functions that were made in another kernel."""
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
