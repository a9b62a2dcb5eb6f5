"""The path of a question: exact hit, near match under a bound, apprentice with examples, escalation to the master.

After *Cache-of-Thought* (arXiv 2502.20587), whose coin flip is here a calibrated confidence, and whose only use of the cache, as examples,
comes third. Questions go along it in waves: all of a wave see the cache as it was when the wave began, and what they leave in it is
written in their order. So an answer doesn't depend on how many calls were made at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from perdure.cot.answer import Answer, Source
from perdure.cot.asking.apprenticeship import Apprenticeship
from perdure.cot.asking.matching import Matching
from perdure.cot.asking.options import Options
from perdure.cot.asking.recording import Recording
from perdure.cot.asking.routing import Routing
from perdure.cot.budget import Purse
from perdure.cot.cache import Kind, new_id
from perdure.cot.calling.calls import Call, Calls
from perdure.cot.calling.trouble import Trouble
from perdure.cot.calling.underway import Overtaken
from perdure.cot.calling.work import Route, Said, Work
from perdure.cot.judgement.confidence import Confidence
from perdure.cot.judgement.near import Band
from perdure.cot.judgement.router import Router
from perdure.cot.models.model import Model, Reply, Sampling
from perdure.cot.questions import context
from perdure.cot.questions.prompting import prompt, split_reply
from perdure.cot.questions.question import Question
from perdure.cot.replies.parsing import parse, same
from perdure.errors import NoAnswer, UnusableReply, UsageError

if TYPE_CHECKING:
    from perdure.cot.asking.library import Library
    from perdure.cot.cache import Cache
    from perdure.cot.cache.calls import Role

WAVE: Final = 32
"""Questions that see the same cache, of a batch. Not the number of calls at once: that changes no answer."""


class Path:
    """How one `perdure.cot.Cot` answers. Used by one thread at a time; its calls use several."""

    def __init__(
        self,
        options: Options,
        cache: Cache,
        library: Library,
        calls: Calls,
        matching: Matching,
        trouble: Trouble,
        confidence: Confidence,
        router: Router,
        master: Model | None,
        apprentice: Model | None,
    ) -> None:
        self._options, self._cache, self._library, self._calls = options, cache, library, calls
        self._matching, self._confidence = matching, confidence
        self._master = master
        self._apprenticeship = (
            None if apprentice is None else Apprenticeship(options, library, calls, confidence, apprentice)
        )
        self._routing = Routing(router, self._apprenticeship, master, options.audit)
        self._recording = Recording(cache, library, trouble, master, apprentice)
        self._reserved: dict[Work, Call] = {}
        """The master's calls that money is set aside for already."""

    def answers(
        self, questions: Sequence[Question], route: Route, purse: Purse, *, left: int | None = None
    ) -> list[Answer | NoAnswer]:
        """One result for each question, in their order.

        :param purse: what the batch may spend.
        :param left: how many questions of the batch are still to come, these included; None if nobody knows.
        :raises UsageError: if there is nobody to answer.
        """
        self._check(route)
        self._calls.release()
        self._reserved.clear()
        asking = context.current()
        works = [Work(question, route, new_id(), asking) for question in questions]
        if route is not Route.FRESH:
            self._exact(works)
        first: dict[str, Work] = {}
        for work in works:
            if work.open:
                first.setdefault(work.question.key, work)
        leaders = list(first.values())
        try:
            for at in range(0, len(leaders), WAVE):
                self._wave(leaders[at : at + WAVE], purse, None if left is None else left - at)
            self._repeat([work for work in works if work.open], first)
        finally:
            self._calls.release()
            self._calls.catch_up()
            self._recording.flush()
        if asking is not None:
            for work in works:
                if work.answer is not None:
                    asking.note(work.ask, self._cache.folder)
        results = [work.answer or work.error for work in works]
        assert None not in results
        return [result for result in results if result is not None]

    def _check(self, route: Route) -> None:
        if route in {Route.MASTER, Route.FRESH} and self._master is None:
            raise UsageError("There is no master to ask. Choose one: `%cot use --master openai:MODEL`")
        if route is Route.APPRENTICE and self._apprenticeship is None:
            raise UsageError("There is no apprentice to ask. Choose one: `%cot use --apprentice transformers:PATH`")
        if self._master is None and self._apprenticeship is None:
            raise UsageError("There is no model to ask. Choose one: `%cot use --master openai:MODEL`")

    # -- without any model ---------------------------------------------------------------------------------------------

    def _exact(self, works: Sequence[Work]) -> None:
        """The kept answers to these very questions: no model, no embedding."""
        found = self._recording.exact(works)
        for work in works:
            entry = found.get(work.question.key)
            if entry is not None:
                why = "the same question about the same picture"
                self._recording.hit(work, entry, Source.EXACT, why, None)

    def _repeat(self, works: Iterable[Work], first: dict[str, Work]) -> None:
        """Questions that were asked twice in one wave: the second is a hit on the first, or fails as it did."""
        for work in works:
            leader = first[work.question.key]
            if leader.answer is None:
                work.error = leader.error
                continue
            self._recording.repeat(work, leader.answer)

    # -- with models ---------------------------------------------------------------------------------------------------

    def _wave(self, works: list[Work], purse: Purse, left: int | None) -> None:
        share = self._routing.share(purse, left)
        self._routing.begin(len(works), share)
        self._library.embed(works)
        self._near([work for work in works if work.route is Route.AUTO], purse)
        for work in works:
            self._routing.first(work, share)
        self._ask_apprentice([work for work in works if work.open and not work.wants_master], purse)
        for work in works:
            if work.open:
                self._routing.decide(work, share)
        self._ask_master([work for work in works if work.open and work.wants_master], purse)
        stranded = [work for work in works if work.open and work.master_error is not None and work.unasked]
        self._ask_apprentice([work for work in stranded if work.route is Route.AUTO], purse)
        for work in works:
            self._settle(work)
        self._recording.flush()

    def _near(self, works: Sequence[Work], purse: Purse) -> None:
        """Near matches under the bound; some would-be hits are audited instead, while there is money for it."""
        if self._master is None or self._options.delta == 0.0:
            return
        for work in works:
            match = self._matching.best(work)
            if match is None:
                continue
            if match.audit:
                with suppress(NoAnswer):
                    self._reserved[work] = self._master_call(work, "audit", purse)
                    work.match, work.wants_master = match, True
                    work.why = "this near match was checked, as a few are"
                    continue
            if match.accept:
                self._recording.hit(work, match.entry, Source.NEAR, match.why, match.confidence, match.example)

    def _ask_apprentice(self, works: Sequence[Work], purse: Purse) -> None:
        if self._apprenticeship is not None and works:
            before = {work: work.cost for work in works}
            self._apprenticeship.ask(works, purse)
            for work in works:
                self._routing.spent(apprentice=work.cost - before[work])
            self._ask_apprentice(self._still_open([work for work in works if work.overtaken]), purse)

    def _still_open(self, overtaken: Sequence[Work]) -> list[Work]:
        """Those whose answer isn't in the cache after all, of those that another process was given first."""
        for work in overtaken:
            work.overtaken, work.looked_up = False, True
        self._exact(overtaken)
        return [work for work in overtaken if work.open]

    def _master_call(self, work: Work, role: Role, purse: Purse) -> Call:
        assert self._master is not None
        said = prompt(work.question, reason=True)
        return self._calls.prepare(work, self._master, said, Sampling(), role=role, purse=purse)

    def _ask_master(self, works: Sequence[Work], purse: Purse) -> None:
        master = self._master
        if master is None:
            return
        # Somebody else may have asked the same meanwhile.
        self._exact([work for work in works if work not in self._reserved and work.route is not Route.FRESH])
        calls: list[Call] = []
        for work in works:
            if not work.open:
                continue
            try:
                call = self._reserved.pop(work, None)
                if call is None:
                    call = self._master_call(work, "audit" if work.audited else "master", purse)
                calls.append(call)
            except NoAnswer as error:
                self._without_master(work, error)
        before = {call: call.work.cost for call in calls}
        overtaken: list[Work] = []
        for call, reply in zip(calls, self._calls.make(calls) if calls else (), strict=True):
            if isinstance(reply, Overtaken):
                overtaken.append(call.work)
                continue
            self._hear_master(call.work, reply, master)
            self._routing.spent(master=call.work.cost - before[call])
        if overtaken:
            self._ask_master(self._still_open(overtaken), purse)

    def _hear_master(self, work: Work, reply: Reply | NoAnswer, master: Model) -> None:
        if isinstance(reply, NoAnswer):
            self._without_master(work, reply)
            return
        reasoning, text = split_reply(reply.text)
        try:
            value = parse(text, work.question)
        except UnusableReply as error:
            self._calls.spoil(work, error)
            self._without_master(work, error)
            return
        work.master = Said(text, value, reasoning, master, reply.version)

    def _without_master(self, work: Work, error: NoAnswer) -> None:
        """The master could not be asked, or said nothing of use: what else there is must do."""
        work.master_error = error
        work.why = f"the master gave no answer: {error}"
        match = work.match
        if match is not None and match.accept:
            self._recording.hit(work, match.entry, Source.NEAR, match.why, match.confidence, match.example)

    def _settle(self, work: Work) -> None:
        """Who is heard; what is learned from it, and kept."""
        if not work.open:
            return
        insisted = work.route in {Route.MASTER, Route.FRESH}
        if work.master is not None:
            self._learn(work, work.master)
            self._recording.kept(
                work, work.master, Source.MASTER, work.why or "the master was asked for", None, Kind.MASTER
            )
        elif work.apprentice is not None and not insisted:
            why = work.why or f"the apprentice was {work.confidence or 0.0:.0%} sure"
            line = self._options.enough if self._routing.by_confidence else 0.0
            sure = work.route is Route.AUTO and work.master_error is None and (work.confidence or 0.0) >= line
            kind = Kind.APPRENTICE if sure else Kind.STOPGAP
            self._recording.kept(work, work.apprentice, Source.APPRENTICE, why, work.confidence, kind)
        else:
            work.error = work.master_error or work.apprentice_error

    def _learn(self, work: Work, master: Said) -> None:
        if work.match is not None:
            agreed = self._matching.learn(work, work.match, master)
            self._recording.near_audit(work, work.match.entry, work.match.score, master, agreed=agreed)
        if work.apprentice is not None and work.evidence is not None:
            agreed = same(work.apprentice.value, master.value, work.question)
            self._confidence.learn(work.evidence, agreed)
            self._recording.apprentice_audit(work, work.evidence, work.apprentice, master, agreed=agreed)

    # -- looking after it ----------------------------------------------------------------------------------------------

    def audits(self) -> Audits:
        """What the checks have taught."""
        return Audits(self._options.delta, self._matching.calibration.bands, *self._confidence.record)

    def rebuild(self) -> int:
        """Make the index anew; returns how many entries it has."""
        return self._library.rebuild()

    @property
    def degraded(self) -> str | None:
        """Why retrieval is less than it could be; None while all is well."""
        return self._library.degraded

    def close(self) -> None:
        """End the threads, and let go of the index."""
        self._calls.release()
        self._calls.close()
        self._library.close()


@dataclass(frozen=True, slots=True)
class Audits:
    """What checks against the master have taught."""

    delta: float
    bands: tuple[Band, ...]
    """Of near matches, by how alike question and picture are."""
    apprentice: int
    """Questions that apprentice and master have both answered."""
    apprentice_agreed: int
