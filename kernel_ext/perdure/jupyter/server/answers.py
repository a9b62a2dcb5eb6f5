"""Answers: the cache of image questions as cards, its pictures, and its numbers. No model is loaded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from perdure.cot.answer import Source
from perdure.cot.cache import Ask, Cache, Standing
from perdure.errors import UnknownAnswer

#: The cell's number of a commit, if the server's store has it.
CellOf = Callable[[str], int | None]


def open_cache(folder: Path) -> Cache:
    """The cache in a folder, for reading.

    :raises StoreError: if there is none, or it can't be used.
    """
    return Cache.open(folder, read_only=True)


def stats(cache: Cache, delta: float, master: str) -> dict[str, Any]:
    """What is kept, what was asked, and what that cost and saved.

    :param delta: the share of wrong answers that near matches may have.
    :param master: the name of the master whose audits count, unless another was chosen with ``%cot use``.
    """
    told = cache.stats()
    return {
        "cache": str(cache.folder),
        "entries": told.entries,
        "asked": sum(told.asks.values()),
        "calls_saved": told.asks.get(Source.EXACT, 0) + told.asks.get(Source.NEAR, 0),
        "money_saved": told.saved,
        "spent": told.cost,
        "hit_rate": told.hit_rate,
        "error_bound": _error_bound(cache, delta, master),
        "delta": delta,
        "by_source": {source.value: told.asks.get(source.value, 0) for source in Source},
        "models": cache.models(),
    }


def _error_bound(cache: Cache, delta: float, master: str) -> float | None:
    """Of the near matches that are given at present, what share is wrong at most; ``None`` if none are given."""
    from perdure.cot.asking.matching import MEASURE
    from perdure.cot.judgement.near import Calibration

    chosen = _chosen(cache, "master") or master
    audits = cache.audits("near", "" if chosen == "none" else chosen, MEASURE)
    bands = Calibration(delta, [(audit.score, audit.agreed) for audit in audits]).bands
    return max((band.bound for band in bands if band.open), default=None)


def _chosen(cache: Cache, role: str) -> str | None:
    """The model that ``%cot use`` chose last; see `perdure.cot.shared`."""
    try:
        found = json.loads(cache.setting("models") or b"{}").get(role)
    except (ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None


def find(cache: Cache, id_: str) -> Ask:
    """The ask of exactly that id, or the one that became the entry of that id.

    :raises UnknownAnswer: if there is none.
    """
    ask_id = cache.first_asks([id_]).get(id_, id_)
    if len(ask_id) == 12:
        return cache.ask(ask_id)
    raise UnknownAnswer(f"No answer has the id {id_!r}. Give the whole id.")


def cards(cache: Cache, asks: Sequence[Ask], cell_of: CellOf) -> list[dict[str, Any]]:
    """The cards of some asks, in their order."""
    named = {ask.answer.entry for ask in asks} | {one.entry for ask in asks for one in ask.answer.examples}
    entries = [entry for entry in named if entry is not None]
    states, firsts = cache.states(entries), cache.first_asks(entries)
    made = []
    for ask in asks:
        answer = ask.answer
        state = states.get(answer.entry or "")
        standing = max(ask.standing, state.standing if state is not None else Standing.GOOD)
        near = answer.examples[0] if answer.source is Source.NEAR and answer.examples else None
        made.append(
            {
                "id": answer.id,
                "question": answer.question,
                "text": answer.text,
                "source": answer.source.value,
                "confidence": answer.confidence,
                "cost": answer.cost,
                "latency": answer.latency,
                "model": answer.model,
                "time": ask.time,
                "pinned": state is not None and state.pinned,
                "wrong": standing is Standing.WRONG,
                "doubtful": standing is Standing.DOUBTFUL,
                "why": answer.why,
                "pictures": len(answer.pictures),
                "near": None
                if near is None
                else {"id": firsts.get(near.entry, near.entry), "similarity": near.similarity},
                "examples": [firsts.get(one.entry, one.entry) for one in answer.examples],
                "commit": ask.commit,
                "session": ask.session,
                "execution_count": None if ask.commit is None else cell_of(ask.commit),
            }
        )
    return made


def in_full(cache: Cache, id_: str, cell_of: CellOf) -> dict[str, Any]:
    """One answer with all that is known of it."""
    ask = find(cache, id_)
    answer = ask.answer
    (card,) = cards(cache, [ask], cell_of)
    rests = cache.rests_on(answer.entry) if answer.entry is not None else []
    return {
        **card,
        "examples": cards(cache, _asks(cache, card["examples"]), cell_of),
        "reasoning": answer.reasoning,
        "tokens": {"prompt": answer.tokens.prompt, "completion": answer.tokens.completion},
        "derived": [other for other in rests if other != answer.id],
        "format": ask.format.value,
        "choices": list(ask.choices),
    }


def _asks(cache: Cache, ids: Iterable[str]) -> list[Ask]:
    found = []
    for id_ in ids:
        try:
            found.append(find(cache, id_))
        except UnknownAnswer:  # it was evicted or forgotten
            continue
    return found


def picture(cache: Cache, id_: str, number: str) -> bytes:
    """The thumbnail of an answer's picture, as PNG.

    :raises UnknownAnswer: if there is no such picture, or none is kept.
    """
    keys = find(cache, id_).answer.pictures
    place = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else len(keys)
    data = cache.thumbnail(keys[place]) if place < len(keys) else None
    if data is None:
        raise UnknownAnswer(
            f"The answer {id_!r} has no picture {number!r} in the cache. Pictures are kept where keep_images says so."
        )
    return data
