"""Eviction: what goes first, what never goes; expiry."""

from __future__ import annotations

import time
from pathlib import Path

from cot.caches import MASTER, a_question, an_answer, an_entry, asked_master, check, hit
from perdure.cot.answer import Source
from perdure.cot.cache import Ask, Cache
from perdure.cot.cache.eviction import value

DAY = 86_400.0


def test_the_worth_of_a_byte() -> None:
    assert value(0.01, 0, 0.0, 1000) == 1e-5
    assert value(0.01, 3, 0.0, 1000) == 4e-5
    assert value(0.01, 0, 30 * DAY, 1000) == 5e-6
    assert value(0.01, 0, 0.0, 2000) == 5e-6
    assert value(0.0, 0, 0.0, 1000) == value(0.0001, 0, -5.0, 1000)


def test_the_least_worth_goes_first(tmp_path: Path) -> None:
    now = time.time()
    with Cache.open(tmp_path) as cache:
        cheap = an_entry(a_question("Cheap?", 1), cost=0.001)
        dear = an_entry(a_question("Dear?", 2), cost=1.0)
        old = an_entry(a_question("Old?", 3), cost=1.0, created=now - 100 * DAY)
        used = an_entry(a_question("Used?", 4), cost=0.001, uses=5000, used=now)
        for entry, seed in ((dear, 2), (cheap, 1), (old, 3), (used, 4)):
            cache.add(entry, a_question("x", seed).pictures)
        order = []
        while cache.stats().entries:
            cache.evict(cache.content_bytes() - 1)
            left = cache.entries([one.id for one in (cheap, dear, old, used)])
            order.append({one.text for one in left.values()})
        assert order == [{"Dear?", "Old?", "Used?"}, {"Dear?", "Used?"}, {"Used?"}, set()]
        check(cache)


def test_the_limit_holds_while_entries_come(tmp_path: Path) -> None:
    with Cache.open(tmp_path, limit_bytes=100_000) as cache:
        for n in range(60):
            asked = a_question(f"What is {n}?", n)
            assert cache.add(an_entry(asked), asked.pictures)
            assert cache.content_bytes() <= 100_000
            assert cache.exact(asked.key, **MASTER) is not None
        assert 10 < cache.stats().entries < 60
        assert cache.stats().pictures == cache.stats().entries
        check(cache)


def test_what_an_ask_has_just_added_stays_though_it_is_too_large(tmp_path: Path) -> None:
    with Cache.open(tmp_path, limit_bytes=2_000) as cache:
        asked = a_question("Large?", 1, 2, 3)
        _, entry = asked_master(cache, asked)
        assert cache.exact(asked.key, **MASTER) is not None
        assert cache.picture(asked.pictures[2].key) == asked.pictures[2]
        made = an_entry(a_question("Made of it?", 4), derived_from=(entry.id,))
        cache.add(made, a_question("x", 4).pictures)
        assert cache.entries([entry.id, made.id]).keys() == {entry.id, made.id}
        cache.add(an_entry(a_question("Small?", 5)))
        assert cache.entries([entry.id, made.id]) == {}


def test_pinned_ones_and_the_users_stay(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        pinned = an_entry(a_question("Pinned?", 1), pinned=True)
        users = an_entry(a_question("Mine?", 2), kind="user")
        other = an_entry(a_question("Other?", 3))
        for entry in (pinned, users, other):
            cache.add(entry)
        assert cache.evict(1).entries == 1
        assert cache.entries([pinned.id, users.id, other.id]).keys() == {pinned.id, users.id}


def test_wrong_ones_go_before_good_ones(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        wrong = an_entry(a_question("Wrong?", 1), cost=5.0)
        good = an_entry(a_question("Good?", 2), cost=0.0)
        cache.add(wrong)
        cache.add(good)
        cache.mark_wrong(wrong.id)
        cache.evict(cache.content_bytes() - 1)
        assert cache.entries([wrong.id, good.id]).keys() == {good.id}


def test_a_picture_goes_with_its_last_entry_and_its_size_stays_for_the_ledger(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        asked, shared = a_question("Asked?", 1, 2), a_question("Shared?", 2)
        asked_master(cache, asked)
        cache.add(an_entry(shared, pinned=True))
        evicted = cache.evict(1)
        assert (evicted.entries, evicted.pictures) == (1, 1)
        one, two = asked.pictures
        assert cache.picture(one.key) is None
        assert cache.picture_size(one.key) == (40, 30)
        assert cache.picture(two.key) == two
        check(cache)


def test_pictures_of_the_ledger_alone_go_first_but_not_those_of_asks_under_way(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        _, entry = asked_master(cache, a_question("One?", 1))
        near = hit(cache, a_question("One?", 2), entry, Source.NEAR)
        under_way = a_question("Now?", 3)
        cache.keep_pictures(under_way.pictures)
        with cache._database.transaction() as connection:
            connection.execute("UPDATE pictures SET added = added - 7200 WHERE key = ?", near.answer.pictures)
        cache.evict(cache.content_bytes() - 1)
        assert cache.picture(near.answer.pictures[0]) is None
        assert cache.picture(under_way.pictures[0].key) is not None
        assert cache.stats().entries == 1


def test_the_disk_gets_its_room_back(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        for n in range(40):
            asked = a_question("Large?", n)
            cache.add(an_entry(asked, "x" * 20_000), asked.pictures)
        cache.evict(10**9)
        before = cache.stats().disk
        evicted = cache.evict(100_000)
        assert evicted.bytes > 500_000
        assert cache.stats().disk < before / 3


def test_what_has_expired_goes_unless_it_is_pinned(tmp_path: Path) -> None:
    now = time.time()
    with Cache.open(tmp_path, expire_days=1) as cache:
        old = an_entry(a_question("Old?"), created=now - 2 * DAY)
        pinned = an_entry(a_question("Pinned?"), created=now - 2 * DAY, pinned=True)
        cache.add(pinned)
        cache.add(old)
        young = an_entry(a_question("Young?"))
        cache.add(young)
        assert cache.evict().entries == 1
        assert cache.entries([old.id, pinned.id, young.id]).keys() == {pinned.id, young.id}
        assert cache.exact(pinned.key, **MASTER) is None


def test_two_that_evict_at_once_do_not_evict_twice_as_much(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as one, Cache.open(tmp_path) as two:
        for n in range(50):
            one.add(an_entry(a_question(f"{n}?")))
        limit = one.content_bytes() // 2
        plan = two._plan(())
        one.evict(limit)
        left = one.stats().entries
        two._drop(plan, int(limit * 0.95))
        assert two.stats().entries == left


def test_the_ledger_survives_eviction(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        asked = a_question()
        ask, entry = asked_master(cache, asked)
        cache.evict(1)
        assert cache.answer(ask.answer.id).text == "a cat"
        assert cache.record(Ask.of(asked, an_answer(asked, Source.EXACT, entry)))  # was under way
        assert cache.stats().asks == {"master": 1, "exact": 1}
