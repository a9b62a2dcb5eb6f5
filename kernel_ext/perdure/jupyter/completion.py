"""What Tab offers behind ``%dart``: verbs, options, and names of branches, tags and variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure.errors import PerdureError
from perdure.jupyter.attachment import attachment

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def complete(shell: InteractiveShell, event: Any) -> list[str]:
    """Candidates for the word at the cursor of a ``%dart`` line (IPython's ``complete_command`` hook)."""
    from perdure.cli import dart

    before: str = event.text_until_cursor
    words = before.removesuffix(event.symbol).split()
    if len(words) <= 1:
        return list(dart.commands)
    command = dart.commands.get(words[1])
    if command is None:
        return []
    if event.symbol.startswith("-"):
        return [flag for option in command.params for flag in option.opts if flag.startswith("--")] + ["--help"]
    return [*_refs(), *(name for name in shell.user_ns if not name.startswith("_"))]


def _refs() -> list[str]:
    try:
        session = attachment().session
        refs = session.store.refs(session.id)  # as stored: a completion waits for no commit
    except PerdureError:
        return []
    return ["HEAD", *refs.branches, *refs.tags]
