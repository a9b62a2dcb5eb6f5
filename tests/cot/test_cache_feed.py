"""What the index is kept up to date by."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cot.caches import a_question, an_entry
from perdure.cot.cache import Cache, Entry, Vector


def _entry(text: str, *numbers: float, encoder: str = "clip") -> Entry:
    return an_entry(a_question(text), vector=Vector.of(encoder, "1", np.array(numbers)))


def test_an_index_follows_the_cache(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache, Cache.open(tmp_path) as other:
        assert cache.changed_since(0) == ([], [], 0)
        one, two, three, four = (_entry(f"{n}?", n, 1) for n in range(4))
        cache.add(one)
        other.add(two)
        cache.add(an_entry(a_question("No vector?")))
        added, removed, number = cache.changed_since(0)
        assert (added, removed) == ([one, two], [])
        assert number == cache.change_number()
        cache.add(three)
        other.add(four)
        cache.mark_wrong(one.id)
        cache.forget(two.id)
        assert other.changed_since(number) == ([three, four], [one.id, two.id], cache.change_number())
        cache.evict(1)
        added, removed, number = cache.changed_since(number)
        assert added == []
        assert {one.id, two.id, three.id, four.id} <= set(removed)
        assert cache.changed_since(number) == ([], [], number)


def test_changes_come_in_portions(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        entries = [_entry(f"{n}?", n) for n in range(7)]
        for entry in entries:
            cache.add(entry)
        cache.forget(entries[2].id)
        number, seen, gone = 0, [], []
        while True:
            added, removed, after = cache.changed_since(number, 2)
            if after == number:
                break
            assert len(added) + len(removed) <= 2
            seen, gone, number = seen + added, gone + removed, after
        assert seen == entries[:2] + entries[3:]
        assert gone == [entries[2].id]


def test_vectors_come_in_batches_of_one_encoder(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        entries = [_entry(f"{n}?", n, -n) for n in range(10)]
        with cache.together():
            for entry in entries:
                cache.add(entry)
            cache.add(_entry("Other?", 1, 2, 3, encoder="other"))
            cache.mark_wrong(entries[4].id)
        batches = list(cache.vectors("clip", "1", batch=4))
        assert [len(ids) for ids, _ in batches] == [4, 4, 1]
        rows = {id_: tuple(row) for ids, matrix in batches for id_, row in zip(ids, matrix, strict=True)}
        assert rows == {entry.id: (n, -n) for n, entry in enumerate(entries) if n != 4}
        assert batches[0][1].dtype == np.float32
        assert list(cache.vectors("clip", "2")) == []


def test_entries_get_vectors_of_another_encoder(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        one, two = _entry("1?", 1), an_entry(a_question("2?"))
        cache.add(one)
        cache.add(two)
        number, size = cache.change_number(), cache.content_bytes()
        assert [entry.id for entry in cache.without_vector("clip", "1")] == [two.id]
        assert [entry.id for entry in cache.without_vector("new", "1")] == [two.id, one.id]
        vector = Vector.of("new", "1", np.arange(4.0))
        cache.set_vectors({one.id: vector, two.id: vector, "0" * 12: vector})
        assert cache.without_vector("new", "1") == []
        assert cache.entry(two.id).vector == vector
        assert {entry.id for entry in cache.changed_since(number).added} == {one.id, two.id}
        assert cache.content_bytes() == size + 8 + 6


def test_another_cache_has_another_identity(tmp_path: Path) -> None:
    with Cache.open(tmp_path / "a") as one, Cache.open(tmp_path / "b") as two:
        assert one.identity != two.identity
