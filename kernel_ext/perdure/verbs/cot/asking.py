"""Verbs that ask: ask, map."""

from __future__ import annotations

import functools
import string
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from perdure.cot.answer import Answer
from perdure.cot.batch import Tally, dollars, filled_in, is_missing
from perdure.cot.calling.work import Route
from perdure.cot.questions.question import AnswerFormat
from perdure.errors import UsageError
from perdure.timeline.commit import check_new_variable
from perdure.verbs.cot.columns import check_column, note_column
from perdure.verbs.cot.group import Told, verb
from perdure.verbs.cot.request import CotRequest
from perdure.verbs.words import counted

_WANTED = "has to give True or False for each row, as df.price > 10 does"
_FORMATS = click.Choice([form.value for form in AnswerFormat])


def as_data(answer: Answer) -> dict[str, Any]:
    """An answer as ``--json`` prints it: its fields, without the place of the cache."""
    data = asdict(answer)
    del data["cache"]
    return data | {"source": answer.source.value}


def _routed(asking: Callable[..., Told]) -> Callable[..., Told]:
    """Give a verb the options that say who is asked, and what they come to as its argument ``route``."""

    @click.option("--master", is_flag=True, help="Ask the master, unless its answer to this is kept.")
    @click.option("--apprentice", is_flag=True, help="Ask the apprentice, and never the master.")
    @click.option("--fresh", is_flag=True, help="Ask the master anew, whatever is kept.")
    @functools.wraps(asking)
    def routed(request: CotRequest, *, master: bool, apprentice: bool, fresh: bool, **given: Any) -> Told:
        if apprentice and (master or fresh):
            other = "--fresh" if fresh else "--master"
            raise UsageError(f"--apprentice and {other} ask different models. Leave one of them out.")
        route = Route.APPRENTICE if apprentice else Route.FRESH if fresh else Route.MASTER if master else Route.AUTO
        return asking(request, route=route, **given)

    return routed


@verb()
@click.argument("question", nargs=-1)
@click.option("-i", "--image", "images", multiple=True, metavar="IMAGE", help="A picture: a path, a variable, or a URL if those are allowed. May be given several times.")  # fmt: skip
@click.option("-o", "--out", metavar="NAME", help="The variable that gets the answer.")
@click.option("-f", "--format", "form", type=_FORMATS, default="text", help="The form of the answer's value (text).")
@click.option("--choices", metavar="A,B,..", help="The options of a choice.")
@_routed
@click.option(
    "-k",
    type=click.IntRange(0, 32),
    help="Examples that the apprentice is shown, at most (1 for the embedded one, 4 for any other).",
)
def ask(
    request: CotRequest,
    question: tuple[str, ...],
    images: tuple[str, ...],
    out: str | None,
    form: str,
    choices: str | None,
    route: Route,
    k: int | None,
) -> Told:
    """Ask a question about one or more pictures.

    In a notebook ``{name}`` in the QUESTION is filled in with the variable's value ({{ is a brace), and below %%cot the whole body is
    the question. The kept answer to the same question about the same picture costs nothing; else a near match, the apprentice or
    the master answers, whichever is cheapest and sure enough.
    """
    body = request.asker.body if request.asker is not None else None
    text = body if body is not None else " ".join(question)
    if request.asker is not None:
        text = filled(text, request.namespace)
    if out is not None and request.asker is None:
        raise UsageError("-o sets a variable, and a shell has none of a kernel's. Use --json instead.")
    if out is not None:
        check_new_variable(out)
    cot = request.cot if k is None else request.cot.with_options(k=k)
    answer = cot.ask(
        text,
        images=[picture_named(request, image) for image in images],
        choices=_split(choices),
        format=form,
        route=route,
    )
    if out is not None:
        request.namespace[out] = answer
    from perdure.cot.faces.display import plain

    return Told(plain(answer), as_data(answer), answer)


@verb("map")
@click.argument("frame")
@click.argument("question", nargs=-1)
@click.option("-i", "--image", "images", multiple=True, metavar="COLUMN", help="The column of pictures (paths or pictures). May be given several times.")  # fmt: skip
@click.option("-o", "--out", default="answer", metavar="COLUMN", help="The column that gets the answers (answer).")
@click.option("--where", metavar="EXPR", help="Ask only the rows for which this Python expression holds, such as \"df.price > 10\".")  # fmt: skip
@click.option("-f", "--format", "form", type=_FORMATS, default="text", help="The form of the answers' values (text).")
@click.option("--choices", metavar="A,B,..", help="The options of a choice.")
@click.option("--cap", type=float, metavar="DOLLARS", help="What all of it may cost.")
@click.option("--replace", is_flag=True, help="Replace the column OUT even if it has something else than answers.")
@_routed
def map_(
    request: CotRequest,
    frame: str,
    question: tuple[str, ...],
    images: tuple[str, ...],
    out: str,
    where: str | None,
    form: str,
    choices: str | None,
    cap: float | None,
    replace: bool,
    route: Route,
) -> Told:
    """Ask a question for every row of a DataFrame.

    FRAME is a variable: a DataFrame of pandas or polars; it is replaced by a copy with the answers. {column} in the QUESTION is filled in
    from the row. Rows without an answer have their reason in the column OUT_error. What was paid for isn't paid again when it is
    interrupted and run again.
    """
    data = request.variable(frame, "map")
    if not (hasattr(data, "columns") and hasattr(data, "__len__")):
        raise UsageError(f"{frame} is a {type(data).__name__}, not a DataFrame. Put the pictures in a column of one.")
    if not replace:
        check_column(request, frame, data, out)
    body = request.asker.body if request.asker is not None else None
    tally = Tally()
    result = request.cot.map(
        data,
        body if body is not None else " ".join(question),
        image=images,
        out=out,
        where=None if where is None else _condition(where, data, request.namespace),
        choices=_split(choices),
        format=form,
        cap=cap,
        route=route,
        tally=tally,
    )
    request.namespace[frame] = result
    note_column(request, frame, out)
    came = ", ".join(f"{number:,} {source.value}" for source, number in tally.sources.most_common()) or "none"
    text = f"{frame}[{out!r}] has the answers of {counted(tally.rows, 'row')} ({came}), for {dollars(tally.cost)}"
    text += (
        f"; {counted(tally.failed, 'row')} got none, and {frame}[{out + '_error'!r}] says why." if tally.failed else "."
    )
    sources = {source.value: number for source, number in tally.sources.items()}
    data = {"rows": tally.rows, "failed": tally.failed, "column": out, "sources": sources, "cost": tally.cost}
    return Told(text, data)


def filled(text: str, names: Mapping[str, Any]) -> str:
    """The text with ``{name}`` replaced by the variable's value, and ``{{`` by a brace.

    :raises UsageError: if there is no such variable.
    """
    try:
        pieces = list(string.Formatter().parse(text))
    except ValueError:
        raise UsageError("The question has an unpaired brace. Write {{ or }} for a brace that is meant.") from None
    parts = []
    for literal, name, spec, _ in pieces:
        parts.append(literal)
        if name is None:
            continue
        if name not in names:
            raise UsageError(f"There is no variable {name!r} to fill in. Write {{{{{name}}}}} if the braces are meant.")
        parts.append(filled_in(names[name], name, spec))
    return "".join(parts)


def picture_named(request: CotRequest, name: str) -> Any:
    """What ``-i`` means: a variable if there is one of that name and no such file, else a path or a URL.

    :raises UsageError: if it could be a variable's name, and is neither that nor a file's.
    """
    if _is_there(name):
        return name
    if name in request.namespace:
        return request.namespace[name]
    if request.asker is not None and name.isidentifier():
        raise UsageError(f"There is neither a variable nor a file {name!r}. {request.meant(name)}")
    return name


def _is_there(name: str) -> bool:
    try:
        return Path(name).exists()
    except OSError:  # a name that no file can have, or a folder that may not be looked into
        return False


def _condition(where: str, frame: Any, names: Mapping[str, Any]) -> list[bool]:
    """A bool for each row, of a missing value too. The user's own expression, over their own variables: as if typed in the cell."""
    try:
        found = eval(where, dict(names))  # noqa: S307 - the line comes from the user's own cell
    except Exception as error:  # noqa: BLE001 - the user's expression may raise anything
        raise UsageError(f"--where can't be evaluated: {type(error).__name__}: {error}.") from None
    try:
        values = list(found)
    except TypeError:
        raise UsageError(f"--where {_WANTED}, and this gives a {type(found).__name__}.") from None
    odd = next((value for value in values if not (_is_bool(value) or is_missing(value))), None)
    if odd is not None:
        raise UsageError(f"--where {_WANTED}, and this gives a column of {type(odd).__name__}.")
    if len(values) != len(frame):
        raise UsageError(f"--where gives {len(values)} values for {len(frame)} rows. It must give one for each.")
    return [_is_bool(value) and bool(value) for value in values]


def _is_bool(value: Any) -> bool:
    """Whether it is Python's True or False, or NumPy's."""
    kind = type(value)
    return kind is bool or (kind.__module__ == "numpy" and kind.__name__.startswith("bool"))


def _split(choices: str | None) -> list[str] | None:
    return None if choices is None else [choice.strip() for choice in choices.split(",") if choice.strip()]
