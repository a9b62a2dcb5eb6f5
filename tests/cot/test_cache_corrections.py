"""Forgetting an answer with all that was made of it, and saying that one is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cot.caches import MASTER, a_question, an_answer, an_entry, asked_apprentice, asked_master, check, content, hit
from perdure.cot.answer import Source
from perdure.cot.cache import Ask, Audit, Cache, Call, Standing, Vector
from perdure.cot.questions.question import Question
from perdure.errors import UsageError


def _spy(cache: Cache, ask: Ask, words: str) -> None:
    """A call and an audit of the ask, which tell what it was about."""
    cache.record_call(
        Call("master", "big", "1", cost=0.25, ask=ask.answer.id, key=ask.key, prompt=words, outcome=f"Not {words}")
    )
    cache.add_audit(Audit("near", "big", "clip", 0.5, agreed=False, kept=words, said=words, ask=ask.answer.id))
    cache.add_audit(Audit("near", "big", "clip", 0.5, agreed=True, kept=words, said=words, entry=ask.answer.entry))


def test_what_was_made_of_an_answer_goes_with_it(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        secret = a_question("Whose face is it?", 1)
        ask, entry = asked_master(cache, secret, "Secretname")
        _spy(cache, ask, "Secretname")
        again = hit(cache, secret, entry)
        near = hit(cache, a_question("Whose face is that?", 2), entry, Source.NEAR)
        made, made_entry = asked_apprentice(cache, a_question("And this?", 3), entry, answer="Secretname too")
        further, further_entry = asked_apprentice(
            cache, a_question("And that?", 4), made_entry, answer="Secretname as well"
        )
        escalated = a_question("Who else?", 5)
        kept_entry = an_entry(escalated, "nobody")
        kept = Ask.of(
            escalated, an_answer(escalated, Source.MASTER, kept_entry, entry)
        )  # the example was the apprentice's
        cache.record(kept, kept_entry, escalated.pictures)
        other, other_entry = asked_master(cache, a_question("What animal?", 6), "a cat")
        spent = cache.spent()

        gone = cache.forget(ask.answer.id)
        assert set(gone.entries) == {entry.id, made_entry.id, further_entry.id}
        assert set(gone.asks) == {one.answer.id for one in (ask, again, near, made, further)}
        assert len(gone.pictures) == 4
        left = "\n".join(content(cache))
        assert "Secretname" not in left
        assert "Whose face" not in left
        assert {answer.id for answer in cache.log(None)} == {kept.answer.id, other.answer.id}
        assert cache.answer(kept.answer.id).examples == ()
        assert cache.entries([other_entry.id, kept_entry.id]).keys() == {other_entry.id, kept_entry.id}
        assert cache.picture(escalated.pictures[0].key) == escalated.pictures[0]
        assert cache.spent() == spent == cache.stats().cost == 0.25
        assert [(audit.agreed, audit.score) for audit in cache.audits("near", "big")] == [(False, 0.5), (True, 0.5)]
        check(cache)
    for file in tmp_path.iterdir():
        assert b"Secretname" not in file.read_bytes()
        assert b"Whose face" not in file.read_bytes()


def test_what_was_made_of_an_evicted_answer_is_found_all_the_same(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        ask, entry = asked_master(cache, a_question("One?", 1))
        _, between = asked_apprentice(cache, a_question("Two?", 2), entry)
        last_ask, last = asked_apprentice(cache, a_question("Three?", 3), between)
        cache.pin(last.id)
        cache.pin(entry.id)
        cache.evict(1)
        assert cache.entries([between.id]) == {}
        gone = cache.forget(ask.answer.id)
        assert last.id in gone.entries
        assert last_ask.answer.id in gone.asks
        assert cache.stats().entries == 0
        check(cache)


def test_forgetting_a_near_match_leaves_the_answer_to_the_other_question(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        asked, nearby = a_question("What?", 1), a_question("What?", 2)
        _, entry = asked_master(cache, asked)
        near = hit(cache, nearby, entry, Source.NEAR)
        gone = cache.forget(near.answer.id)
        assert (gone.entries, gone.asks) == ((), (near.answer.id,))
        assert gone.pictures == (nearby.pictures[0].key,)
        assert cache.exact(asked.key, **MASTER) is not None


def test_what_is_under_way_can_not_bring_back_what_is_forgotten(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        ask, entry = asked_master(cache, a_question("One?", 1), "Secretname")
        late = a_question("Two?", 2)
        cache.record_call(Call("apprentice", "small", "1", cost=0.5, ask="a" * 12, key=late.key, reply="Secretname"))
        cache.forget(ask.answer.id)
        late_entry = an_entry(late, "Secretname", kind="apprentice", derived_from=(entry.id,))
        answer = an_answer(late, Source.APPRENTICE, late_entry, entry, id="a" * 12)
        assert not cache.record(Ask.of(late, answer), late_entry, late.pictures)
        assert not cache.add(late_entry)
        assert not cache.add(entry)
        again = a_question("One?", 1)
        assert cache.record_many([Ask.of(again, an_answer(again, Source.EXACT, entry))]) == 0
        masters = an_entry(late, "fine")
        assert cache.record(Ask.of(late, an_answer(late, Source.MASTER, masters, entry)), masters, late.pictures)
        assert "Secretname" not in "\n".join(content(cache))
        assert cache.spent() == 0.5
        check(cache)


def test_pictures_that_others_are_about_stay(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        first, _ = asked_master(cache, a_question("One?", 1, 2))
        asked_master(cache, a_question("Two?", 2))
        one, two = (picture.key for picture in a_question("x", 1, 2).pictures)
        assert cache.forget(first.answer.id).pictures == (one,)
        assert cache.picture(one) is None
        assert cache.picture(two) is not None


def test_an_answer_that_was_not_kept_is_forgotten_too(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        asked = a_question()
        ask = Ask.of(asked, an_answer(asked, Source.APPRENTICE))
        cache.record(ask)
        assert cache.forget(ask.answer.id[:10]).asks == (ask.answer.id,)
        with pytest.raises(UsageError):
            cache.forget(ask.answer.id)


def _pair(cache: Cache) -> tuple[Question, Ask, str]:
    asked = a_question("What?", 1)
    ask, entry = asked_master(cache, asked, "a cat")
    return asked, ask, entry.id


def test_a_wrong_answer_is_no_hit_and_the_right_one_is(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        asked = a_question("What?", 1)
        ask, entry = asked_master(cache, asked, "a cat", vector=Vector("clip", "1", b"\0\1" * 4))
        again = hit(cache, asked, entry)
        near = hit(cache, a_question("What?", 2), entry, Source.NEAR)
        made, made_entry = asked_apprentice(cache, a_question("Who?", 3), entry)
        marked = cache.mark_wrong(ask.answer.id, " a dog ")
        assert marked.wrong == (entry.id,)
        assert marked.doubtful == (made_entry.id,)
        assert set(marked.wrong_asks) == {ask.answer.id, again.answer.id}
        assert set(marked.doubtful_asks) == {near.answer.id, made.answer.id}
        assert cache.ask(again.answer.id).standing is Standing.WRONG
        assert cache.ask(made.answer.id).standing is Standing.DOUBTFUL
        assert cache.entry(made_entry.id).standing is Standing.DOUBTFUL
        found = cache.exact(asked.key, **MASTER)
        assert found is not None
        assert cache.entry(found.id) == marked.right
        assert (found.answer, found.kind, found.model, found.pinned) == ("a dog", "user", "user", True)
        assert cache.entry(found.id).vector == entry.vector
        assert cache.exact(a_question("Who?", 3).key, **MASTER, apprentice="small") is None


def test_a_wrong_answer_alone(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        asked, ask, entry = _pair(cache)
        cache.pin(entry)
        assert cache.mark_wrong(entry).wrong == (entry,)
        assert cache.exact(asked.key, **MASTER) is None
        assert not cache.entry(entry).pinned
        assert cache.mark_wrong(ask.answer.id).wrong == ()  # it was already
        asked_master(cache, asked, "a dog")
        found = cache.exact(asked.key, **MASTER)
        assert found is not None
        assert found.answer == "a dog"


def test_a_second_correction_replaces_the_first(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        asked, ask, _ = _pair(cache)
        first = cache.mark_wrong(ask.answer.id, "a dog").right
        second = cache.mark_wrong(ask.answer.id, "a fox").right
        assert first is not None
        assert second is not None
        found = cache.exact(asked.key, **MASTER)
        assert found is not None
        assert found.answer == "a fox"
        assert cache.entry(first.id).wrong
        third = cache.mark_wrong(second.id)
        assert third.wrong == (second.id,)
        assert cache.exact(asked.key, **MASTER) is None


def test_a_wrong_near_match_is_wrong_for_that_question_alone(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        asked, _, entry = _pair(cache)
        nearby = a_question("What?", 2)
        near = hit(cache, nearby, cache.entry(entry), Source.NEAR)
        marked = cache.mark_wrong(near.answer.id)
        assert (marked.near, marked.wrong, marked.wrong_asks) == (entry, (), (near.answer.id,))
        assert cache.wrong_for(nearby.key) == {entry}
        assert cache.wrong_for(asked.key) == frozenset()
        assert cache.exact(asked.key, **MASTER) is not None
        cache.mark_wrong(near.answer.id, "a dog")
        found = cache.exact(nearby.key, **MASTER)
        assert found is not None
        assert found.answer == "a dog"
        assert found.pictures == (nearby.pictures[0].key,)


def test_an_answer_that_was_not_kept_can_be_wrong(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        asked = a_question("Which?", 1, choices=["A", "B"])
        ask = Ask.of(asked, an_answer(asked, Source.APPRENTICE))
        cache.record(ask)
        cache.record_call(Call("master", "big", "7", key=asked.key, prompt="p", reply="A"))
        marked = cache.mark_wrong(ask.answer.id, "B")
        assert marked.wrong_asks == (ask.answer.id,)
        found = cache.exact(asked.key, **MASTER)
        assert found is not None
        assert (found.answer, found.choices, found.normal) == ("B", ("A", "B"), asked.normal)
        assert cache.paid_reply(asked.key, model="big", version="7", prompt="p") is None


def test_a_wrong_answer_does_not_come_back_when_it_has_been_evicted(tmp_path: Path) -> None:
    with Cache.open(tmp_path / "a") as cache, Cache.open(tmp_path / "b") as other:
        asked, ask, _ = _pair(cache)
        cache.export(tmp_path / "file")
        cache.evict(1)
        cache.mark_wrong(ask.answer.id)
        assert cache.import_(tmp_path / "file").entries == 0
        assert cache.exact(asked.key, **MASTER) is None
        assert other.import_(tmp_path / "file").entries == 1


def test_an_empty_correction_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        asked, ask, _ = _pair(cache)
        with pytest.raises(UsageError):
            cache.mark_wrong(ask.answer.id, "  ")
        assert cache.exact(asked.key, **MASTER) is not None


@pytest.mark.parametrize(
    ("form", "answer", "refused", "has_to_be", "fits"),
    [
        ({"format": "bool"}, "yes", "maybe", "yes or no", "no"),
        ({"format": "number"}, "3", "lots", "a number", "4"),
        ({"choices": ("circle", "square")}, "circle", "hexagon", "one of circle, square", "square"),
    ],
)
def test_what_is_right_has_the_questions_form(
    tmp_path: Path, form: dict[str, Any], answer: str, refused: str, has_to_be: str, fits: str
) -> None:
    """Else it could never be given, and the question would be paid for each time."""
    with Cache.open(tmp_path) as cache:
        asked = a_question("What is it?", 1, **form)
        ask, entry = asked_master(cache, asked, answer)
        with pytest.raises(UsageError, match=has_to_be):
            cache.mark_wrong(ask.answer.id, refused)
        assert not cache.entries([entry.id])[entry.id].wrong
        right = cache.mark_wrong(ask.answer.id, fits).right
        assert right is not None
        kept = cache.exact(asked.key, **MASTER)
        assert kept is not None
        assert kept.answer == fits
        check(cache)
