"""One question for every row of a DataFrame (pandas or polars)."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Protocol

from perdure.cot.answer import Answer, Source
from perdure.errors import NoAnswer, UsageError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

CHUNK: Final = 256
"""Rows whose pictures are decoded, and looked up, at once."""


class Frame(Protocol):
    """What is needed of a DataFrame, of whichever library."""

    @property
    def columns(self) -> Sequence[str]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, name: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class Row:
    """One question to be asked: its words, and its ``images``, which are not loaded yet."""

    question: str
    images: tuple[Any, ...] = ()


@dataclass(slots=True)
class Tally:
    """How a batch is going; costs in dollars."""

    rows: int = 0
    done: int = 0
    sources: Counter[Source] = field(default_factory=Counter)
    failed: int = 0
    cost: float = 0.0

    @property
    def hits(self) -> int:
        """Answers for which no model was asked."""
        return self.sources[Source.EXACT] + self.sources[Source.NEAR]

    @property
    def expected(self) -> float:
        """What the whole batch will have cost if it goes on like this."""
        return self.cost * self.rows / self.done if self.done else 0.0

    def count(self, result: Answer | NoAnswer) -> None:
        """Take in one row's result."""
        self.done += 1
        if isinstance(result, Answer):
            self.sources[result.source] += 1
            self.cost += result.cost
        else:
            self.failed += 1


def rows_of(frame: Frame, question: str, images: Sequence[str], where: Sequence[bool] | None) -> list[Row | None]:
    """A `Row` for each row of the frame, in order; None where ``where`` is false.

    ``{column}`` in the question is filled in from the row; ``{{`` is a brace.

    :raises UsageError: if there is no question, or no column that it names.
    """
    if not (hasattr(frame, "columns") and hasattr(frame, "__len__")):
        raise UsageError(f"A {type(frame).__name__} is no DataFrame. Give one of pandas or polars.")
    if not question.strip():
        raise UsageError("The question is empty. Write what you want to know about the pictures.")
    pieces = _parsed(question)
    fields = [name for _, name, _, _ in pieces if name is not None]
    for name in (*images, *fields):
        if name not in frame.columns:
            raise UsageError(f"The frame has no column {name!r}. It has: {', '.join(map(str, frame.columns))}")
    columns = {name: list(frame[name]) for name in {*images, *fields}}
    chosen = [True] * len(frame) if where is None else list(where)
    if len(chosen) != len(frame):
        raise UsageError(f"The condition has {len(chosen)} values for {len(frame)} rows. Give one for each row.")
    return [
        Row(
            "".join(
                text + ("" if name is None else filled_in(columns[name][at], name, spec))
                for text, name, spec, _ in pieces
            ),
            tuple(columns[name][at] for name in images),
        )
        if keep
        else None
        for at, keep in enumerate(chosen)
    ]


def _parsed(question: str) -> list[tuple[str, str | None, str | None, str | None]]:
    try:
        return list(string.Formatter().parse(question))
    except ValueError:
        raise UsageError("The question has an unpaired brace. Write {{ or }} for a brace that is meant.") from None


def filled_in(value: Any, name: str, form: str | None) -> str:
    """A value as it stands in a question.

    :raises UsageError: if it can't be written in that form.
    """
    try:
        return format(value, form or "")
    except (ValueError, TypeError):
        raise UsageError(f"{name!r} can't be written as {form!r}. Leave the colon and what follows away.") from None


def with_answers(
    frame: Frame, out: str, places: Sequence[int], results: Sequence[Answer | NoAnswer], *, ids: bool
) -> Any:
    """A copy of the frame with the results of the rows at ``places``; what is known of the other rows stays."""
    reason = f"{out}_error"
    values, told = _column(frame, out), _column(frame, reason)
    keys: list[str | None] = [None] * len(frame)
    ours = all(is_missing(error) or isinstance(error, str) for error in told)
    errors = [error if isinstance(error, str) else None for error in told]
    for at, result in zip(places, results, strict=True):
        answer = result if isinstance(result, Answer) else None
        values[at] = None if answer is None else answer.value
        keys[at] = None if answer is None else answer.id
        errors[at] = str(result) if answer is None else None
    columns = {out: values} | ({f"{out}_id": keys} if ids else {}) | ({reason: errors} if any(errors) else {})
    stale = reason in frame.columns and ours and reason not in columns
    return _with_columns(frame, columns, without=[reason] if stale else [])


def is_missing(value: Any) -> bool:
    """Whether a frame's cell has no value, in pandas' ways of saying so or in that of polars."""
    nan = isinstance(value, float) and value != value  # noqa: PLR0124 - only not-a-number differs from itself
    return value is None or nan or type(value).__name__ == "NAType"


def _column(frame: Frame, name: str) -> list[Any]:
    return list(frame[name]) if name in frame.columns else [None] * len(frame)


def _with_columns(frame: Any, columns: Mapping[str, Sequence[Any]], without: Sequence[str]) -> Any:
    """A copy of the frame with these columns added or replaced, and others left out, of the frame's own library."""
    if type(frame).__module__.partition(".")[0] == "polars":
        import polars

        series = [polars.Series(name, values, strict=False) for name, values in columns.items()]
        return frame.drop(without).with_columns(series)
    new = frame.drop(columns=without) if without else frame.copy(deep=False)
    for name, values in columns.items():
        new[name] = values
    return new


def in_chunks(rows: Sequence[Row | None]) -> Iterator[list[tuple[int, Row]]]:
    """The rows that are to be asked, with their places, `CHUNK` at a time."""
    asked = ((at, row) for at, row in enumerate(rows) if row is not None)
    while chunk := list(islice(asked, CHUNK)):
        yield chunk


class Progress:
    """A line that says how far a batch is: rows, hits, the cost so far and the cost expected."""

    def __init__(self, tally: Tally, *, show: bool, note: Callable[[Tally], None] | None = None) -> None:
        self._tally, self._show, self._note = tally, show, note
        self._bar: Any = None

    def __enter__(self) -> Self:
        if self._show:
            from tqdm.std import tqdm  # the plain one: a bar of widgets would need ipywidgets on the front end too

            self._bar = tqdm(total=self._tally.rows, unit="row", dynamic_ncols=True)
        return self

    def update(self, result: Answer | NoAnswer) -> None:
        """Count one row's result."""
        tally = self._tally
        tally.count(result)
        if self._note is not None:
            self._note(tally)
        if self._bar is not None:
            hits = f"{tally.hits / tally.done:.0%} hits"
            self._bar.set_postfix_str(
                f"{hits}, {dollars(tally.cost)} so far, {dollars(tally.expected)} expected", refresh=False
            )
            self._bar.update()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()


def dollars(amount: float) -> str:
    """An amount as people read it: cents where there are any, more digits for less."""
    if amount == 0:
        return "$0"
    return f"${amount:.2f}" if amount >= 0.1 else f"${amount:.2g}"
