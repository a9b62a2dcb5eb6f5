"""Pictures, questions, entries and asks for the tests of the cache, and other processes that use one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from perdure.cot.answer import Answer, Example, Source
from perdure.cot.cache import Ask, Cache, Entry, new_id
from perdure.cot.picture import Picture
from perdure.cot.questions.question import Question, question

MASTER: dict[str, Any] = {"master": "big", "prompt_version": "1"}
"""What `Cache.exact` is asked with."""


def a_picture(seed: int, size: tuple[int, int] = (40, 30)) -> Picture:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Picture(Image.fromarray(pixels))


def a_question(text: str = "What is it?", *seeds: int, **rest: Any) -> Question:
    return question(text, [a_picture(seed) for seed in seeds or (0,)], **rest)


def an_entry(asked: Question, answer: str = "a cat", *, model: str = "big", **rest: Any) -> Entry:
    return Entry.of(asked, answer, **{"model": model, "model_version": "7", "prompt_version": "1", **rest})


def an_answer(asked: Question, source: Source, entry: Entry | None = None, *examples: Entry, **rest: Any) -> Answer:
    return Answer(
        **{
            "text": "a cat" if entry is None else entry.answer,
            "value": "a cat",
            "source": source,
            "confidence": 0.9,
            "id": new_id(),
            "entry": None if entry is None else entry.id,
            "model": "big" if entry is None else entry.model,
            "model_version": "7",
            "prompt_version": "1",
            "question": asked.text,
            "pictures": tuple(picture.key for picture in asked.pictures),
            "examples": tuple(Example(one.id, one.text, one.answer, 0.5) for one in examples),
            **rest,
        }
    )


def asked_master(cache: Cache, asked: Question, answer: str = "a cat", **rest: Any) -> tuple[Ask, Entry]:
    """An ask that the master answered, as it is recorded."""
    entry = an_entry(asked, answer, **rest)
    ask = Ask.of(asked, an_answer(asked, Source.MASTER, entry))
    assert cache.record(ask, entry, asked.pictures)
    return ask, entry


def asked_apprentice(cache: Cache, asked: Question, *examples: Entry, answer: str = "a dog") -> tuple[Ask, Entry]:
    """An ask that the apprentice answered with examples, and whose answer is kept."""
    entry = an_entry(asked, answer, model="small", kind="apprentice", derived_from=tuple(one.id for one in examples))
    ask = Ask.of(asked, an_answer(asked, Source.APPRENTICE, entry, *examples))
    cache.record(ask, entry, asked.pictures)
    return ask, entry


def hit(cache: Cache, asked: Question, entry: Entry, source: Source = Source.EXACT) -> Ask:
    """An ask that a kept answer served."""
    ask = Ask.of(asked, an_answer(asked, source, entry))
    cache.keep_pictures(asked.pictures)
    cache.record(ask)
    return ask


def child(code: str, *arguments: str | Path) -> subprocess.Popen[str]:
    """Another Python process; what it prints is read from its ``stdout``."""
    beginning = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
    return subprocess.Popen(
        [sys.executable, "-c", beginning + code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )


def content(cache: Cache) -> list[str]:
    """All that any table of the cache has, as text, to look for something in it."""
    with cache._database.reading() as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [repr(row) for table in tables for row in connection.execute(f'SELECT * FROM "{table}"')]


def check(cache: Cache) -> None:
    """The file is whole, and the running totals are what counting gives."""
    with cache._database.reading() as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (entries,) = connection.execute("SELECT count(*) FROM entries").fetchone()
        (pictures,) = connection.execute("SELECT count(*) FROM pictures").fetchone()
        (size,) = connection.execute(
            "SELECT (SELECT total(bytes) FROM entries) + (SELECT total(bytes) FROM pictures)"
        ).fetchone()
        (cost,) = connection.execute("SELECT total(cost) FROM calls").fetchone()
        orphans = connection.execute(
            """SELECT (SELECT count(*) FROM vectors WHERE entry NOT IN (SELECT number FROM entries))
                + (SELECT count(*) FROM entry_pictures WHERE entry NOT IN (SELECT number FROM entries))
                + (SELECT count(*) FROM ask_pictures WHERE ask NOT IN (SELECT number FROM asks))
                + (SELECT count(*) FROM ask_examples WHERE ask NOT IN (SELECT number FROM asks))"""
        ).fetchone()
    stats = cache.stats()
    assert (stats.entries, stats.pictures, stats.bytes) == (entries, pictures, size)
    assert abs(stats.cost - cost) < 1e-9
    assert orphans == (0,)
