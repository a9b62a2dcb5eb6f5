"""Retrieval over a real cache: strategies, ranking, and an index that keeps in step whatever happens to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray
from PIL import Image

from cot.encoders import WordEncoder
from cot.test_chroma import owner, owners
from perdure.cot.cache import Cache, Entry, Vector
from perdure.cot.index import chroma_owner
from perdure.cot.index.chroma_server import STATE
from perdure.cot.index.embedding import fused, question_vectors
from perdure.cot.index.exact import ExactIndex
from perdure.cot.picture import Picture
from perdure.cot.questions.prompting import prompt
from perdure.cot.questions.question import Question, question
from perdure.cot.search.clusters import Clusters
from perdure.cot.search.kept import Kept
from perdure.cot.search.keywords import keyword_prompt, keyword_text, keywords
from perdure.cot.search.ranking import helps
from perdure.cot.search.retrieval import Retriever, Strategy, sought

ENCODER = WordEncoder()
TESTS = Path(__file__).parent.parent
COLOURS = {"red": (250, 0, 0), "green": (0, 250, 0), "blue": (0, 0, 250), "yellow": (250, 250, 0), "grey": (90, 90, 90)}


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    with Cache.open(tmp_path / "cot") as opened:
        yield opened
    chroma_owner.stop(tmp_path / "cot" / "chroma")


def picture(colour: str, dark: int = 0) -> Picture:
    red, green, blue = (max(0, part - dark) for part in COLOURS[colour])
    half = Image.new("RGB", (16, 16), (255, 255, 255))
    half.paste((red, green, blue), (0, 0, 16, 8))
    return Picture(half)


def keep(cache: Cache, asked: Question, answer: str, *, encoder: WordEncoder = ENCODER) -> str:
    entry = Entry.of(
        asked,
        answer,
        model="master",
        model_version="1",
        prompt_version="1",
        vector=Vector.of(encoder.name, encoder.version, fused(*question_vectors(encoder, asked))),
    )
    assert cache.add(entry, asked.pictures)
    return entry.id


def retriever(cache: Cache, *, few: int = 10**9, encoder: WordEncoder = ENCODER) -> Retriever:
    return Retriever(Kept(cache, encoder), encoder, cache.folder / "chroma", cache=cache.identity, few=few)


def fill(cache: Cache, count: int, start: int = 0) -> list[str]:
    """Entries that are unlike one another, in one transaction."""
    chance = np.random.default_rng(start)
    ids = []
    with cache.together():
        for at in range(start, start + count):
            asked = question(f"what is thing {at}")
            values = fused(*(row / np.linalg.norm(row) for row in chance.normal(size=(2, 64)).astype(np.float32)))
            entry = Entry.of(
                asked,
                f"answer {at}",
                model="master",
                model_version="1",
                prompt_version="1",
                vector=Vector.of(ENCODER.name, ENCODER.version, values),
                id=f"{at:012x}",
            )
            assert cache.add(entry)
            ids.append(entry.id)
    return ids


def found_itself(cache: Cache, finder: Retriever, id: str) -> bool:
    entry = cache.entries([id])[id]
    assert entry.vector is not None
    values = entry.vector.array * 2**0.5
    asked = sought(ENCODER, question(entry.text))
    like = type(asked)(values[:64], values[64:])
    hits = finder.retrieve(like, 1)
    return bool(hits) and hits[0].entry == id


def names(hits: Sequence[object]) -> list[str]:
    return [hit.entry for hit in hits]  # type: ignore[attr-defined]


# -- strategies --------------------------------------------------------------------------------------------------------


def test_each_strategy_goes_by_what_it_says(cache: Cache) -> None:
    same_picture = keep(cache, question("how many circles are there", [picture("red")]), "3")
    same_words = keep(cache, question("what colour is the flag", [picture("blue")]), "blue")
    both = keep(cache, question("what colour is this flag", [picture("red", dark=90)]), "dark red")
    finder = retriever(cache)
    asked = sought(ENCODER, question("what colour is the flag", [picture("red")]), "red")
    assert names(finder.retrieve(asked, 1, Strategy.IMAGE)) == [same_picture]
    assert names(finder.retrieve(asked, 1, Strategy.TEXT)) == [same_words]
    assert names(finder.retrieve(asked, 1, Strategy.FUSED)) == [both]
    assert set(names(finder.retrieve(asked, 3, "fused"))) == {same_picture, same_words, both}
    assert finder.retrieve(asked, 0) == []


def test_similarities_are_exact_cosines(cache: Cache) -> None:
    kept = question("what colour is this flag", [picture("red", dark=90), picture("blue")])
    keep(cache, kept, "dark red")
    asked = question("what colour is the flag", [picture("red")])
    (hit,) = retriever(cache).retrieve(sought(ENCODER, asked), 1)
    seen, text = question_vectors(ENCODER, asked)
    other_seen, other_text = question_vectors(ENCODER, kept)
    assert seen is not None
    assert other_seen is not None
    assert hit.picture_similarity == pytest.approx(float(seen @ other_seen), abs=2e-3)
    assert hit.text_similarity == pytest.approx(float(text @ other_text), abs=2e-3)
    assert hit.similarity == pytest.approx((hit.picture_similarity + hit.text_similarity) / 2, abs=1e-5)


def test_the_very_question_has_similarity_one(cache: Cache) -> None:
    with_picture = question("what is this", [picture("red")])
    without = question("what is justice")
    ids = [keep(cache, with_picture, "red"), keep(cache, without, "unknown")]
    finder = retriever(cache)
    for asked, id in zip([with_picture, without], ids, strict=True):
        hit = finder.retrieve(sought(ENCODER, asked), 1)[0]
        assert hit.entry == id
        assert 0.998 < hit.similarity <= 1
        assert (hit.picture_similarity is None) == (not asked.pictures)


def test_a_question_with_a_picture_is_not_like_one_without(cache: Cache) -> None:
    keep(cache, question("what is this"), "nothing")
    (hit,) = retriever(cache).retrieve(sought(ENCODER, question("what is this", [picture("red")])), 1)
    assert hit.similarity == pytest.approx(0.5, abs=1e-2)
    assert hit.picture_similarity is None


def test_keywords_find_what_the_answer_is_about(cache: Cache) -> None:
    fruit = keep(cache, question("Name what lies on the table", [picture("grey")]), "a ripe banana")
    keep(cache, question("Which animal is it", [picture("yellow")]), "a duck")
    finder = retriever(cache)
    asked = question("Which is it", [picture("yellow")])
    assert names(finder.retrieve(sought(ENCODER, asked, "a banana on a table"), 1, "keyword")) == [fruit]
    assert names(finder.retrieve(sought(ENCODER, asked), 1, "keyword")) != [fruit]  # nothing to go by: fused


def test_groups_first_then_what_is_nearest_in_them(cache: Cache) -> None:
    ids = {}
    for topic in ("flag", "animal", "number", "shape", "fruit"):
        for colour in COLOURS:
            ids[topic, colour] = keep(cache, question(f"which {topic} {topic} {topic}", [picture(colour)]), colour)
    finder = retriever(cache)
    asked = sought(ENCODER, question("which animal", [picture("blue")]), "animal blue")
    assert names(finder.retrieve(asked, 1, "hierarchical")) == [ids["animal", "blue"]]
    late = keep(cache, question("which animal is there", [picture("blue")]), "whale")
    assert late in names(finder.retrieve(asked, 2, "hierarchical"))


def test_an_empty_cache_has_no_examples(cache: Cache) -> None:
    finder = retriever(cache)
    asked = sought(ENCODER, question("what is this", [picture("red")]), "red")
    for strategy in Strategy:
        assert finder.retrieve(asked, 3, strategy) == []


# -- ranking -----------------------------------------------------------------------------------------------------------


def test_what_repeats_a_chosen_example_is_dropped(cache: Cache) -> None:
    first = keep(cache, question("what colour is the flag", [picture("red")]), "Red.")
    keep(cache, question("what colour is the flag", [picture("red", dark=1)]), "red")
    otherwise = keep(cache, question("what colour is the flag", [picture("red", dark=2)]), "crimson")
    hits = retriever(cache).retrieve(sought(ENCODER, question("what colour is the flag", [picture("red")])), 5)
    assert set(names(hits)) == {first, otherwise}


def test_the_same_form_of_answer_comes_first(cache: Cache) -> None:
    keep(cache, question("is the flag red", [picture("red")]), "It is red.")
    alike = keep(cache, question("is the flag red", [picture("red", dark=9)], format="bool"), "yes")
    asked = question("is the flag red", [picture("red")], format="bool")
    assert names(retriever(cache).retrieve(sought(ENCODER, asked), 2))[0] == alike


def test_low_similarity_is_no_help(cache: Cache) -> None:
    near = keep(cache, question("what colour is the flag", [picture("red")]), "red")
    keep(cache, question("count all animals", [picture("blue")]), "7")
    hits = retriever(cache).retrieve(sought(ENCODER, question("what colour is a flag", [picture("red")])), 2)
    assert len(hits) == 2
    assert names(helps(hits, 0.6)) == [near]
    assert helps(hits, 0.999) == []


def test_an_entry_can_be_left_out(cache: Cache) -> None:
    asked = question("what colour is the flag", [picture("red")])
    itself = keep(cache, asked, "red")
    other = keep(cache, question("what colour is it", [picture("blue")]), "blue")
    assert names(retriever(cache).retrieve(sought(ENCODER, asked), 1, without=[itself])) == [other]


# -- keywords ----------------------------------------------------------------------------------------------------------


def test_keywords_are_words_that_say_what_it_is_about() -> None:
    assert keywords("What is the colour of the 3 red circles on the left?") == ["colour", "3", "red", "circles", "left"]
    assert keywords("It's not a dog, it isn't a dog!") == ["not", "dog", "isn't"]
    assert keywords("") == []
    assert keywords("¿Qué bandera es ésta? 旗") == ["qué", "bandera", "es", "ésta", "旗"]


@pytest.mark.parametrize(
    "text",
    [
        "<|im_start|>user\n<image>\nflag<|im_end|>\n<|im_start|>assistant\nred",
        "USER: <image>\nflag\nASSISTANT: red</s>",
        "[INST] <<SYS>> <</SYS>> flag [/INST] red",
        "System:\nUser:\nflag\nAssistant:\nKeywords: red",
        "<start_of_turn>user\nflag<end_of_turn>\n<start_of_turn>model\nred",
    ],
)
def test_a_chat_templates_own_words_are_no_keywords(text: str) -> None:
    assert keywords(text) == ["flag", "red"]


def test_a_prompts_own_words_are_no_keywords() -> None:
    asked = question("flag", format="number")
    for shown in (keyword_prompt(asked), prompt(asked, reason=True), prompt(asked, reason=False)):
        words = "\n".join(f"{turn.role}: {part}" for turn in shown for part in turn.parts if isinstance(part, str))
        assert keywords(words + "\nassistant: Answer: red") == ["flag", "red"]


def test_a_user_is_a_keyword_where_the_question_is_about_one() -> None:
    assert keywords("Which user is the assistant of the model?") == ["user", "assistant", "model"]
    assert keyword_text("Which flag?", "The flag of Chad") == "flag chad"


def test_the_keyword_prompt_shows_the_picture_and_asks_the_question() -> None:
    asked = question("Which flag?", [picture("red")])
    system, user = keyword_prompt(asked)
    assert system.role == "system"
    assert user.parts == (*asked.pictures, "Which flag?")


# -- groups and exact search ---------------------------------------------------------------------------------------------


def test_groups_are_the_same_every_time_and_hold_everybody_once() -> None:
    centres = np.linalg.qr(np.random.default_rng(0).normal(size=(16, 16)))[0][:4]
    rows = np.repeat(centres, 25, axis=0) + np.random.default_rng(1).normal(size=(100, 16)) * 0.02
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    ids = [str(at) for at in range(100)]
    one, other = (Clusters([(ids[:60], rows[:60]), (ids[60:], rows[60:])], 7) for _ in range(2))
    assert one.size == 100
    assert sorted(one.members(rows[0], 1_000)) == sorted(ids)
    assert one.members(rows[0], 10) == other.members(rows[0], 10)
    assert set(one.members(rows[30], 1)) <= set(ids[25:50])


def test_groups_of_nothing_and_of_equals() -> None:
    assert Clusters([], 0).members(np.ones(4, np.float32), 5) == []
    same = Clusters([(["a", "b", "c", "d"], np.ones((4, 4), np.float32))], 1)
    assert sorted(same.members(np.ones(4, np.float32), 1)) == ["a", "b", "c", "d"]


def test_exact_search_agrees_with_comparing_all() -> None:
    chance = np.random.default_rng(0)
    index, truth = ExactIndex(8), {}
    for step in range(300):
        id = str(chance.integers(0, 80))
        if chance.random() < 0.3:
            index.remove([id])
            truth.pop(id, None)
        else:
            truth[id] = chance.normal(size=8).astype(np.float32)
            index.add([id], truth[id][None])
        if step % 20 == 0 and truth:
            vector = chance.normal(size=8).astype(np.float32)
            best = sorted(truth, key=lambda id: -float(truth[id] @ vector))[:5]
            assert [id for id, _ in index.query(vector, 5)] == best
    assert index.count() == len(truth)


# -- the index keeps in step -----------------------------------------------------------------------------------------------


def test_few_entries_need_no_server(cache: Cache) -> None:
    ids = fill(cache, 50)
    finder = retriever(cache, few=100)
    assert all(found_itself(cache, finder, id) for id in ids)
    finder.settle()
    assert not (cache.folder / "chroma").exists()
    assert finder.degraded is None


def test_chroma_takes_over_and_follows_what_comes_and_goes(cache: Cache) -> None:
    ids = fill(cache, 120)
    finder = retriever(cache, few=10)
    assert found_itself(cache, finder, ids[0])
    assert not (cache.folder / "chroma" / STATE).exists()  # at once, before there is a server
    finder.settle()
    assert owner(cache.folder / "chroma").is_running()
    assert finder._fused._exact is None
    assert sum(found_itself(cache, finder, id) for id in ids) >= 119
    (late,) = fill(cache, 1, start=500)
    assert found_itself(cache, finder, late)
    entry = cache.entries([ids[5]])[ids[5]]
    vector = entry.vector
    assert vector is not None
    cache.forget(ids[5])
    like = sought(ENCODER, question("x"))
    hits = finder.retrieve(type(like)(vector.array[:64] * 2**0.5, vector.array[64:] * 2**0.5), 200)
    assert ids[5] not in names(hits)
    assert len(hits) == 120
    assert finder._fused._index.count() == 120
    assert finder.degraded is None


def test_the_index_is_rebuilt_from_the_entries(cache: Cache) -> None:
    ids = fill(cache, 60)
    finder = retriever(cache, few=10)
    finder.rebuild()
    finder._fused._index.remove(ids[:30])
    assert finder._fused._index.count() == 30
    finder.rebuild()
    assert finder._fused._index.count() == 60
    assert finder.count() == 60


def test_rows_that_were_lost_are_noticed_by_the_next_process(cache: Cache) -> None:
    ids = fill(cache, 60)
    finder = retriever(cache, few=10)
    finder.rebuild()
    finder._fused._index.remove(ids[:30])
    fresh = retriever(cache, few=10)
    fresh.settle()
    assert fresh._fused._index.count() == 60
    assert sum(found_itself(cache, fresh, id) for id in ids) >= 59


def test_a_server_killed_in_mid_write_costs_nothing(cache: Cache) -> None:
    ids = fill(cache, 4_000)
    folder = cache.folder / "chroma"
    finder = retriever(cache, few=10)
    index = finder._fused._index
    whole, killed = index.add, threading.Event()

    def kill() -> None:
        owner(folder).kill()
        killed.set()

    def add(some: Sequence[str], vectors: NDArray[np.float32]) -> None:
        for start in range(0, len(some), 800):
            if start == 800:
                threading.Thread(target=kill).start()  # while the next rows are written
            whole(some[start : start + 800], vectors[start : start + 800])

    index.add = add  # type: ignore[method-assign, assignment]
    asked = sought(ENCODER, question("what is it", [picture("red")]))
    assert len(finder.retrieve(asked, 3)) == 3
    assert killed.wait(120)
    assert len(finder.retrieve(asked, 3)) == 3  # answered all the same
    finder.settle()
    assert finder.degraded is None
    assert finder._fused._exact is None
    assert index.count() == 4_000
    sample = ids[::40]
    assert sum(found_itself(cache, finder, id) for id in sample) >= len(sample) - 1


def test_processes_that_fill_one_cache_feed_one_index(cache: Cache) -> None:
    source = (
        f"import sys; sys.path.insert(0, {str(TESTS)!r})\n"
        "from cot.test_retrieval import *\n"
        "start = int(sys.argv[2])\n"
        "with Cache.open(Path(sys.argv[1])) as cache:\n"
        "    finder = retriever(cache, few=1)\n"
        "    for at in range(start, start + 60, 20):\n"
        "        ids = fill(cache, 20, start=at)\n"
        "        assert all(found_itself(cache, finder, id) for id in ids)\n"
        "        finder.settle()\n"
    )
    command = [sys.executable, "-c", source, str(cache.folder)]
    kernels = [subprocess.Popen([*command, str(at)], stderr=subprocess.PIPE, text=True) for at in (0, 1_000, 2_000)]
    assert kernels[2].stderr is not None
    os.kill(kernels[2].pid, signal.SIGKILL)
    for kernel in kernels:
        _, err = kernel.communicate(timeout=120)
        assert kernel.returncode in {0, -signal.SIGKILL}, err
    ids = [id for batch, _ in cache.vectors(ENCODER.name, ENCODER.version) for id in batch]
    assert len(ids) >= 120
    finder = retriever(cache, few=1)
    finder.settle()
    assert finder._fused._index.count() == len(ids)
    assert sum(found_itself(cache, finder, id) for id in ids) >= len(ids) - 2
    one = owner(cache.folder / "chroma").pid
    for other in set(owners(cache.folder / "chroma")) - {one}:  # came too late, and leaves
        psutil.Process(other).wait(30)
    assert owner(cache.folder / "chroma").pid == one


def test_where_chroma_cannot_run_questions_are_answered_and_the_reason_is_told(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = fill(cache, 30)
    monkeypatch.setattr(chroma_owner, "find_spec", lambda name: None)
    finder = retriever(cache, few=10)
    assert all(found_itself(cache, finder, id) for id in ids)
    finder.settle()
    assert finder.degraded is not None
    assert "chromadb" in finder.degraded
    assert all(found_itself(cache, finder, id) for id in fill(cache, 2, start=900))


def test_a_place_that_cannot_be_made_is_told(cache: Cache) -> None:
    ids = fill(cache, 30)
    (cache.folder / "chroma").write_text("a file")
    finder = retriever(cache, few=10)
    assert found_itself(cache, finder, ids[3])
    finder.settle()
    assert found_itself(cache, finder, ids[4])
    assert finder.degraded is not None
    assert "can't be made" in finder.degraded
    (cache.folder / "chroma").unlink()


def test_another_encoder_sees_only_its_own_entries(cache: Cache) -> None:
    keep(cache, question("what is this", [picture("red")]), "red")
    newer = WordEncoder(version="2")
    asked = question("what is this", [picture("blue")])
    other = keep(cache, asked, "blue", encoder=newer)
    hits = retriever(cache, encoder=newer).retrieve(sought(newer, asked), 5)
    assert names(hits) == [other]


def test_threads_may_ask_at_once(cache: Cache) -> None:
    ids = fill(cache, 300)
    finder = retriever(cache, few=10)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda id: found_itself(cache, finder, id), ids))
        finder.settle()
        again = list(pool.map(lambda id: found_itself(cache, finder, id), ids))
    assert sum(found) >= 299
    assert sum(again) >= 298
