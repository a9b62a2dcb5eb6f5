"""``%cot VERB`` and ``%%cot``: the verbs of image questions in a kernel."""

from __future__ import annotations

import re
import shlex
import sys
import tokenize
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.inputtransformer2 import EscapedCommand
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from traitlets import TraitError

from perdure.cot.questions import context
from perdure.errors import NotAttached
from perdure.jupyter.attachment import attachment
from perdure.jupyter.config import Cot
from perdure.store import Commit

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_ASKED = re.compile(r"%\s*cot\s+\S+\s+\S.*\?\s*\Z", re.DOTALL)

_folders: set[Path] = set()
"""The caches that this kernel's cells have asked."""


@magics_class
class CotMagics(Magics):
    """Cache of thought: image questions answered by a small model that remembers what a large one said."""

    @no_var_expand  # {name} is filled in where it means something: in the question
    @line_cell_magic
    def cot(self, line: str, cell: str | None = None) -> None:
        """Ask about pictures; ``%cot --help`` lists the verbs, ``%cot VERB --help`` explains one.

        ``%%cot`` as a cell's first line asks what stands below it: the options come on the line, as in ``%%cot -i photo.png``.
        """
        shell: Any = self.shell
        if line.split()[:1] not in (["ask"], ["map"]) and cell is None:
            line = expanded(shell, line)
        try:
            words = shlex.split(line)
        except ValueError:
            words = line.split()  # an apostrophe: what's a question without one?
        if cell is not None and (not words or words[0] not in {"ask", "map"}):
            words = ["ask", *words]
        run_verb(words, shell, cell)


class AskedWithMark(EscapedCommand):
    """A line such as ``%cot ask What is it?``: IPython would take its question mark for a call for help."""

    priority = 4  # HelpEnd has 5

    @classmethod
    def find(cls, tokens_by_line: Any) -> AskedWithMark | None:
        """The first such line."""
        for line in tokens_by_line:
            first = next((token for token in line if token.type not in {tokenize.INDENT, tokenize.DEDENT}), None)
            text = "".join(dict.fromkeys(token.line for token in line))  # with a backslash, it is several lines
            if first is not None and first.string == "%" and _ASKED.match(text[first.start[1] :]):
                made: Any = cls
                return made(first.start)  # type: ignore[no-any-return]
        return None


def expanded(shell: Any, line: str) -> str:
    """The line with ``{name}`` and ``$name`` filled in, as in any other magic."""
    return str(shell.var_expand(line))


def run_verb(words: list[str], shell: Any, body: str | None) -> None:
    """Run a verb. Whatever goes wrong is a sentence, never an exception in the user's cell."""
    from perdure.verbs.cot.commands import cot
    from perdure.verbs.cot.request import Asker

    try:
        cot.main(words, "%cot", standalone_mode=False, obj=Asker(settings_of(shell).settings(), shell.user_ns, body))
    except TraitError as error:
        print(f"A setting of c.Cot is wrong. {error}", file=sys.stderr)
    except Exception as error:  # noqa: BLE001 - a fault of ours must never show as one of the user's cell
        print(
            f"'%cot {words[0] if words else ''}' failed, which is a fault in perdure: {type(error).__name__}: {error}",
            file=sys.stderr,
        )


def settings_of(shell: Any) -> Cot:
    """What ``c.Cot`` says in this shell, where ``%config Cot`` finds it too.

    Raises traitlets' `TraitError` if a setting has a value that it can't have.
    """
    known = next((one for one in shell.configurables if isinstance(one, Cot)), None)
    if known is None:
        known = Cot(parent=shell)
        shell.configurables.append(known)
    known.follow(shell.config.get("Cot", {}))
    return known


def asking_cell() -> context.Context | None:
    """The cell that is running and its session, for `perdure.cot.questions.context`."""
    try:
        session = attachment().session
    except NotAttached:
        return None
    cell = session.running
    if cell is None:
        return None

    def note(ask: str, folder: Path) -> None:
        cell.meta.setdefault("asks", []).append(ask)
        _folders.add(folder)
        session.listeners.add(bind)

    return context.Context(session.id, _key(cell.started), note)


def _key(started: float) -> str:
    return f"{started:.6f}"


def bind(commit: Commit) -> None:
    """Tell the cache which commit a cell's questions have become a part of."""
    if commit.meta.get("asks"):
        from perdure.cot.cache import Cache

        for folder in _folders:
            with Cache.open(folder) as cache:
                cache.bind(commit.session, _key(commit.started), commit.id)


def register(shell: InteractiveShell) -> None:
    """Add the magic to a shell, and let answers know which cell asked."""
    shell.register_magics(CotMagics)
    with suppress(TraitError):  # the first verb says what is wrong
        settings_of(shell)
    context.set_source(asking_cell)
    transformers = shell.input_transformer_manager.token_transformers
    if AskedWithMark not in transformers:
        transformers.append(AskedWithMark)


def unregister(shell: InteractiveShell) -> None:
    """Take it away again."""
    context.set_source(None)
    configurables: list[Any] = shell.configurables
    configurables[:] = [one for one in configurables if not isinstance(one, Cot)]
    transformers = shell.input_transformer_manager.token_transformers
    if AskedWithMark in transformers:
        transformers.remove(AskedWithMark)
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("cot", None)
