"""What all verbs of image questions share: their options, and the reply for a person, a program and a notebook."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec

import click

from perdure.verbs.cot.request import CotRequest
from perdure.verbs.words import clean

P = ParamSpec("P")

CACHE = click.Option(
    ["--cache"],
    metavar="DIR",
    help="Folder of the cache, if not the usual one (PERDURE_COT, or perdure/cot in Jupyter's data folder).",
)
JSON = click.Option(["--json", "as_json"], is_flag=True, help="Print JSON, and nothing else.")


@dataclass(frozen=True, slots=True)
class Told:
    """What a verb has to say: to a person, to a program (``--json``), to a notebook that can show objects, and as exit status."""

    text: str
    data: Any = None
    shown: Any = None
    status: int = 0


def verb(
    name: str | None = None,
) -> Callable[[Callable[Concatenate[CotRequest, P], Told]], click.Command]:
    """Make a verb of a function; ``name`` is what it is called, if not as the function."""

    def made(function: Callable[Concatenate[CotRequest, P], Told]) -> click.Command:
        @functools.wraps(function)
        def callback(*, cache: str | None, as_json: bool, **given: Any) -> None:
            context = click.get_current_context()
            request = CotRequest(context.obj, cache)
            try:
                told = function(request, **given)  # type: ignore[call-arg]
            finally:
                request.close()
            if as_json:
                click.echo(json.dumps(told.data, indent=2, default=str))
            elif told.shown is not None and request.asker is not None:
                from IPython.display import display

                display(told.shown)  # type: ignore[no-untyped-call]
            elif told.text:
                click.echo(clean(told.text))
            context.exit(told.status)

        command = click.command(name)(callback)
        command.params += [CACHE, JSON]
        return command

    return made
