"""Who is asked first, and whose answer will do: the router's part of the path, with what it needs to know of money.

After *Cache-of-Thought* (arXiv 2502.20587), section 3, whose coin falls before anybody is asked. Here the apprentice is asked where its
answer is likely to do, and the master where it isn't, or turns out not to.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from perdure.cot.asking.apprenticeship import Apprenticeship
from perdure.cot.budget import Purse
from perdure.cot.calling.work import Route, Work
from perdure.cot.judgement.router import Router, draw

if TYPE_CHECKING:
    from perdure.cot.models.model import Model

_USUAL: Final = 50
"""Questions whose mean cost is the usual one."""


class Routing:
    """Decides for the questions of one `perdure.cot.asking.path.Path`; ``audit`` is the share of checks."""

    def __init__(
        self, router: Router, apprenticeship: Apprenticeship | None, master: Model | None, audit: float
    ) -> None:
        self._router, self._apprenticeship, self._master, self._audit = router, apprenticeship, master, audit
        self._master_costs: deque[float] = deque(maxlen=_USUAL)
        self._apprentice_costs: deque[float] = deque(maxlen=_USUAL)
        self._room = 0
        """How many questions of this wave may still go to the master unasked: no more than there is money for."""

    @property
    def by_confidence(self) -> bool:
        """Whether the apprentice's confidence decides."""
        return self._router.asks_first

    def spent(self, *, master: float | None = None, apprentice: float | None = None) -> None:
        """Take note of what a question cost."""
        # What was paid before, refused or not to be had cost nothing, and says nothing of prices.
        if master:
            self._master_costs.append(master)
        if apprentice:
            self._apprentice_costs.append(apprentice)

    def begin(self, questions: int, share: float | None) -> None:
        """A wave of so many questions begins."""
        self._room = questions if share is None else round(share * questions)

    def share(self, purse: Purse, left: int | None) -> float | None:
        """The share of the questions to come that what is left pays the master for; None if nothing limits it."""
        if self._master is None:
            return 0.0
        if purse.left is None or left is None:
            return None
        if not self._master_costs:
            return None  # the first ones show what it costs
        price, own = _mean(self._master_costs), _mean(self._apprentice_costs)
        # Who decides by the apprentice's answer pays for it each time; the coin pays for one or the other.
        more = price if self._router.asks_first else price - own
        return 1.0 if more <= 0.0 else min(max(purse.left / max(left, 1) - own, 0.0) / more, 1.0)

    def first(self, work: Work, share: float | None) -> None:
        """Whether the master is asked at once: the route says so, nobody else is there, the paper's coin falls so, or the apprentice is
        hardly going to be sure enough to be worth its price.
        """
        if not work.open or work.wants_master:
            return
        if work.route in {Route.MASTER, Route.FRESH} or self._apprenticeship is None:
            work.wants_master = True
        elif work.route is not Route.AUTO or self._master is None:
            return
        elif not self._router.asks_first:
            work.wants_master = self._router.escalate(work.question.key, 0.0, share)
            work.why = "the coin fell so" if work.wants_master else ""
        elif self._hopeless(work, self._apprenticeship, share):
            self._room -= 1
            work.wants_master = work.referred = True
            work.why = "the apprentice was hardly going to be sure enough"

    def _hopeless(self, work: Work, apprenticeship: Apprenticeship, share: float | None) -> bool:
        price, own = _mean(self._master_costs), _mean(self._apprentice_costs)
        if price <= 0.0 or own <= 0.0 or self._room < 1:
            return False  # what costs nothing is asked
        if draw(work.question.key, "forecast") < self._audit:
            return False  # now and then to see whether it still is
        return apprenticeship.saving(work, self._router.line(share)) < own / price

    def decide(self, work: Work, share: float | None) -> None:
        """Whether the apprentice's answer will do."""
        if work.referred:
            self._router.sent(share)
        if work.wants_master or work.route is Route.APPRENTICE or self._master is None:
            return
        if work.apprentice is None:
            work.wants_master, work.why = True, f"the apprentice gave no answer: {work.apprentice_error}"
            self._router.sent(share)
            return
        if not self._router.asks_first:
            return
        key, confidence = work.question.key, work.confidence or 0.0
        if self._router.escalate(key, confidence, share):
            work.wants_master, work.why = True, f"the apprentice was only {confidence:.0%} sure"
        elif draw(key, "audit") < self._audit and (share is None or share > 0):
            work.wants_master = work.audited = True
            work.why = "the apprentice was checked, as it is now and then"


def _mean(costs: deque[float]) -> float:
    return sum(costs) / len(costs) if costs else 0.0
