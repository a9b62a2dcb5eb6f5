"""The cache against a model of it that is a few dictionaries: whatever is done in whatever order, both say the same."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from cot.caches import MASTER, a_question, an_answer, an_entry, check
from perdure.cot.answer import Source
from perdure.cot.cache import Ask, Cache, Entry
from perdure.cot.questions.question import Question

QUESTIONS = [a_question(f"Question {n}?", n) for n in range(6)]


@dataclass
class Row:
    """What the model knows of an entry."""

    entry: Entry
    made_of: set[str]
    good: bool = True
    pinned: bool = False


@dataclass
class Asked:
    """What the model knows of an ask."""

    question: Question
    source: Source
    entry: str
    shown: set[str] = field(default_factory=set)


class Model(RuleBasedStateMachine):
    """Two caches on one folder, used in turn, and the dictionaries that they have to agree with."""

    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.place = Path(self.folder.name)
        self.caches = [Cache.open(self.place), Cache.open(self.place)]
        self.turn = 0
        self.rows: dict[str, Row] = {}
        self.gone: dict[str, set[str]] = {}
        """Entries that were evicted, and what they were made of."""
        self.asks: dict[str, Asked] = {}
        self.forgotten: set[str] = set()
        self.vetoes: set[tuple[str, str]] = set()

    def teardown(self) -> None:
        for cache in self.caches:
            cache.close()
        self.folder.cleanup()

    @property
    def cache(self) -> Cache:
        self.turn += 1
        return self.caches[self.turn % 2]

    def expected(self, question: Question) -> str | None:
        rows = [row for row in self.rows.values() if row.good and row.entry.key == question.key]
        users = [row.entry.id for row in rows if row.entry.kind == "user"]
        masters = [row.entry.id for row in rows if row.entry.kind == "master"]
        return users[-1] if users else masters[0] if masters else None

    def lineage(self, id_: str) -> set[str]:
        reached = {id_}
        made_of = {**{one: row.made_of for one, row in self.rows.items()}, **self.gone}
        while more := {one for one, sources in made_of.items() if sources & reached} - reached:
            reached |= more
        return reached

    def reach(self, entries: set[str]) -> set[str]:
        return {
            one
            for one, ask in self.asks.items()
            if ask.entry in entries or (ask.source is Source.APPRENTICE and ask.shown & entries)
        }

    @rule(target=ids, question=st.sampled_from(QUESTIONS), answer=st.sampled_from(["a", "b"]))
    def master(self, question: Question, answer: str) -> str:
        entry = an_entry(question, answer)
        ask = Ask.of(question, an_answer(question, Source.MASTER, entry))
        assert self.cache.record(ask, entry, question.pictures)
        self.rows[entry.id] = Row(entry, set())
        self.asks[ask.answer.id] = Asked(question, Source.MASTER, entry.id)
        return entry.id

    @rule(target=ids, question=st.sampled_from(QUESTIONS), examples=st.lists(ids, max_size=2, unique=True))
    def apprentice(self, question: Question, examples: list[str]) -> str:
        known = {**{one: row.entry for one, row in self.rows.items()}}
        shown = [known[one] for one in examples if one in known]
        entry = an_entry(question, "c", kind="apprentice", model="small", derived_from=tuple(one.id for one in shown))
        ask = Ask.of(question, an_answer(question, Source.APPRENTICE, entry, *shown))
        assert self.cache.record(ask, entry, question.pictures)
        good = all(self.rows[one.id].good for one in shown)
        self.rows[entry.id] = Row(entry, {one.id for one in shown}, good)
        self.asks[ask.answer.id] = Asked(question, Source.APPRENTICE, entry.id, {one.id for one in shown})
        return entry.id

    @rule(question=st.sampled_from(QUESTIONS))
    def ask_again(self, question: Question) -> None:
        found = self.cache.exact(question.key, **MASTER)
        assert (None if found is None else found.id) == self.expected(question)
        if found is not None:
            ask = Ask.of(question, an_answer(question, Source.EXACT, found))
            assert self.cache.record(ask)
            self.asks[ask.answer.id] = Asked(question, Source.EXACT, found.id)

    @rule(question=st.sampled_from(QUESTIONS), id_=ids)
    def near(self, question: Question, id_: str) -> None:
        if id_ in self.rows:
            ask = Ask.of(question, an_answer(question, Source.NEAR, self.rows[id_].entry))
            assert self.cache.record(ask)
            self.asks[ask.answer.id] = Asked(question, Source.NEAR, id_)

    @rule(id_=consumes(ids))
    def forget_entry(self, id_: str) -> None:
        if id_ not in self.rows:
            return
        entries = self.lineage(id_)
        gone = self.cache.forget(id_)
        asks = self.reach(entries)
        assert set(gone.entries) == entries
        assert set(gone.asks) == asks
        self._drop(entries, asks)

    @rule(data=st.data())
    def forget_ask(self, data: st.DataObject) -> None:
        if not self.asks:
            return
        id_ = data.draw(st.sampled_from(list(self.asks)))
        ask = self.asks[id_]
        entries = set() if ask.source is Source.NEAR else self.lineage(ask.entry)
        gone = self.cache.forget(id_)
        assert set(gone.entries) == entries
        assert set(gone.asks) == self.reach(entries) | {id_}
        self._drop(entries, self.reach(entries) | {id_})

    def _drop(self, entries: set[str], asks: set[str]) -> None:
        self.forgotten |= entries
        for one in entries:
            self.rows.pop(one, None)
            self.gone.pop(one, None)
        for row in self.rows.values():
            row.made_of -= entries
        for made_of in self.gone.values():
            made_of.difference_update(entries)
        for id_ in asks:
            ask = self.asks.pop(id_)
            self.vetoes = {pair for pair in self.vetoes if pair != (id_, ask.entry)}

    @rule(data=st.data(), right=st.booleans())
    def wrong(self, data: st.DataObject, right: bool) -> None:
        if not self.asks:
            return
        id_ = data.draw(st.sampled_from(list(self.asks)))
        ask = self.asks[id_]
        marked = self.cache.mark_wrong(id_, "right" if right else None)
        if ask.source is Source.NEAR:
            assert marked.near == ask.entry
            self.vetoes.add((id_, ask.entry))
        else:
            for one in self.lineage(ask.entry):
                if one in self.rows:
                    self.rows[one].good = self.rows[one].pinned = False
        if right:
            for row in self.rows.values():
                if row.entry.kind == "user" and row.entry.key == ask.question.key:
                    row.good = False
            assert marked.right is not None
            self.rows[marked.right.id] = Row(marked.right, set(), pinned=True)

    @rule(id_=ids, on=st.booleans())
    def pin(self, id_: str, on: bool) -> None:
        if id_ in self.rows:
            self.cache.pin(id_, on=on)
            self.rows[id_].pinned = on

    @rule()
    def evict_all(self) -> None:
        self.cache.evict(1)
        for id_, row in list(self.rows.items()):
            if not row.pinned and row.entry.kind != "user":
                self.gone[id_] = self.rows.pop(id_).made_of

    @rule()
    def reopen(self) -> None:
        self.caches.pop(0).close()
        self.caches.append(Cache.open(self.place))

    @rule()
    def export_and_import(self) -> None:
        file = self.place / "file"
        self.cache.export(file)
        assert self.cache.import_(file).entries == 0
        file.unlink()

    @invariant()
    def same(self) -> None:
        cache = self.cache
        for question in QUESTIONS:
            found = cache.exact(question.key, **MASTER)
            assert (None if found is None else found.id) == self.expected(question)
            vetoed = {entry for id_, entry in self.vetoes if self.asks[id_].question is question}
            assert cache.wrong_for(question.key) == vetoed
        assert cache.entries(self.forgotten | set(self.rows)).keys() == self.rows.keys()
        assert {answer.id for answer in cache.log(None)} == self.asks.keys()
        rows = self.rows.values()
        asked_about = {picture.key for ask in self.asks.values() for picture in ask.question.pictures}
        kept = {key for question in QUESTIONS for key in [question.pictures[0].key] if cache.picture_size(key)}
        # The pictures of near matches aren't kept here, so a correction's may be none.
        assert {key for row in rows if row.entry.kind != "user" for key in row.entry.pictures} <= kept
        assert kept <= asked_about | {key for row in rows for key in row.entry.pictures}
        check(cache)


Model.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestModel = Model.TestCase
