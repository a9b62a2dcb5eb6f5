"""The group of all verbs of image questions."""

from __future__ import annotations

import click

from perdure.verbs.cot import asking, choosing, remembering
from perdure.verbs.group import Verbs, version


@click.group(cls=Verbs, invoke_without_command=True)
@version
@click.pass_context
def cot(context: click.Context) -> None:
    """Image questions: answered by a small model that remembers what a large one said.

    ID is what an answer shows, or a unique prefix of it. Every verb takes --json to print data for a program, and --help.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (
    asking.ask,
    asking.map_,
    remembering.stats,
    remembering.log,
    remembering.show,
    remembering.forget,
    remembering.wrong,
    remembering.pin,
    choosing.models,
    choosing.use,
    choosing.price,
    choosing.audit,
    remembering.export,
    remembering.import_,
    remembering.rebuild,
    choosing.setup,
):
    cot.add_command(command)
