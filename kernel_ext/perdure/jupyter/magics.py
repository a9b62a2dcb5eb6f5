"""``%dart VERB``: the verbs of ``perdure.cli`` on this kernel's session."""

from __future__ import annotations

import re
import shlex
import sys
from typing import TYPE_CHECKING, Any

from IPython.core.inputtransformer2 import cell_magic
from IPython.core.magic import Magics, line_cell_magic, magics_class
from traitlets import TraitError

from perdure.jupyter.completion import complete
from perdure.jupyter.config import Perdure

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_ATOMIC = re.compile(r"%%dart\s+atomic\s*\Z")


@magics_class
class DartMagics(Magics):
    """Durable, atomic, replicable, time-versioned: the session's history from inside the notebook."""

    @line_cell_magic
    def dart(self, line: str, cell: str | None = None) -> None:
        """Work with this session's history; ``%dart --help`` lists the verbs, ``%dart VERB --help`` explains one.

        ``%%dart atomic`` as a cell's first line makes the cell all or nothing: if it fails or is interrupted, everything is
        put back as it was before it, aliases and in-place edits included.
        """
        try:
            words = shlex.split(_without_comment(line))
        except ValueError as error:
            print(f"That line can't be read: {str(error).lower()}.", file=sys.stderr)
            return
        if cell is not None and words != ["atomic"]:
            print("A cell can only be '%%dart atomic'. The other verbs take one line: %dart VERB", file=sys.stderr)
            return
        try:
            store = Perdure(parent=self.shell).store
        except TraitError as error:
            print(f"A setting can't be used: {error} Set it anew: %config Perdure.NAME = VALUE", file=sys.stderr)
            return
        run_verb(words, store)
        if cell is not None:  # called from code: from a cell's first line it never gets here, see `unwrap_atomic`
            shell: Any = self.shell
            shell.run_cell(cell, store_history=False).raise_error()


def _without_comment(line: str) -> str:
    """The line up to a ``#`` that begins a word outside of quotes."""
    quote = ""
    for at, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == "#" and (at == 0 or line[at - 1].isspace()):
            return line[:at]
    return line


def run_verb(words: list[str], store: str) -> None:
    """Run a verb on this kernel's session. Whatever goes wrong is a sentence, never an exception in the user's cell."""
    from perdure.cli import dart
    from perdure.verbs.request import Kernel

    try:
        dart.main(words, "%dart", standalone_mode=False, obj=Kernel(store))
    except Exception as error:  # noqa: BLE001 - a fault of ours must never show as one of the user's cell
        print(
            f"'%dart {words[0] if words else ''}' failed, which is a fault in perdure: {type(error).__name__}: {error}",
            file=sys.stderr,
        )


def unwrap_atomic(lines: list[str]) -> list[str]:
    """Turn a cell of ``%%dart atomic`` into a plain cell whose first line is ``%dart atomic``.

    Its body then runs as any cell does: errors, results, top-level ``await`` and interrupts are IPython's own.
    """
    if not (lines and _ATOMIC.match(lines[0])):
        return lines
    body = lines[1:]
    first = next((at for at, line in enumerate(body) if line.strip()), None)
    if first is not None and body[first].startswith("%%"):
        nested: Any = cell_magic  # IPython looks for one on a cell's first line only
        body = nested(body[first:])
    return ["%dart atomic\n", *body]


def register(shell: InteractiveShell) -> None:
    """Add the magics, and what they need besides, to a shell."""
    shell.register_magics(DartMagics)
    if unwrap_atomic not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(unwrap_atomic)
        set_hook: Any = shell.set_hook
        set_hook("complete_command", complete, str_key="%dart")


def unregister(shell: InteractiveShell) -> None:
    """Take them away again."""
    transformers: list[Any] = shell.input_transformers_cleanup
    if unwrap_atomic in transformers:
        transformers.remove(unwrap_atomic)
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("dart", None)
