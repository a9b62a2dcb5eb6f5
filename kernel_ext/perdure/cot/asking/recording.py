"""What of a question stays: its row in the ledger, the entry that its answer becomes, and what checks have taught."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from perdure.cot.answer import Answer, Example, Source, Tokens
from perdure.cot.asking.matching import MEASURE
from perdure.cot.cache import Ask, Audit, Cache, Entry, Kind
from perdure.cot.calling.trouble import Trouble
from perdure.cot.calling.work import Route, Said, Work
from perdure.cot.judgement.confidence import Evidence
from perdure.cot.models.model import Model, is_hosted
from perdure.cot.questions.prompting import PROMPT_VERSION
from perdure.cot.replies.parsing import parse
from perdure.errors import UnusableReply

if TYPE_CHECKING:
    from perdure.cot.asking.library import Library

_WAITING: Final = 1_000
"""Answers that wait for a disk with room, at most."""


class Recording:
    """Writes for one `perdure.cot.Cot`."""

    def __init__(
        self, cache: Cache, library: Library, trouble: Trouble, master: Model | None, apprentice: Model | None
    ) -> None:
        self._cache, self._library, self._trouble = cache, library, trouble
        self._master, self._apprentice = master, apprentice
        self._kept: list[tuple[Work, Entry]] = []
        self._hits: list[Work] = []
        self._audits: list[Audit] = []

    # -- hits ----------------------------------------------------------------------------------------------------------

    def exact(self, works: Sequence[Work]) -> dict[str, Entry]:
        """The kept answers to these very questions, by the question's key.

        An apprentice's answer counts where nobody insists on the master: what was good enough then is good enough now.
        """
        found: dict[str, Entry] = {}
        waiting = {work.question.key: entry for work, entry in self._kept}  # for a disk with room
        by_route: dict[Route, list[str]] = {}
        for work in works:
            by_route.setdefault(work.route, []).append(work.question.key)
        for route, keys in by_route.items():
            master = None if route is Route.APPRENTICE else self._master
            apprentice = None if route is Route.MASTER else self._apprentice
            found |= self._cache.exact_many(
                keys,
                master=None if master is None else master.name,
                master_version=_version(master),
                apprentice=None if apprentice is None else apprentice.name,
                apprentice_version=_version(apprentice),
                prompt_version=PROMPT_VERSION,
                stopgaps=route is Route.APPRENTICE or self._master is None,
            )
            insisted = route is Route.MASTER
            found |= {
                key: waiting[key]
                for key in keys
                if key in waiting and not (insisted and waiting[key].kind is not Kind.MASTER)
            }
        return found

    def hit(
        self,
        work: Work,
        entry: Entry,
        source: Source,
        why: str,
        confidence: float | None,
        example: Example | None = None,
    ) -> None:
        """Answer with a kept answer, if it has the form asked for."""
        try:
            value = parse(entry.answer, work.question)
        except UnusableReply:
            return
        work.answer = Answer(
            text=entry.answer,
            value=value,
            source=source,
            confidence=confidence,
            id=work.ask,
            entry=entry.id,
            model=entry.model,
            model_version=entry.model_version,
            prompt_version=entry.prompt_version,
            question=work.question.text,
            pictures=tuple(picture.key for picture in work.question.pictures),
            examples=() if example is None else (example,),
            tokens=work.tokens,
            cost=work.cost,
            latency=work.elapsed,
            reasoning=entry.reasoning,
            why=why,
            cache=str(self._cache.folder),
        )
        self._hits.append(work)

    def repeat(self, work: Work, answer: Answer) -> None:
        """A question that was asked twice at once: the second is a hit on the first."""
        work.answer = replace(
            answer,
            id=work.ask,
            source=Source.EXACT,
            tokens=Tokens(),
            cost=0.0,
            latency=work.elapsed,
            question=work.question.text,
            why="the same question was asked at the same time",
        )
        self._hits.append(work)

    # -- answers -------------------------------------------------------------------------------------------------------

    def kept(self, work: Work, said: Said, source: Source, why: str, confidence: float | None, kind: Kind) -> None:
        """Answer with what a model said, and keep it as an entry of that kind."""
        shown = work.examples if source is Source.APPRENTICE else ()
        entry = Entry.of(
            work.question,
            said.text,
            model=said.model.name,
            model_version=said.version,
            prompt_version=PROMPT_VERSION,
            kind=kind,
            reasoning=said.reasoning,
            context=why,
            cost=work.cost,
            tokens=work.tokens,
            derived_from=tuple(example.entry for example in shown),
            vector=self._library.vector(work) if kind is Kind.MASTER else None,
        )
        work.answer = Answer(
            text=said.text,
            value=said.value,
            source=source,
            confidence=confidence,
            id=work.ask,
            entry=entry.id,
            model=said.model.name,
            model_version=said.version,
            prompt_version=PROMPT_VERSION,
            question=work.question.text,
            pictures=entry.pictures,
            examples=shown,
            tokens=work.tokens,
            cost=work.cost,
            latency=work.elapsed,
            reasoning=said.reasoning,
            why=why,
            cache=str(self._cache.folder),
        )
        self._kept.append((work, entry))

    def flush(self) -> None:
        """Write down what has come about since the last time, all in one transaction; what can't be written waits."""
        if not (self._kept or self._hits or self._audits):
            return
        with self._trouble:
            with self._cache.together():
                self._write()
            self._kept, self._hits, self._audits = [], [], []
        for waiting in (self._kept, self._hits, self._audits):
            del waiting[:-_WAITING]

    def _write(self) -> None:
        for work, entry in self._kept:
            if work.route is Route.FRESH:
                self._cache.supersede(work.question.key)
            if work.answer is not None:
                self._cache.record(self._ask(work, work.answer), entry, work.question.pictures)
        self._cache.record_many([self._ask(work, work.answer) for work in self._hits if work.answer is not None])
        near = [work for work in self._hits if work.answer is not None and work.answer.source is Source.NEAR]
        # The pictures of other hits are there with their entries.
        self._cache.keep_pictures([picture for work in near for picture in work.question.pictures])
        for audit in self._audits:
            self._cache.add_audit(audit)

    def _ask(self, work: Work, answer: Answer) -> Ask:
        asking = work.asking
        return Ask.of(
            work.question,
            answer,
            route=work.route.value,
            session=None if asking is None else asking.session,
            cell=None if asking is None else asking.cell,
        )

    # -- audits --------------------------------------------------------------------------------------------------------

    def near_audit(self, work: Work, entry: Entry, score: float, master: Said, *, agreed: bool) -> None:
        """A near match was checked against the master."""
        self._audit("near", work, score, (), entry.answer, master, agreed=agreed, entry=entry.id, other=MEASURE)

    def apprentice_audit(self, work: Work, evidence: Evidence, said: Said, master: Said, *, agreed: bool) -> None:
        """Apprentice and master have both answered."""
        self._audit(
            "apprentice",
            work,
            work.confidence or 0.0,
            evidence.features(),
            said.text,
            master,
            agreed=agreed,
            entry=None,
            other=said.model.name,
        )

    def _audit(
        self,
        kind: Any,
        work: Work,
        score: float,
        features: Sequence[float],
        kept: str,
        master: Said,
        *,
        agreed: bool,
        entry: str | None,
        other: str,
    ) -> None:
        audit = Audit(
            kind=kind,
            master=master.model.name,
            other=other,
            score=score,
            features=tuple(features),
            confidence=work.confidence,
            agreed=agreed,
            kept=kept,
            said=master.text,
            entry=entry,
            ask=work.ask,
            time=time.time(),
        )
        self._audits.append(audit)


def _version(model: Model | None) -> str | None:
    """The version whose answers count; None for any."""
    return None if model is None or is_hosted(model) else model.version
