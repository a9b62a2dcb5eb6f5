"""`Cot`: image questions from Python."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Self

from perdure.cot.answer import Answer
from perdure.cot.asking.options import Options, Start, Strategy
from perdure.cot.batch import Frame, Progress, Row, Tally, in_chunks, rows_of, with_answers
from perdure.cot.budget import Budget, Purse
from perdure.cot.cache import Cache
from perdure.cot.calling.work import Route
from perdure.cot.faces.keeping import Keeping
from perdure.cot.models.model import Model
from perdure.cot.pictures.loading import load
from perdure.cot.questions.question import AnswerFormat, Question, question
from perdure.cot.replies.parsing import ready
from perdure.errors import NoAnswer, UnreadablePicture, UsageError

if TYPE_CHECKING:
    from types import TracebackType

    from perdure.cot.asking.path import Audits, Path
    from perdure.cot.index.embedding import Encoder

Named = str | Model | None


@dataclass(frozen=True, slots=True)
class _Form:
    """What the questions of one batch have in common."""

    format: AnswerFormat | str
    choices: Sequence[str] | None
    schema: Mapping[str, Any] | None


class Cot(Keeping):
    """A cache of a master's answers, an apprentice that learns from them, and the rules by which either is asked.

    Models are named (``embedded:master``, ``transformers:PATH``, ``openai:MODEL``) or given as objects; either may be None. They
    are loaded when they are first asked. Safe to be used from several threads, which take turns; calls of one batch run side by side.

    :param master: the large model, whose word counts.
    :param apprentice: the small model, which is asked first.
    :param cache: folder of the cache, if not the usual one (``PERDURE_COT``, or ``perdure/cot`` in Jupyter's data folder).
    :param delta: the share of wrong answers that near matches may have; 0 turns them off.
    :param budget: dollars a day, or text such as ``0.05/question, 5/batch, 20/day``.
    :param k: examples that the apprentice is shown, at most; None for as many as it makes use of: 1 for the embedded one, 4 for any other.
    :param strategy: by what the examples are found: ``fused`` (picture and question), ``image``, ``text``, ``keyword`` or ``hierarchical``.
    :param start: which kept answers serve as examples: ``warm`` all, ``cold`` those kept from now on, ``none`` none.
    :param enough: the confidence at which the apprentice's answer will do.
    :param random_share: if given, chance alone decides who is asked, and the master gets this share of the questions.
    :param audit: the share of the apprentice's confident answers that the master is asked to check, and of hopeless questions that are put to it.
    :param concurrency: model calls at once; the embedded models answer up to 32 in one go all the same.
    :param urls: whether pictures may be fetched from URLs.
    :param encoder: what finds similar questions: ``embedded``, ``efficientnet-lite0``, a folder, ``open_clip:MODEL@FILE``, or an object.
    :param chroma: URL of a Chroma server; None for one of our own on this machine.
    :param keep_images: ``full``, ``thumbnail`` or ``none``: how much of the pictures is kept.
    :param limit_bytes: bytes that the kept answers and pictures may take; None is no limit.
    :param expire_days: days after which a kept answer is no longer used; None is never.
    :raises UsageError: if a model or a number makes no sense.
    """

    def __init__(
        self,
        master: Named = "embedded:master",
        apprentice: Named = "embedded:apprentice",
        cache: str | FilePath | None = None,
        *,
        delta: float = 0.02,
        budget: Budget | float | str | None = None,
        k: int | None = None,
        strategy: Strategy = "fused",
        start: Start = "warm",
        enough: float = 0.9,
        random_share: float | None = None,
        audit: float = 0.02,
        concurrency: int = 8,
        urls: bool = False,
        encoder: Encoder | str | FilePath | None = "embedded",
        chroma: str | None = None,
        keep_images: str = "full",
        limit_bytes: int | None = None,
        expire_days: float | None = None,
    ) -> None:
        from perdure.cot.index.encoders import encoder_named
        from perdure.cot.models.names import model

        self._made: dict[str, Any] = {
            "cache": cache,
            "encoder": encoder,
            "chroma": chroma,
            "keep_images": keep_images,
            "limit_bytes": limit_bytes,
            "expire_days": expire_days,
        }
        self.options = Options(
            delta=delta,
            budget=Budget.of(budget),
            k=k,
            strategy=strategy,
            start=start,
            enough=enough,
            random_share=random_share,
            audit=audit,
            concurrency=concurrency,
            urls=urls,
        )
        named = "embedded" if encoder is None else encoder
        self._encoder = encoder_named(str(named)) if isinstance(named, str | FilePath) else named
        self.master: Model | None = model(master)
        self.apprentice: Model | None = model(apprentice)
        self.cache = Cache.open(cache, keep_images=keep_images, limit_bytes=limit_bytes, expire_days=expire_days)
        self._chroma = chroma
        self._turn, self._pid = threading.RLock(), os.getpid()
        self._path: Path | None = None

    # -- asking --------------------------------------------------------------------------------------------------------

    def ask(
        self,
        question: str,
        image: Any = None,
        images: Iterable[Any] | None = None,
        choices: Sequence[str] | None = None,
        format: AnswerFormat | str = AnswerFormat.TEXT,  # noqa: A002 - the public word
        schema: Mapping[str, Any] | None = None,
        route: Route | str = Route.AUTO,
    ) -> Answer:
        """Ask one question about one or more pictures (or none).

        :param image: a path, a PIL image, an array, a tensor, a figure, bytes; see `perdure.cot.pictures.loading.load`.
        :param route: ``auto``, ``master``, ``apprentice``, or ``fresh`` for the master whatever is kept.
        :raises NoAnswer: if a picture can't be read, or nobody could answer within the budget.
        :raises UsageError: if the question makes no sense.
        """
        row = Row(question, tuple(_given(image, images)))
        (result,) = self.ask_many([row], choices=choices, format=format, schema=schema, route=route)
        if isinstance(result, Exception):
            raise result
        return result

    def again(self, id: str) -> Answer:
        """Ask the master the question of an earlier answer, unless it has said something to it already.

        :raises NoAnswer: if nobody could answer, or the pictures weren't kept.
        """
        asked = self.cache.ask(id)
        pictures = [self.cache.picture(key) for key in asked.answer.pictures]
        if [None if picture is None else picture.key for picture in pictures] != list(asked.answer.pictures):
            raise UnreadablePicture("The picture of that question wasn't kept. Ask again with the picture.")
        return self.ask(
            asked.answer.question,
            images=pictures,
            choices=asked.choices or None,
            format=asked.format,
            schema=None if asked.schema is None else json.loads(asked.schema),
            route=Route.MASTER,
        )

    async def aask(self, question: str, image: Any = None, **given: Any) -> Answer:
        """`ask`, on a thread."""
        return await asyncio.to_thread(self.ask, question, image, **given)

    def ask_many(
        self,
        rows: Iterable[Row | tuple[str, Any]],
        *,
        choices: Sequence[str] | None = None,
        format: AnswerFormat | str = AnswerFormat.TEXT,  # noqa: A002 - the public word
        schema: Mapping[str, Any] | None = None,
        route: Route | str = Route.AUTO,
        cap: float | None = None,
        done: Callable[[Answer | NoAnswer], None] | None = None,
    ) -> list[Answer | NoAnswer]:
        """One answer for each row, in order: a pair of a question and a picture, or a `Row`. What has none has its error.

        :param cap: dollars that the batch may cost; the budget's limit for a batch if not given.
        :param done: is told each result, in order.
        """
        asked = [row if isinstance(row, Row) else Row(row[0], tuple(_given(row[1], None))) for row in rows]
        if isinstance(cap, str):
            raise UsageError(f"A cap is a number of dollars, not {cap!r}. Write it without quotes.")
        purse = Purse(self.options.budget.batch if cap is None else Budget(batch=cap).batch)
        form = _Form(format, choices, schema)
        results: list[Answer | NoAnswer] = []
        for chunk in in_chunks(asked):
            left = len(asked) - len(results)
            fresh = self._chunk([row for _, row in chunk], form, _route(route), purse, left, single=len(asked) == 1)
            for result in fresh:
                if done is not None:
                    done(result)
            results += fresh
        return results

    def map(
        self,
        frame: Frame,
        question: str,
        image: str | Sequence[str] | None = None,
        out: str = "answer",
        *,
        where: Sequence[bool] | None = None,
        choices: Sequence[str] | None = None,
        format: AnswerFormat | str = AnswerFormat.TEXT,  # noqa: A002 - the public word
        schema: Mapping[str, Any] | None = None,
        route: Route | str = Route.AUTO,
        cap: float | None = None,
        progress: bool = True,
        ids: bool = False,
        tally: Tally | None = None,
    ) -> Any:
        """A copy of the frame (pandas or polars) with a column of answers.

        ``{column}`` in the question is filled in from each row. A row that got no answer has None, and its reason in the
        column ``OUT_error``, which is there as long as a row has one. Interrupt it and run it again: what was paid for is not
        paid twice.

        :param image: the column of pictures, or several; paths or anything else that `ask` takes.
        :param out: the column of the answers' values.
        :param where: a bool for each row: whether it is asked.
        :param cap: dollars that all of it may cost.
        :param ids: whether a column ``OUT_id`` tells each answer's id.
        :param tally: is counted into: how many answers came from where, and what they cost.
        """
        images = [image] if isinstance(image, str) else list(image or ())
        rows = rows_of(frame, question, images, where)
        places = [at for at, row in enumerate(rows) if row is not None]
        tally = Tally() if tally is None else tally
        tally.rows = len(places)
        with Progress(tally, show=progress) as bar:
            results = self.ask_many(
                [row for row in rows if row is not None],
                choices=choices,
                format=format,
                schema=schema,
                route=route,
                cap=cap,
                done=bar.update,
            )
        return with_answers(frame, out, places, results, ids=ids)

    def _chunk(
        self, rows: Sequence[Row], form: _Form, route: Route, purse: Purse, left: int, *, single: bool
    ) -> list[Answer | NoAnswer]:
        results: list[Answer | NoAnswer | None] = [None] * len(rows)
        questions: dict[int, Question] = {}
        for at, row in enumerate(rows):
            try:
                pictures = [load(image, urls=self.options.urls) for image in row.images]
                asked = question(row.question, pictures, format=form.format, choices=form.choices, schema=form.schema)
                ready(asked)  # before anything is paid for
                questions[at] = asked
            except NoAnswer as error:
                results[at] = error
            except UsageError as error:
                if single:
                    raise
                results[at] = NoAnswer(str(error))
        with self._own_turn():
            found = self._ready().answers(list(questions.values()), route, purse, left=None if single else left)
        for at, result in zip(questions, found, strict=True):
            results[at] = result
        return [result for result in results if result is not None]

    def _own_turn(self) -> threading.RLock:
        if self._pid != os.getpid():  # a forked child: whoever held the lock is the parent's
            self._turn, self._pid = threading.RLock(), os.getpid()
        return self._turn

    def _ready(self) -> Path:
        """What answers, made at the first question: nothing heavy is imported before."""
        if self._path is None:
            from perdure.cot.asking.assembly import assembled

            self._path = assembled(self.options, self.cache, self.master, self.apprentice, self._encoder, self._chroma)
        return self._path

    # -- looking after what is kept ------------------------------------------------------------------------------------

    def use(self, **models: Named) -> None:
        """Ask others from now on: ``master=``, ``apprentice=``; None for nobody.

        :raises UsageError: if there is no such model; then nothing has changed.
        """
        from perdure.cot.models.names import model

        chosen = {role: model(named) for role, named in models.items()}
        with self._own_turn():
            self.master = chosen.get("master", self.master)
            self.apprentice = chosen.get("apprentice", self.apprentice)
            self._path = None

    def unload(self) -> None:
        """Free the memory of both models; the next question loads them again."""
        for model in (self.master, self.apprentice):
            if model is not None:
                model.close()

    def audits(self) -> Audits:
        """What the checks have taught."""
        with self._own_turn():
            return self._ready().audits()

    @property
    def degraded(self) -> str | None:
        """Why examples and near matches are found more slowly, or not at all; None while all is well."""
        return None if self._path is None else self._path.degraded

    def rebuild(self) -> int:
        """Make the index anew from the kept answers; returns how many it has."""
        with self._own_turn():
            return self._ready().rebuild()

    def __reduce__(self) -> tuple[Any, ...]:
        # A variable that holds one comes back with its session: made anew, with the models it has now.
        return _made_again, (
            type(self),
            self._made | {"master": self.master, "apprentice": self.apprentice},
            self.options,
        )

    def with_options(self, **changed: Any) -> Self:
        """Another one on the same cache and models, with other options."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.options = replace(self.options, **changed)
        other._path = None
        return other

    def close(self) -> None:
        """Let go of the models, the index and the cache."""
        with self._own_turn():
            if self._path is not None:
                self._path.close()
                self._path = None
            self.unload()
            self.cache.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _made_again(kind: type[Cot], given: dict[str, Any], options: Options) -> Cot:
    made = kind(**given)
    made.options = options
    return made


def _given(image: Any, images: Iterable[Any] | None) -> Iterable[Any]:
    if image is not None and images is not None:
        raise UsageError("Both image and images are given. Give one picture as image, or several as images.")
    if images is not None:
        if isinstance(images, str) or not isinstance(images, Iterable):
            raise UsageError("Several pictures are a list. For one picture, give it as image=.")
        return images
    return () if image is None else (image,)


def _route(route: Route | str) -> Route:
    try:
        return Route(route)
    except ValueError:
        raise UsageError(f"There is no route {str(route)!r}. Use one of {', '.join(Route)}.") from None
