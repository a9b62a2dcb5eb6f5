"""Kept answers: the exact hit, and what never is one."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cot.caches import MASTER, a_picture, a_question, an_entry, check, child
from perdure.cot.answer import Tokens
from perdure.cot.cache import Cache, Entry, KeepImages, Standing, Vector, default_folder
from perdure.errors import StoreError, UsageError


def test_an_entry_comes_back_as_it_was(tmp_path: Path) -> None:
    asked = a_question("Which one, A or B?", 1, 2, 1, choices=["A", "B"])
    entry = an_entry(
        asked,
        "A",
        reasoning="It is larger.",
        context="the apprentice was unsure",
        cost=0.25,
        tokens=Tokens(100, 7),
        keywords=("size", "größe"),
        vector=Vector.of("clip", "3", np.linspace(-1, 1, 8)),
        expires=time.time() + 1000,
        pinned=True,
    )
    with Cache.open(tmp_path) as cache:
        assert cache.add(entry, asked.pictures)
    with Cache.open(tmp_path) as cache:
        assert cache.entry(entry.id) == entry
        assert cache.exact(asked.key, **MASTER) == replace(entry, vector=None)
        assert cache.entries([entry.id, "0" * 12]) == {entry.id: entry}
        assert entry.vector is not None
        np.testing.assert_allclose(entry.vector.array, np.linspace(-1, 1, 8), atol=1e-3)
        check(cache)


def test_only_the_same_master_and_prompt_hit(tmp_path: Path) -> None:
    asked = a_question()
    with Cache.open(tmp_path) as cache:
        cache.add(an_entry(asked))
        assert cache.exact(asked.key, master="other", prompt_version="1") is None
        assert cache.exact(asked.key, master="big", prompt_version="2") is None
        assert cache.exact(asked.key, master=None, prompt_version="1") is None
        assert cache.exact(asked.key, **MASTER, master_version="8") is None
        assert cache.exact(asked.key, **MASTER, master_version="7") is not None
        assert cache.exact(a_question("What is this?").key, **MASTER) is None
        assert cache.exact(a_question("What is it?", 1).key, **MASTER) is None


def test_an_apprentices_answer_hits_only_for_who_names_it_and_after_the_masters(tmp_path: Path) -> None:
    asked = a_question()
    with Cache.open(tmp_path) as cache:
        cache.add(an_entry(asked, "small's", model="small", kind="apprentice"))
        assert cache.exact(asked.key, **MASTER) is None
        assert cache.exact(asked.key, **MASTER, apprentice="tiny") is None
        assert cache.exact(asked.key, **MASTER, apprentice="small", apprentice_version="8") is None
        found = cache.exact(asked.key, **MASTER, apprentice="small")
        assert found is not None
        assert found.answer == "small's"
        cache.add(an_entry(asked, "big's"))
        found = cache.exact(asked.key, **MASTER, apprentice="small")
        assert found is not None
        assert found.answer == "big's"


def test_the_first_of_two_stands_for_everybody(tmp_path: Path) -> None:
    asked = a_question()
    with Cache.open(tmp_path) as one, Cache.open(tmp_path) as two:
        one.add(an_entry(asked, "first"))
        two.add(an_entry(asked, "second"))
        for cache in (one, two):
            found = cache.exact(asked.key, **MASTER)
            assert found is not None
            assert found.answer == "first"
        assert [entry.answer for entry in one.answers_to(asked.key)] == ["first", "second"]


def test_a_users_answer_wins_whoever_is_master(tmp_path: Path) -> None:
    asked = a_question()
    with Cache.open(tmp_path) as cache:
        cache.add(an_entry(asked))
        cache.add(an_entry(asked, "said first", kind="user", model="user"))
        cache.add(an_entry(asked, "said last", kind="user", model="user"))
        for master in ("big", "other", None):
            found = cache.exact(asked.key, master=master, prompt_version="9")
            assert found is not None
            assert found.answer == "said last"


def test_what_has_expired_is_no_hit(tmp_path: Path) -> None:
    asked = a_question()
    with Cache.open(tmp_path, expire_days=2) as cache:
        cache.add(an_entry(asked, "old", created=time.time() - 3 * 86_400))
        assert cache.exact(asked.key, **MASTER) is None
        cache.add(an_entry(asked, "new", created=time.time() - 86_400))
        found = cache.exact(asked.key, **MASTER)
        assert found is not None
        assert found.answer == "new"
        assert found.usable()
        assert not found.usable(time.time() + 2 * 86_400)
        correction = an_entry(asked, "mine", kind="user", created=0.0)
        cache.add(correction)
        assert cache.entry(correction.id).expires is None


def test_many_at_once_are_what_they_are_alone(tmp_path: Path) -> None:
    questions = [a_question(f"What is at {n}?") for n in range(50)]
    with Cache.open(tmp_path) as cache:
        with cache.together():
            for asked in questions[::2]:
                cache.add(an_entry(asked, asked.text))
        keys = [asked.key for asked in questions] * 2
        found = cache.exact_many(keys, **MASTER)
        assert found.keys() == {asked.key for asked in questions[::2]}
        assert all(entry == cache.exact(key, **MASTER) for key, entry in found.items())


def test_together_is_all_or_nothing(tmp_path: Path) -> None:
    asked = a_question()

    def half(cache: Cache) -> None:
        with cache.together():
            cache.add(an_entry(asked))
            raise KeyboardInterrupt

    with Cache.open(tmp_path) as cache:
        with pytest.raises(KeyboardInterrupt):
            half(cache)
        assert cache.exact(asked.key, **MASTER) is None
        assert cache.add(an_entry(asked))


def test_the_same_entry_twice_is_kept_once(tmp_path: Path) -> None:
    entry = an_entry(a_question())
    with Cache.open(tmp_path) as cache:
        assert cache.add(entry)
        assert not cache.add(entry)
        assert cache.stats().entries == 1


def test_what_was_made_of_a_wrong_answer_is_doubtful_from_the_beginning(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        example = an_entry(a_question("One?"))
        cache.add(example)
        cache.mark_wrong(example.id)
        made = an_entry(a_question("Two?"), derived_from=(example.id,))
        assert cache.add(made)
        assert cache.entry(made.id).standing is Standing.DOUBTFUL
        assert cache.exact(made.key, **MASTER) is None


def test_an_entry_is_found_by_a_beginning_of_its_id_that_no_other_has(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        cache.add(an_entry(a_question("One?"), id="abcdef000001"))
        cache.add(an_entry(a_question("Two?"), id="abcdef000002"))
        cache.add(an_entry(a_question("Three?"), id="abd000000003"))
        assert cache.entry("abd").id == "abd000000003"
        assert cache.entry(" ABCDEF000002 ").id == "abcdef000002"
        for wrong in ("abc", "", "xyz", "%", "abcdef0000020", "ac"):
            with pytest.raises(UsageError, match=r"No answer|Several"):
                cache.entry(wrong)


def test_half_of_a_surrogate_pair_is_no_obstacle(tmp_path: Path) -> None:
    asked = a_question()
    with Cache.open(tmp_path) as cache:
        assert cache.add(an_entry(asked, "cat \ud83d", reasoning="\udc00", keywords=("\ud800",)))
        found = cache.exact(asked.key, **MASTER)
        assert found is not None
        assert found.answer == "cat ?"


def test_text_is_kept_with_all_its_characters(tmp_path: Path) -> None:
    answer = "nul \0 quote ' \" <b>ü</b> \u2028 \U0001f600\n"
    asked = a_question("What 'is' it; DROP TABLE entries?")
    with Cache.open(tmp_path) as cache:
        cache.add(an_entry(asked, answer))
        found = cache.exact(asked.key, **MASTER)
        assert found is not None
        assert found.answer == answer


def test_sixteen_threads_use_one_cache(tmp_path: Path) -> None:
    wrong: list[object] = []

    def work(cache: Cache, number: int) -> None:
        try:
            for n in range(20):
                asked = a_question(f"What is {n}?", number)
                cache.add(an_entry(asked, f"{number} {n}"), asked.pictures)
                found = cache.exact(asked.key, **MASTER)
                assert found is not None
                assert found.answer == f"{number} {n}"
        except BaseException as error:
            wrong.append(error)

    with Cache.open(tmp_path) as cache:
        threads = [threading.Thread(target=work, args=(cache, number)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert cache.stats().entries == 320
        assert cache.stats().pictures == 16
        check(cache)


def test_two_processes_begin_one_cache_at_once(tmp_path: Path) -> None:
    code = """
from cot.caches import *
sys.stdin.readline()
with Cache.open(sys.argv[1]) as cache:
    for n in range(30):
        asked = a_question(f"What is {n}?", n)
        cache.add(an_entry(asked, sys.argv[2]), asked.pictures)
"""
    children = [child(code, tmp_path / "c", name) for name in ("one", "two", "three")]
    for process in children:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.wait(60) for process in children] == [0, 0, 0]
    with Cache.open(tmp_path / "c") as cache:
        assert cache.stats().entries == 90
        assert cache.stats().pictures == 30
        check(cache)


def test_the_folder_is_named_or_jupyters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("PERDURE_COT", raising=False)
    assert default_folder() == tmp_path / "data" / "perdure" / "cot"
    monkeypatch.setenv("PERDURE_COT", str(tmp_path / "named"))
    with Cache.open() as cache:
        assert cache.folder == tmp_path / "named"
    with Cache.open("") as cache:
        assert cache.folder == tmp_path / "named"
    assert (tmp_path / "named").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "named" / "cot.db").stat().st_mode & 0o777 == 0o600


def test_options_that_are_none_are_refused(tmp_path: Path) -> None:
    for options in ({"keep_images": "some"}, {"limit_bytes": 0}, {"expire_days": -1.0}):
        with pytest.raises(UsageError):
            Cache.open(tmp_path, **options)  # type: ignore[arg-type]
    assert Cache.open(tmp_path, keep_images="none").policy.keep_images is KeepImages.NONE


def test_a_closed_cache_says_so(tmp_path: Path) -> None:
    cache = Cache.open(tmp_path)
    cache.close()
    cache.close()
    with pytest.raises(StoreError, match="closed"):
        cache.stats()


def test_pinning(tmp_path: Path) -> None:
    entry: Entry = an_entry(a_question())
    with Cache.open(tmp_path) as cache:
        cache.add(entry)
        assert cache.pin(entry.id[:8]).pinned
        assert cache.entry(entry.id).pinned
        cache.pin(entry.id, on=False)
        assert not cache.entry(entry.id).pinned
        with pytest.raises(UsageError):
            cache.pin("f" * 12)


def test_a_cache_is_used_after_a_fork(tmp_path: Path) -> None:
    code = """
import os
from cot.caches import *
cache = Cache.open(sys.argv[1])
cache.add(an_entry(a_question("Before?")))
if os.fork() == 0:
    cache.add(an_entry(a_question("In the child?")))
    os._exit(0 if cache.stats().entries == 2 else 1)
_, status = os.wait()
cache.add(an_entry(a_question("After?")))
print(os.waitstatus_to_exitcode(status), cache.stats().entries)
"""
    out, _ = child(code, tmp_path).communicate(timeout=60)
    assert out.split() == ["0", "3"]


def test_pictures_go_with_their_questions(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        asked = a_question("Same?", 3, 1, 2)
        cache.add(an_entry(asked), asked.pictures)
        found = cache.exact(asked.key, **MASTER)
        assert found is not None
        assert found.pictures == tuple(a_picture(seed).key for seed in (3, 1, 2))
