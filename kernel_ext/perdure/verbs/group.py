"""The command group: options that all verbs have, and errors as one plain sentence."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

import click

from perdure._version import __version__
from perdure.errors import PerdureError
from perdure.verbs.request import Answer, Request
from perdure.verbs.words import clean, did_you_mean, typed_here

P = ParamSpec("P")

STORE = click.Option(
    ["--store"],
    metavar="DIR",
    help="Folder of the store, if not the usual one (PERDURE_STORE, or perdure/store in Jupyter's data folder).",
)
SESSION = click.Option(
    ["--session", "of_session"],
    metavar="ID",
    help="The session: its id, the beginning of it, or its notebook. In a kernel the kernel's own if not given; in a shell "
    "the last one of a notebook in this folder, else the last one.",
)
JSON = click.Option(["--json", "as_json"], is_flag=True, help="Print JSON, and nothing else.")

version = click.version_option(__version__, message="perdure %(version)s", help="Print the version.")


def verb(
    name: str | None = None, *, session: bool = True, writes: bool = False
) -> Callable[[Callable[Concatenate[Request, P], Answer]], click.Command]:
    """Make a verb of a function.

    :param name: what it is called, if not as the function.
    :param session: whether it works on one session, which ``--session`` can name.
    :param writes: whether it changes the store.
    """

    def made(function: Callable[Concatenate[Request, P], Answer]) -> click.Command:
        @functools.wraps(function)
        def callback(*, store: str | None, as_json: bool, of_session: str | None = None, **given: Any) -> None:
            context = click.get_current_context()
            request = Request(context.obj, store, of_session, writes=writes)
            try:
                answer = function(request, **given)  # type: ignore[call-arg]
            finally:
                request.close()
            if as_json:
                click.echo(json.dumps(answer.data, indent=2))
            elif answer.text:
                click.echo(clean(answer.text))
            context.exit(answer.status)

        command = click.command(name)(callback)
        command.params += [STORE, SESSION, JSON] if session else [STORE, JSON]
        return command

    return made


_HELP = ["-h", "--help"]


class Verbs(click.Group):
    """A group whose verbs are listed as they were added, and whose errors are a sentence and an exit status.

    1 for what perdure refuses, 2 for what it doesn't understand. ``-h`` explains the group and each of its verbs, as ``--help`` does.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.context_settings["help_option_names"] = _HELP

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        # Each verb says it itself: click remembers the option that it makes first, also where no group is around.
        cmd.context_settings["help_option_names"] = _HELP
        super().add_command(cmd, name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands:
            hint = did_you_mean(args[0], self.commands) or f"'{ctx.command_path} --help' lists the verbs."
            raise _NoVerb(f"There is no verb '{args[0]}'. {hint}")
        return super().resolve_command(ctx, args)

    def main(  # type: ignore[override]
        self, args: list[str] | None = None, prog_name: str | None = None, standalone_mode: bool = True, **extra: Any
    ) -> Any:
        """Run a command line. Returns its exit status, or ends the process with it in ``standalone_mode``."""
        given = list(sys.argv[1:] if args is None else args)
        try:
            status = super().main(given or ["--help"], prog_name, standalone_mode=False, **extra) or 0
        except click.Abort:
            if not standalone_mode:
                raise KeyboardInterrupt from None
            status = 130
        except PerdureError as error:
            click.echo(clean(typed_here(str(error), kernel=(prog_name or "").startswith("%"))), err=True)
            status = 1
        except click.ClickException as error:
            click.echo(clean(_sentence(error)), err=True)
            status = error.exit_code
        if standalone_mode:
            sys.exit(status)
        return status


class _NoVerb(click.UsageError):
    """A verb that isn't there; its message says all."""


def _sentence(error: click.ClickException) -> str:
    message = " ".join(error.format_message().split())
    message += "" if message.endswith((".", "?")) else "."
    context = getattr(error, "ctx", None)
    if context is None or isinstance(error, _NoVerb):
        return message
    return f"{message} '{context.command_path} --help' explains."
