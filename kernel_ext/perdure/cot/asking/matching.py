"""Near matches for the questions of a `perdure.cot.Cot`: candidates from the index, compared in words and pictures, decided under the bound."""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Final

from perdure.cot.cache import Cache, Entry, Kind
from perdure.cot.judgement.likeness import Likeness, Look, likeness, worst
from perdure.cot.judgement.match import Match
from perdure.cot.judgement.near import Calibration, score
from perdure.cot.judgement.wording import compare
from perdure.cot.questions.prompting import PROMPT_VERSION
from perdure.cot.replies.parsing import parse, same
from perdure.errors import UnusableReply

if TYPE_CHECKING:
    from perdure.cot.asking.library import Library, Neighbour
    from perdure.cot.calling.work import Said, Work
    from perdure.cot.picture import Picture

MEASURE: Final = "likeness-1"
"""What the scores of audits were made by. Another measure's audits say nothing of this one's."""

_CANDIDATES: Final = 6
_LOOKS: Final = 512
"""Pictures that are kept ready to be compared."""
_ALIKE: Final = Likeness(0.0, 0.0, 0.0, 0.0, 0.0, mirrored=False)
"""Of two questions without pictures."""


class Matching:
    """Finds and decides. Used by one thread at a time."""

    def __init__(self, library: Library, cache: Cache, calibration: Calibration, master: str) -> None:
        self._library, self._cache, self._master = library, cache, master
        self.calibration = calibration
        self._looks: OrderedDict[str, Look | None] = OrderedDict()
        self._turns: Counter[str] = Counter()

    def best(self, work: Work) -> Match | None:
        """The most promising kept answer; None where nothing is near enough to be considered."""
        best: tuple[float, Neighbour] | None = None
        wrong = self._cache.wrong_for(work.question.key)
        for one in self._library.nearest(work, _CANDIDATES):
            if one.entry.id in wrong or not self._serves(one.entry, work):
                continue
            wording = compare(work.question.text, one.entry.text)
            if not wording:
                continue
            found = score(self._likeness(work, one.entry), wording)
            if best is None or found > best[0]:
                best = found, one
        if best is None or best[0] == 0.0:
            return None
        key = work.question.key
        decision = self.calibration.decide(best[0], key, self._turns[key])
        self._turns[key] += 1
        return Match(
            best[1].entry,
            best[0],
            best[1].similarity,
            decision.accept,
            decision.audit,
            decision.bound,
            decision.why,
        )

    def learn(self, work: Work, match: Match, master: Said) -> bool:
        """Take in what the master said where a near match was checked; whether the two agreed."""
        try:
            agreed = same(parse(match.entry.answer, work.question), master.value, work.question)
        except UnusableReply:
            agreed = False
        self.calibration.learn(match.score, agreed=agreed)
        return agreed

    def _serves(self, entry: Entry, work: Work) -> bool:
        asked = work.question
        if (entry.format, entry.choices, entry.schema) != (asked.format, asked.choices, asked.schema):
            return False
        own = entry.kind is Kind.MASTER and entry.model == self._master and entry.prompt_version == PROMPT_VERSION
        return own or entry.kind is Kind.USER

    def _likeness(self, work: Work, entry: Entry) -> Likeness | None:
        """What differs between the pictures; None where that can't be told."""
        asked = work.question.pictures
        if len(asked) != len(entry.pictures):
            return None
        pairs = []
        for picture, kept in zip(asked, entry.pictures, strict=True):
            other = self._look(kept, None)
            own = self._look(picture.key, picture)
            if own is None or other is None:
                return None
            pairs.append(likeness(own, other))
        return worst(pairs) if pairs else _ALIKE

    def _look(self, key: str, picture: Picture | None) -> Look | None:
        if self._looks.get(key) is None:
            shown = picture if picture is not None else self._cache.thumbnail(key)
            self._looks[key] = None if shown is None else Look.of(shown)
        self._looks.move_to_end(key)
        while len(self._looks) > _LOOKS:
            self._looks.popitem(last=False)
        return self._looks[key]
