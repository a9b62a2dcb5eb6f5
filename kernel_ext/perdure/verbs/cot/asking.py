"""Verbs that ask: ask, map."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from perdure.cot.answer import Answer
from perdure.cot.batch import Tally, dollars, filled_in
from perdure.cot.questions.question import AnswerFormat
from perdure.errors import UsageError
from perdure.verbs.cot.group import Told, verb
from perdure.verbs.cot.request import CotRequest
from perdure.verbs.words import counted

_FORMATS = click.Choice([form.value for form in AnswerFormat])


def as_data(answer: Answer) -> dict[str, Any]:
    """An answer as ``--json`` prints it: its fields, without the place of the cache."""
    data = asdict(answer)
    del data["cache"]
    return data | {"source": answer.source.value}


@verb()
@click.argument("question", nargs=-1)
@click.option("-i", "--image", "images", multiple=True, metavar="IMAGE", help="A picture: a path, a variable, or a URL if those are allowed. May be given several times.")  # fmt: skip
@click.option("-o", "--out", metavar="NAME", help="The variable that gets the answer.")
@click.option("-f", "--format", "form", type=_FORMATS, default="text", help="The form of the answer's value (text).")
@click.option("--choices", metavar="A,B,..", help="The options of a choice.")
@click.option("--master", "route", flag_value="master", help="Ask the master, unless its answer to this is kept.")
@click.option("--apprentice", "route", flag_value="apprentice", help="Ask the apprentice, and never the master.")
@click.option("--fresh", "route", flag_value="fresh", help="Ask the master anew, whatever is kept.")
@click.option("-k", type=click.IntRange(0, 32), help="Examples that the apprentice is shown, at most (4).")
def ask(
    request: CotRequest,
    question: tuple[str, ...],
    images: tuple[str, ...],
    out: str | None,
    form: str,
    choices: str | None,
    route: str | None,
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
    if out is not None and not out.isidentifier():
        raise UsageError(f"{out!r} can't be a variable's name. Choose one such as 'answer'.")
    if out is not None and request.asker is None:
        raise UsageError("-o sets a variable, and a shell has none of a kernel's. Use --json instead.")
    cot = request.cot if k is None else request.cot.with_options(k=k)
    answer = cot.ask(
        text,
        images=[picture_named(request, image) for image in images],
        choices=_split(choices),
        format=form,
        route=route or "auto",
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
@click.option("--master", "route", flag_value="master", help="Ask the master, unless its answer is kept.")
@click.option("--apprentice", "route", flag_value="apprentice", help="Ask the apprentice, and never the master.")
@click.option("--fresh", "route", flag_value="fresh", help="Ask the master anew, whatever is kept.")
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
    route: str | None,
) -> Told:
    """Ask a question for every row of a DataFrame.

    FRAME is a variable: a DataFrame of pandas or polars; it is replaced by a copy with the answers. {column} in the QUESTION is filled in
    from the row. Rows without an answer have their reason in the column OUT_error. What was paid for isn't paid again when it is
    interrupted and run again.
    """
    data = request.variable(frame, "map")
    if not (hasattr(data, "columns") and hasattr(data, "__len__")):
        raise UsageError(f"{frame} is a {type(data).__name__}, not a DataFrame. Put the pictures in a column of one.")
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
        route=route or "auto",
        tally=tally,
    )
    request.namespace[frame] = result
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
    """What ``-i`` means: a variable if there is one of that name and no such file, else a path or a URL."""
    if name in request.namespace and not Path(name).exists():
        return request.namespace[name]
    return name


def _condition(where: str, frame: Any, names: Mapping[str, Any]) -> list[bool]:
    """A bool for each row. The user's own expression, over their own variables: as if typed in the cell."""
    try:
        found = eval(where, dict(names))  # noqa: S307 - the line comes from the user's own cell
    except Exception as error:  # noqa: BLE001 - the user's expression may raise anything
        raise UsageError(f"--where can't be evaluated: {type(error).__name__}: {error}.") from None
    try:
        chosen = [bool(value) for value in found]
    except TypeError:
        raise UsageError("--where must give a bool for each row, such as: df.price > 10") from None
    if len(chosen) != len(frame):
        raise UsageError(f"--where gives {len(chosen)} values for {len(frame)} rows. It must give one for each.")
    return chosen


def _split(choices: str | None) -> list[str] | None:
    return None if choices is None else [choice.strip() for choice in choices.split(",") if choice.strip()]
