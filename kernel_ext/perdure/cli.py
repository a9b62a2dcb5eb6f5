"""The verbs from a shell: ``perdure VERB``. In a kernel, ``%dart VERB`` and ``%cot VERB`` run the same commands."""

from __future__ import annotations

import click

from perdure.verbs import keeping, moving, naming, reading
from perdure.verbs.cot.commands import cot
from perdure.verbs.group import Verbs, version


@click.group(cls=Verbs)
@version
def main() -> None:
    """Notebook sessions that last: every cell a commit that survives, undoes, branches and comes back.

    REF is a commit's id or a unique prefix of it, a branch, a tag, HEAD, HEAD~3 (three before it), or In[12] (the commit of
    that cell). Every verb takes --json to print data for a program, and --help.
    """


COMMANDS = (
    reading.status,
    reading.log,
    reading.show,
    reading.diff,
    reading.blame,
    moving.undo,
    moving.redo,
    moving.checkout,
    moving.get,
    naming.branch,
    moving.switch,
    naming.tag,
    moving.atomic,
    keeping.sessions,
    moving.restore,
    keeping.export,
    keeping.import_,
    keeping.trust,
    keeping.flush,
    keeping.verify,
    keeping.gc,
)

for command in (*COMMANDS, cot):
    main.add_command(command)

dart = version(Verbs("dart", help=main.help, params=[], commands=COMMANDS))
"""What ``%dart`` takes: the verbs of sessions; those of image questions are ``%cot``'s."""


if __name__ == "__main__":
    main(prog_name="perdure")
