"""One session that is killed over and over, and what must hold of it each time."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import perdure
from kill.fingerprint import fingerprints
from kill.nursery import Child, Message, Nursery

#: Acknowledgements that a life has time for, at most; it ends at some moment after the last of them.
LIFE = 7

#: Seconds after which a child is killed that has said nothing.
PATIENCE = 60.0


def values_at(history: perdure.History, commit: str) -> dict[str, str]:
    """Hashes of every variable of a version, as a child makes them of its live ones."""
    version = history.at(commit)
    names = {*version, "<random>"} - {"_", "__", "___"}
    return fingerprints({name: version[name] for name in names})


def differing(found: dict[str, str], expected: dict[str, str]) -> list[str]:
    """Names whose values are not what was acknowledged."""
    return sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))


@dataclass
class Lane:
    """A session, its present child, and everything that was ever acknowledged of it."""

    store: Path
    chance: random.Random
    nursery: Nursery
    session: str | None = None
    acknowledged: dict[str, dict[str, str]] = field(default_factory=dict)
    head: str | None = None
    kills: int = 0
    deadline: float = 0.0
    child: Child | None = None
    #: Seconds from fork to the first cell, and from one acknowledgement to the next, as they were lately.
    loading: float = 0.1
    pace: float = 0.03
    _wanted: int = 0
    _since: float = 0.0
    _moving: bool = False
    _fresh: list[str] = field(default_factory=list)

    def begin(self) -> Child:
        """Start the next life, and decide when it will end."""
        self.child = self.nursery.fork(
            "kill.life:live",
            store=str(self.store),
            session=self.session,
            seed=self.chance.randrange(1 << 30),
            sync=self.chance.random() < 0.3,
        )
        self._since = time.monotonic()
        # A quarter of the lives end in the midst of loading and restoring.
        early = self.chance.random() < 0.25
        self.deadline = self._since + (self.chance.random() * self.loading if early else PATIENCE)
        self._wanted = 0 if early else self.chance.randrange(1, LIFE)
        self._moving, self._fresh = False, []
        return self.child

    def hear(self, messages: list[Message]) -> None:
        """Note what the child has said."""
        for message in messages:
            if "session" in message:
                self.session = message["session"]
            elif "restored" in message:
                self._check_restored(message)
            elif "ready" in message:
                self.loading = self._lately(self.loading)
            elif "moving" in message:
                self._moving = True
            elif "durable" in message:
                self._note(message["durable"], message["values"])
                self.pace = self._lately(self.pace)
                self._wanted -= 1
                if self._wanted == 0:
                    self.deadline = time.monotonic() + 1.5 * self.chance.random() * self.pace

    def _lately(self, before: float) -> float:
        """Count in the time that has passed since the last message."""
        since, self._since = self._since, time.monotonic()
        return 0.7 * before + 0.3 * min(self._since - since, 1.0)

    def _note(self, commit: str, values: dict[str, str]) -> None:
        known = self.acknowledged.setdefault(commit, values)
        assert not differing(values, known), f"{commit} came back otherwise than it was acknowledged"
        self.head, self._moving = commit, False
        self._fresh.append(commit)

    def _check_restored(self, message: Message) -> None:
        assert not message["failed"], message["failed"]
        commit, values = message["restored"], message["values"]
        if commit is None:
            assert self.head is None
            return
        with self.reading() as history:
            expected = values_at(history, commit)
        lost = differing(values, expected)
        assert not lost, f"restoring {commit} brought {lost} wrong"

    def reading(self) -> Reading:
        assert self.session is not None
        return Reading(self.session, self.store)

    def kill(self) -> None:
        """End the life, and check all that it had acknowledged and some of what was before."""
        assert self.child is not None
        self.hear(self.child.kill())
        self.kills += 1
        self.child = None
        if self.session is None:
            return
        with self.reading() as history:
            self.check_head(history)
            older = list(self.acknowledged.keys() - set(self._fresh))
            self.check(history, [*dict.fromkeys(self._fresh), *self.chance.sample(older, min(len(older), 2))])

    def check_head(self, history: perdure.History) -> None:
        before, self.head = self.head, history.refs.head
        if self.head == before or self._moving:
            return
        # A cell that was not acknowledged may have become durable all the same; it comes after what was.
        assert self.head is not None, f"HEAD has gone; it was at {before}"
        line = [commit for commit, _ in history.store.ancestry(self.head)]
        assert before is None or before in line, f"HEAD is at {self.head}, which does not come after {before}"
        assert self.head not in self.acknowledged, f"HEAD went from {before} to {self.head} by itself"

    def check(self, history: perdure.History, commits: list[str]) -> None:
        """Compare every value of these commits with what was acknowledged."""
        for commit in commits:
            wrong = differing(values_at(history, commit), self.acknowledged[commit])
            assert not wrong, f"after kill {self.kills}: {wrong} of {commit} is not what was acknowledged"


@dataclass
class Reading:
    """``perdure.open``, closed again afterwards."""

    session: str
    store: Path
    _history: perdure.History | None = None

    def __enter__(self) -> perdure.History:
        self._history = perdure.open(self.session, self.store)
        return self._history

    def __exit__(self, *_: object) -> None:
        assert self._history is not None
        self._history.store.close()
