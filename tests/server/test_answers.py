"""The cache of image questions: cards, filters, pictures, what is like them, and the numbers on top."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cot.caches import a_picture, a_question, an_entry, asked_apprentice, asked_master, hit
from perdure.cot.answer import Answer, Example, Source
from perdure.cot.cache import Ask, Cache, Call, Entry, Vector, new_id
from perdure.store import Refs
from server.conftest import Get, Raw
from server.making import commit, written


@pytest.fixture
def kept(cache: Path) -> Iterator[Cache]:
    """The cache that the server reads, open for writing as a kernel has it."""
    with Cache.open(cache) as opened:
        yield opened


async def test_a_cache_that_is_not_there_yet(get: Get, cache: Path) -> None:
    for route in (("stats",), ("answers",), ("answers", "0" * 12), ("answers", "0" * 12, "similar")):
        answer = await get("cot", *route, status=503)
        assert answer["error"] == "StoreMissing"
    assert not cache.exists()


async def test_a_damaged_cache(get: Get, cache: Path) -> None:
    cache.mkdir()
    (cache / "cot.db").write_bytes(b"\xa5" * 9000)
    assert (await get("cot", "stats", status=503))["error"] == "DamagedCatalog"


async def test_cards_are_newest_first_in_pages(kept: Cache, get: Get) -> None:
    asks = [asked_master(kept, a_question(f"What is {n}?", n), f"a {n}")[0] for n in range(7)]
    first, rest = await get("cot", "answers", limit=3), await get("cot", "answers", offset=3)
    assert first["total"] == rest["total"] == 7
    cards = first["answers"] + rest["answers"]
    assert [card["id"] for card in cards] == [ask.answer.id for ask in reversed(asks)]
    assert cards[0] == {
        "id": asks[6].answer.id, "question": "What is 6?", "text": "a 6", "source": "master", "confidence": 0.9,
        "cost": 0.0, "latency": 0.0, "model": "big", "time": asks[6].time, "pinned": False, "wrong": False,
        "doubtful": False, "why": "", "pictures": 1, "near": None, "examples": [], "commit": None, "session": None,
        "execution_count": None,
    }  # fmt: skip
    assert (await get("cot", "answers", status=400, limit=501))["error"] == "UsageError"


async def test_filters(kept: Cache, get: Get) -> None:
    big, entry = asked_master(kept, a_question("Which Bird?", 1), "a Heron")
    small, _ = asked_apprentice(kept, a_question("Which fish?", 2), entry, answer="a trout")
    same = hit(kept, a_question("Which Bird?", 1), entry)

    async def found(**given: str) -> list[str]:
        answer = await get("cot", "answers", **given)
        assert answer["total"] == len(answer["answers"])
        return [card["id"] for card in answer["answers"]]

    assert await found(q="bird") == [same.answer.id, big.answer.id]
    assert await found(q="HERON") == [same.answer.id, big.answer.id]
    assert await found(source="apprentice") == [small.answer.id]
    assert await found(source="exact") == [same.answer.id]
    assert await found(model="small") == [small.answer.id]
    assert await found(model="nobody") == []
    assert await found(doubtful="1") == []
    kept.mark_wrong(big.answer.id)
    assert set(await found(doubtful="1")) == {big.answer.id, small.answer.id, same.answer.id}
    cards = {card["id"]: card for card in (await get("cot", "answers"))["answers"]}
    assert cards[big.answer.id]["wrong"] is True
    assert (cards[small.answer.id]["wrong"], cards[small.answer.id]["doubtful"]) == (False, True)
    assert (await get("cot", "answers", status=400, source="oracle"))["error"] == "UsageError"


async def test_one_answer_in_full(kept: Cache, get: Get) -> None:
    big, entry = asked_master(kept, a_question("Which bird?", 1, format="choice", choices=["heron", "crow"]), "heron")
    small, _ = asked_apprentice(kept, a_question("Which fish?", 2), entry)
    near = near_hit(kept, a_question("Which bird is it?", 3), entry)
    kept.pin(big.answer.id)
    found = await get("cot", "answers", big.answer.id)
    assert (found["format"], found["choices"], found["pinned"]) == ("choice", ["heron", "crow"], True)
    assert set(found["derived"]) == {small.answer.id, near.answer.id}
    assert found["tokens"] == {"prompt": 0, "completion": 0}
    helped = await get("cot", "answers", small.answer.id)
    assert [card["id"] for card in helped["examples"]] == [big.answer.id]
    served = await get("cot", "answers", near.answer.id)
    assert served["near"] == {"id": big.answer.id, "similarity": 0.97}
    assert (await get("cot", "answers", entry.id))["id"] == big.answer.id  # what it became


async def test_unknown_answers_are_not_found(kept: Cache, get: Get, cache: Path) -> None:
    ask, _ = asked_master(kept, a_question())
    for id_ in ("nowhere", "0" * 12, ask.answer.id[:6], "..", "../cot.db", "\0", "é", "*", "x" * 3000, " "):
        for what in ((), ("pictures", "0"), ("similar",)):
            assert (await get("cot", "answers", id_, *what, status=404))["error"] == "UnknownAnswer", (id_, what)


async def test_a_forgotten_answer_is_gone(kept: Cache, get: Get) -> None:
    ask, _ = asked_master(kept, a_question())
    assert (await get("cot", "answers"))["total"] == 1
    kept.forget(ask.answer.id)
    assert (await get("cot", "answers"))["total"] == 0
    await get("cot", "answers", ask.answer.id, status=404)


async def test_pictures(kept: Cache, get: Get, raw: Raw) -> None:
    ask, _ = asked_master(kept, a_question("What differs?", 1, 2))
    for number in (0, 1):
        response = await raw("cot", "answers", ask.answer.id, "pictures", str(number))
        assert response.code == 200
        assert response.headers["Content-Type"] == "image/png"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "private" in response.headers["Cache-Control"]
        shown = Image.open(io.BytesIO(response.body))
        assert shown.convert("RGB").tobytes() == a_picture(number + 1).image.tobytes()
    for number in ("2", "-1", "one", "9" * 40, "²", "..", "0/../0"):
        assert (await get("cot", "answers", ask.answer.id, "pictures", number, status=404))["error"] == "UnknownAnswer"


async def test_a_picture_that_is_not_kept(cache: Path, get: Get) -> None:
    with Cache.open(cache, keep_images="none") as kept:
        ask, _ = asked_master(kept, a_question())
    await get("cot", "answers", ask.answer.id, "pictures", "0", status=404)


async def test_what_is_like_a_picture(kept: Cache, get: Get) -> None:
    def asked(seed: int, picture: list[float], text: list[float]) -> Ask:
        question = a_question(f"What is {seed}?", seed)
        vector = Vector.of("encoder", "1", np.array([*picture, *text], dtype=np.float32))
        return asked_master(kept, question, vector=vector)[0]

    one = asked(1, [1, 0, 0], [1, 0, 0])
    close = asked(2, [0.9, 0.1, 0], [0, 0, 1])  # another question about nearly the same
    less = asked(3, [0.5, 0.5, 0], [1, 0, 0])
    asked(4, [0, 0, 1], [1, 0, 0])  # the same question about something else
    asked(5, [0, 0, 0], [1, 0, 0])  # about no picture
    found = (await get("cot", "answers", one.answer.id, "similar"))["answers"]
    assert [card["id"] for card in found] == [close.answer.id, less.answer.id]
    assert found[0]["similarity"] == pytest.approx(0.994, abs=0.001)
    assert found[0]["question"] == "What is 2?"
    assert len((await get("cot", "answers", one.answer.id, "similar", limit=1))["answers"]) == 1


async def test_without_vectors_nothing_can_be_compared(kept: Cache, get: Get) -> None:
    ask, _ = asked_master(kept, a_question())
    assert (await get("cot", "answers", ask.answer.id, "similar", status=503))["error"] == "StoreMissing"


async def test_the_numbers(kept: Cache, get: Get, cache: Path) -> None:
    kept.record_call(Call("master", "big", "7", cost=0.25))
    _, entry = asked_master(kept, a_question(), cost=0.25)
    hit(kept, a_question(), entry)
    near_hit(kept, a_question("What is that?"), entry)
    stats = await get("cot", "stats")
    assert 0 < stats.pop("error_bound") <= 0.02
    assert stats == {
        "cache": str(cache), "entries": 1, "asked": 3, "calls_saved": 2, "money_saved": 0.5, "spent": 0.25,
        "hit_rate": pytest.approx(2 / 3), "delta": 0.02, "models": ["big"],
        "by_source": {"exact": 1, "near": 1, "apprentice": 0, "master": 1},
    }  # fmt: skip


async def test_a_card_knows_the_cell_that_asked(kept: Cache, get: Get, store: Path) -> None:
    ask = Ask.of(a_question(), an_answer_of(a_question(), an_entry(a_question())), session="s", cell="1.0")
    kept.record(ask)
    with written(store) as writer:
        refs = commit(writer, Refs(), "%cot ask", {}, execution_count=41, meta={"asks": [ask.answer.id]})
    assert refs.head is not None
    kept.bind("s", "1.0", refs.head)
    (card,) = (await get("cot", "answers"))["answers"]
    assert (card["commit"], card["session"], card["execution_count"]) == (refs.head, "s", 41)
    assert (await get("sessions", writer.session, "commits", refs.head))["cot"] == [ask.answer.id]


def an_answer_of(question: Any, entry: Entry, *examples: Example, source: Source = Source.MASTER) -> Answer:
    return Answer(
        text=entry.answer, value=entry.answer, source=source, confidence=0.9, id=new_id(),
        entry=entry.id, model=entry.model, model_version="7", prompt_version="1", question=question.text,
        pictures=tuple(picture.key for picture in question.pictures), examples=examples,
    )  # fmt: skip


def near_hit(kept: Cache, question: Any, entry: Entry) -> Ask:
    example = Example(entry.id, entry.text, entry.answer, 0.97)
    ask = Ask.of(question, an_answer_of(question, entry, example, source=Source.NEAR))
    assert kept.record(ask)
    return ask
