"""Model calls: each within the budget, paid for once by all processes, and written down the moment its reply is there."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from blake3 import blake3

from perdure.cot.answer import Tokens
from perdure.cot.budget import Budget, Purse
from perdure.cot.cache import Call as CallRecord
from perdure.cot.calling.interrupts import held_back
from perdure.cot.calling.trouble import Trouble
from perdure.cot.calling.turns import RENEWED, Turns
from perdure.cot.calling.underway import Coming, Overtaken, Pool, Result
from perdure.cot.calling.work import Route, Work
from perdure.cot.models.charge import charge
from perdure.cot.models.model import Model, Price, Prompt, Reply, Sampling, at_once, is_hosted
from perdure.cot.picture import Picture
from perdure.errors import BudgetSpent, ModelRefused, NoAnswer, PerdureError, UsageError

if TYPE_CHECKING:
    from perdure.cot.cache import Cache, Claim, Reservation
    from perdure.cot.cache.calls import Role

DAY: Final = 86_400.0
_ENDLESS: Final = 1 << 40
"""More tokens than any call has."""
_SLACK: Final = 10.0
"""Seconds before a question in which another process may have been given an answer that was not to be seen yet."""


def digest(model: Model, prompt: Prompt, sampling: Sampling) -> str:
    """40 hex digits of all that a reply depends on."""
    state = blake3(repr((model.name, sampling)).encode())
    for turn in prompt:
        for part in turn.parts:
            said = f"picture {part.key}" if isinstance(part, Picture) else f"text {len(part)} {part}"
            state.update(f"\0{turn.role} {said}".encode())
    return state.hexdigest()[:40]


@dataclass(eq=False)
class Call:
    """A call that may be made: its most possible cost is set aside, unless its reply was paid for already."""

    work: Work
    model: Model
    prompt: Prompt
    sampling: Sampling
    role: Role
    digest: str
    most: float = 0.0
    purse: Purse | None = None
    reservation: Reservation | None = None
    paid: Reply | None = None
    claim: Claim | None = None
    """While it is being made: nobody else makes it then."""
    given_up: threading.Event = field(default_factory=threading.Event)
    """Set when nobody wants it any more; if somebody else is making it, it isn't made then."""

    @property
    def shared(self) -> bool:
        """Whether another process that is making it is waited for. What costs nothing isn't worth looking."""
        costs = self.most > 0 or self.role in {"master", "audit"} or is_hosted(self.model)
        return costs and self.work.route is not Route.FRESH


class Calls:
    """Makes the calls of one `perdure.cot.Cot`. Safe to be used from several threads."""

    def __init__(self, cache: Cache, budget: Budget, concurrency: int, trouble: Trouble) -> None:
        self._cache, self._trouble, self._budget = cache, trouble, budget
        self._turns = Turns(cache, trouble)
        self._concurrency = concurrency
        self._pools: dict[int, Pool] = {}
        self._lock = threading.Lock()
        # Those that money is set aside for, with the reply that is coming once they are under way.
        self._open: dict[Call, Coming | None] = {}
        self._unwritten: dict[tuple[str | None, str | None], CallRecord] = {}

    def price(self, model: Model) -> Price | None:
        """What the user has said that a call costs, else what the model says."""
        return self._cache.price(model.name) or model.price

    # -- before ----------------------------------------------------------------------------------------------------

    def prepare(
        self, work: Work, model: Model, prompt: Prompt, sampling: Sampling, *, role: Role, purse: Purse
    ) -> Call:
        """Set aside what the call can cost at most; nothing, if its reply was paid for and never became an answer.

        :raises BudgetSpent: if that is more than is left.
        :raises UsageError: if there is a budget and nobody knows the model's price.
        """
        call = Call(work, model, prompt, sampling, role, digest(model, prompt, sampling))
        call.paid = self._paid(call)
        if call.paid is not None:
            return call
        price = self.price(model)
        if price is None:
            if self._budget.limited or purse.left is not None:
                raise UsageError(
                    f"Nobody has said what {model.name} costs, so a budget can't be kept. "
                    f"Say it in dollars for a million tokens in/out: `%cot price {model.name} 2.5/10`"
                )
            price = Price()
        call.most = price.of(_most(model, prompt, sampling))
        limit = self._budget.question
        if limit is not None and work.cost + call.most > limit:
            raise BudgetSpent(_spent(call.most, limit - work.cost, "this question"))
        with held_back():
            if not purse.take(call.most):
                raise BudgetSpent(_spent(call.most, purse.left or 0.0, "this batch"))
            call.purse = purse
            self._open[call] = None
            if self._budget.day is not None and call.most > 0:
                try:
                    call.reservation = self._cache.reserve(call.most, limit=self._budget.day, since=time.time() - DAY)
                except BaseException:
                    self._put_back(call)
                    raise
        return call

    def release(self) -> None:
        """Put back what was set aside for calls that will not be made, as something came between.

        A second interrupt may come between here, too: so this is also done before the next calls.
        """
        for call, coming in tuple(self._open.items()):
            call.given_up.set()
            if coming is None or coming.cancel():
                self._put_back(call)
            elif coming.done():
                self._open.pop(call, None)

    def _put_back(self, call: Call, used: float = 0.0) -> None:
        """End what was set aside for a call. A second time does nothing."""
        with held_back():
            with self._lock:
                if call not in self._open:
                    return
                del self._open[call]
            if call.purse is not None:
                call.purse.give_back(call.most - used)
            if call.reservation is not None:
                with self._trouble:
                    self._cache.settle(call.reservation)

    # -- making it -------------------------------------------------------------------------------------------------

    def make(self, calls: Sequence[Call]) -> list[Result]:
        """The replies, in the order of the calls; where there is none, why. `Overtaken` are those whose answer is in the cache by now.

        If it is interrupted, calls under way go on, are written down when they are done, and are there for who asks again; `release` drops the others.
        """
        started = [(call, *self._start(call)) for call in calls if call.paid is None]
        found = {call: self._awaited(call, coming, own=own) for call, coming, own in started}
        for call, reply in found.items():
            call.work.overtaken = isinstance(reply, Overtaken)
        return [call.paid or found[call] for call in calls]

    def _start(self, call: Call) -> tuple[Coming, bool]:
        fresh = call.work.route is Route.FRESH
        key = None if fresh else (str(self._cache.folder), call.work.question.key, call.digest)
        with held_back():
            coming, own = self._pool(call.model).start(key, partial(self._one, call))
            if own:
                self._open[call] = coming
        return coming, own

    def _pool(self, model: Model) -> Pool:
        """Who makes a model's calls: as many at once as the user allows, or as it answers in one go."""
        size = max(self._concurrency, at_once(model))
        return self._pools.setdefault(size, Pool(size))

    def _awaited(self, call: Call, coming: Coming, *, own: bool) -> Result:
        while True:
            try:
                reply = self._come(coming)
            except CancelledError:
                if own:
                    raise
                coming, own = self._start(call)  # who was to make it was interrupted
            else:
                if own:
                    self._open.pop(call, None)
                else:
                    self._put_back(call)  # somebody else has paid
                return reply

    def _come(self, coming: Coming) -> Result:
        while True:
            try:
                return coming.result(RENEWED)
            except TimeoutError:
                if coming.done():
                    return coming.result()
                self._turns.renew()

    def _one(self, call: Call) -> Result:
        cost = 0.0
        try:
            if call.shared:
                call.claim = self._turns.take(call.work.question.key, call.digest, call.given_up)
            known = self._paid(call) or self._overtaken(call)  # by somebody else, since it was prepared
            if known is not None:
                return known
            began = time.perf_counter()
            used, reply, outcome = Tokens(), None, "ok"
            result: Reply | NoAnswer
            try:
                result = reply = _checked(call.model, call.model.generate(call.prompt, call.sampling))
                used = reply.tokens
            except Exception as error:  # noqa: BLE001 - a model given as an object may raise anything
                result = error if isinstance(error, NoAnswer) else _broken(call.model, error)
                used, outcome = charge(result), str(result)  # an empty reply is charged all the same
            cost = self._spend(call, reply, used, time.perf_counter() - began, outcome)
        finally:
            self._put_back(call, cost)
            self._turns.end(call.claim)
        return result

    def _spend(self, call: Call, reply: Reply | None, tokens: Tokens, latency: float, outcome: str) -> float:
        """Write a call down; what it cost."""
        price = self.price(call.model) or Price()
        cost = 0.0 if reply is None and tokens == Tokens() else price.of(tokens)
        record = CallRecord(
            role=call.role,
            model=call.model.name,
            model_version=call.model.version if reply is None else reply.version,
            tokens=tokens,
            cost=cost,
            latency=latency,
            outcome=outcome,
            ask=call.work.ask,
            key=call.work.question.key,
            prompt=call.digest,
            reply=None if reply is None else reply.text,
            logprob=None if reply is None else reply.logprob,
        )
        call.work.cost += cost
        call.work.tokens += tokens
        written = False
        with self._trouble:
            call.work.last_call = self._cache.record_call(record, call.reservation, call.claim)
            written = True
            self._turns.end(call.claim, freed=True)
        if not written:
            with self._lock:
                self._unwritten[record.key, record.prompt] = record
        return cost

    def catch_up(self) -> None:
        """Write down the calls that could not be written when they were made."""
        self._turns.catch_up()
        with self._lock, self._trouble:
            while self._unwritten:
                key, record = next(iter(self._unwritten.items()))
                self._cache.record_call(record)
                del self._unwritten[key]

    def _paid(self, call: Call) -> Reply | None:
        """The reply that was paid for and never became an answer: its process died, or it was interrupted."""
        if call.work.route is Route.FRESH:
            return None
        found = self._unwritten.get((call.work.question.key, call.digest))
        if found is None:
            # A hosted model tells its version only with a reply; what was paid for is good whichever it was.
            version = None if is_hosted(call.model) else call.model.version
            found = self._cache.paid_call(
                call.work.question.key, model=call.model.name, version=version, prompt=call.digest
            )
        if found is None or found.reply is None:
            return None
        call.work.last_call = found.number or None
        return Reply(found.reply, found.tokens, found.model_version, found.logprob)

    def _overtaken(self, call: Call) -> Overtaken | None:
        """Whether somebody else was given the reply, and keeps the answer."""
        work = call.work
        if not call.shared or work.looked_up:
            return None
        since = time.time() - work.elapsed - _SLACK
        answered = self._cache.answered_since(work.question.key, model=call.model.name, prompt=call.digest, since=since)
        return Overtaken() if answered else None

    def spoil(self, work: Work, error: NoAnswer) -> None:
        """What was said last is of no use: it isn't to be taken for an answer if the question is asked again."""
        if work.last_call is not None:
            with self._trouble:
                self._cache.spoil_call(work.last_call, str(error))

    def close(self) -> None:
        """End the threads; calls that are on their way are waited for."""
        for pool in self._pools.values():
            pool.close()


def _most(model: Model, prompt: Prompt, sampling: Sampling) -> Tokens:
    try:
        return model.most(prompt, sampling)
    except Exception as error:  # noqa: BLE001 - a model given as an object may raise anything
        raise _broken(model, error) from None


def _checked(model: Model, reply: Any) -> Reply:
    """What a model given as an object has said, if it is a reply at all."""
    whole = isinstance(reply, Reply) and all(isinstance(part, str) for part in (reply.text, reply.version))
    if not whole or not 0 <= reply.tokens.prompt + reply.tokens.completion < _ENDLESS:
        raise ModelRefused(f"{model.name} gave something that is no reply. It must return a perdure.cot.Reply.")
    said: Reply = reply
    return said


def _broken(model: Model, error: Exception) -> ModelRefused:
    if isinstance(error, PerdureError):  # a sentence of ours: a package is missing, an address is none
        return ModelRefused(str(error))
    return ModelRefused(f"{model.name} failed with {type(error).__name__}. Try it alone: `%cot setup`")


def _spent(most: float, left: float, what: str) -> str:
    return (
        f"The call could cost ${most:.4f}, and ${max(left, 0.0):.4f} is left for {what}. "
        "Raise the budget, or ask with --apprentice."
    )
