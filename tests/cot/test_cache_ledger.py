"""The ledger: asks and calls, sessions and commits, audits, prices, settings and the numbers."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from cot.caches import a_question, an_answer, an_entry, asked_apprentice, asked_master, check, child, content, hit
from perdure.cot.answer import Answer, Source, Tokens
from perdure.cot.cache import Ask, Audit, Cache, Call
from perdure.cot.models.model import Price
from perdure.errors import UsageError


def test_an_answer_comes_back_as_it_was(tmp_path: Path) -> None:
    asked = a_question("How many?", 1, 2, format="json", schema={"type": "object"})
    example = an_entry(a_question("One?"))
    answer = an_answer(
        asked,
        Source.APPRENTICE,
        None,
        example,
        value={"n": [1, 2.5, None, True], "ü": "ö"},
        confidence=None,
        tokens=Tokens(10, 2),
        cost=0.125,
        latency=1.5,
        reasoning="Counted.",
        why="It was sure.",
        cache=str(tmp_path),
    )
    ask = Ask.of(asked, answer, route="auto", session="s", cell="c")
    with Cache.open(tmp_path) as cache:
        assert cache.record(ask)
        assert cache.record(ask)
        assert cache.answer(answer.id) == answer
        assert cache.ask(answer.id[:9]) == ask
        assert cache.stats().asks == {"apprentice": 1}
        with pytest.raises(UsageError):
            cache.answer("0" * 12)


def test_the_log_is_newest_first_and_filtered(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        for n in range(10):
            asked = a_question(f"Is number {n} GRÖSSER?")
            answer = an_answer(asked, Source.MASTER if n % 2 else Source.EXACT, text=f"yes {n}")
            cache.record(Ask.of(asked, answer, session=f"s{n % 3}", cell=f"c{n}"))
        texts = [answer.text for answer in cache.log(3)]
        assert texts == ["yes 9", "yes 8", "yes 7"]
        assert len(cache.log(None)) == 10
        assert [answer.text for answer in cache.log(source="master", session="s1")] == ["yes 7", "yes 1"]
        assert [answer.text for answer in cache.log(grep="4 größer")] == ["yes 4"]
        assert [answer.text for answer in cache.log(grep="YES 5")] == ["yes 5"]
        assert cache.log(grep="%") == []
        cache.bind("s1", "c4", "commit-4")
        assert [answer.text for answer in cache.log(commit="commit-4")] == ["yes 4"]
        assert cache.log(0) == []


def test_a_commit_has_the_asks_of_its_cell(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        asks = []
        for cell in ("a", "a", "b"):
            asked = a_question()
            asks.append(Ask.of(asked, an_answer(asked, Source.MASTER, cache=str(tmp_path)), session="s", cell=cell))
            cache.record(asks[-1])
        assert asks[0].answer.commit is None
        assert cache.bind("s", "a", "one") == 2
        assert cache.bind("s", "a", "two") == 0
        assert cache.bind("t", "b", "three") == 0
        assert [ask.answer.commit for ask in asks] == ["one", "one", None]
        assert cache.ask(asks[0].answer.id).commit == "one"
        assert cache.commit_of("gone") is None


def test_a_reply_is_paid_for_once_though_the_process_dies(tmp_path: Path) -> None:
    code = """
import os, signal
from cot.caches import *
from perdure.cot.cache import Call
with Cache.open(sys.argv[1]) as cache:
    cache.record_call(Call("master", "big", "7", cost=0.5, ask="a" * 12, key="k", prompt="p", reply="Answer: a cat", logprob=-1.0))
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert child(code, tmp_path).wait(60) == -9
    wanted = {"model": "big", "version": "7", "prompt": "p"}
    with Cache.open(tmp_path) as cache:
        assert cache.spent() == 0.5
        assert cache.paid_reply("k", **wanted) == "Answer: a cat"
        call = cache.paid_call("k", **wanted)
        assert call is not None
        assert (call.cost, call.logprob) == (0.5, -1.0)
        for other in ({"model": "bigger"}, {"version": "8"}, {"prompt": "q"}):
            assert cache.paid_reply("k", **{**wanted, **other}) is None
        assert cache.paid_reply("l", **wanted) is None


def test_a_reply_is_let_go_when_its_ask_is_recorded(tmp_path: Path) -> None:
    asked = a_question()
    with Cache.open(tmp_path) as cache:
        entry = an_entry(asked)
        answer = an_answer(asked, Source.MASTER, entry)
        earlier = Call("master", "big", "7", ask="b" * 12, key=asked.key, prompt="p", reply="tried before")
        call = Call("master", "big", "7", Tokens(3, 4), 0.5, ask=answer.id, key=asked.key, prompt="p", reply="a cat")
        other = Call("master", "huge", "7", ask="c" * 12, key=asked.key, prompt="p", reply="another master's")
        for one in (earlier, call, other):
            cache.record_call(one)
        cache.record(Ask.of(asked, answer), entry)
        assert cache.paid_reply(asked.key, model="big", version="7", prompt="p") is None
        assert cache.paid_reply(asked.key, model="huge", version="7", prompt="p") == "another master's"
        (kept,) = cache.calls(answer.id)
        assert kept == replace(call, reply=None, number=kept.number)


def test_a_reply_of_no_use_is_not_given_again(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        number = cache.record_call(Call("master", "big", "7", cost=0.1, key="k", prompt="p", reply="mumble"))
        cache.spoil_call(number, "It has no number in it.")
        assert cache.paid_reply("k", model="big", version="7", prompt="p") is None
        cache.record_call(Call("master", "big", "7", key="k", prompt="p", outcome="It was down.", reply="half"))
        assert cache.paid_reply("k", model="big", version="7", prompt="p") is None
        assert cache.spent() == 0.1


def test_replies_expire_as_answers_do(tmp_path: Path) -> None:
    with Cache.open(tmp_path, expire_days=1) as cache:
        cache.record_call(Call("master", "big", "7", key="k", prompt="p", reply="old", time=time.time() - 2 * 86_400))
        assert cache.paid_reply("k", model="big", version="7", prompt="p") is None


def test_uses_are_counted(tmp_path: Path) -> None:
    asked = a_question()
    with Cache.open(tmp_path) as cache:
        _, entry = asked_master(cache, asked)
        hit(cache, asked, entry)
        hit(cache, a_question("What?"), entry, Source.NEAR)
        asked_apprentice(cache, a_question("Who?"), entry)
        found = cache.entry(entry.id)
        assert found.uses == 3
        assert found.used > entry.created


def test_many_asks_in_one_transaction(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        asked = a_question()
        _, entry = asked_master(cache, asked)
        asks = [Ask.of(asked, an_answer(asked, Source.EXACT, entry)) for _ in range(100)]
        assert cache.record_many(asks) == 100
        assert cache.entry(entry.id).uses == 100
        assert cache.stats().asks == {"exact": 100, "master": 1}
        assert cache.log(None)[-2] == replace(asks[0].answer, cache=str(cache.folder))


def test_audits_by_pair_and_from_a_number_on(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        audits = [
            Audit(
                "near", "big", "clip", 0.9, agreed=True, features=(1.0, 0.5), kept="cat", said="cat", entry="e", ask="a"
            ),
            Audit("near", "big", "clip", 0.8, agreed=False, confidence=0.7),
            Audit("near", "big", "other", 0.7, agreed=True),
            Audit("apprentice", "big", "small", 0.6, agreed=False),
            Audit("near", "huge", "clip", 0.5, agreed=True),
        ]
        for audit in audits:
            assert cache.add_audit(audit)
            assert not cache.add_audit(audit)
        found = cache.audits("near", "big", "clip")
        assert [replace(one, number=0) for one in found] == audits[:2]
        assert len(cache.audits("near", "big")) == 3
        assert cache.audits("near", "big", after=found[0].number)[0] == found[1]
        assert cache.stats().audits == {"near": 4, "apprentice": 1}
        assert cache.stats().disagreements == {"near": 1, "apprentice": 1}


def test_prices_and_settings(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache, Cache.open(tmp_path) as other:
        cache.set_price("openai:x", Price(1.0, 2.0, 0.5))
        assert other.price("openai:x") == Price(1.0, 2.0, 0.5)
        assert other.price("y") is None
        cache.set_price("openai:x", None)
        assert other.prices() == {}
        cache.set_setting("calibration near", b"\0\1")
        assert other.setting("calibration near") == b"\0\1"
        cache.set_setting("calibration near", None)
        assert other.setting("calibration near") is None
        assert cache.identity == other.identity
        assert len(cache.identity) == 16


def test_a_setting_is_changed_by_many_at_once_without_loss(tmp_path: Path) -> None:
    def add(value: bytes | None) -> bytes:
        return str(int(value or b"0") + 1).encode()

    with Cache.open(tmp_path) as cache, Cache.open(tmp_path) as other:
        threads = [
            threading.Thread(target=lambda one=one: [one.change_setting("n", add) for _ in range(25)])
            for one in (cache, other) * 4
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert cache.setting("n") == b"200"


def test_the_numbers(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        assert cache.stats().hit_rate == 0.0
        asked, free = a_question("Dear?"), a_question("Free?")
        _, dear = asked_master(cache, asked, cost=0.5)
        _, cheap = asked_master(cache, free, cost=0.0)
        cache.record_call(Call("master", "big", "7", Tokens(100, 10), 0.5))
        cache.record_call(Call("master", "big", "7", Tokens(100, 10), 0.1))
        cache.record_call(Call("master", "big", "7", outcome="It was down."))
        cache.record_call(Call("apprentice", "small", "1", Tokens(50, 5)))
        hit(cache, asked, dear)
        hit(cache, asked, dear, Source.NEAR)
        hit(cache, free, cheap)
        stats = cache.stats()
        assert stats.entries == 2
        assert stats.by_kind == {"master": 2}
        assert stats.asks == {"master": 2, "exact": 2, "near": 1}
        assert stats.calls == {"master": 3, "apprentice": 1}
        assert stats.cost == pytest.approx(0.6)
        assert stats.costs["apprentice"] == 0.0
        assert stats.tokens == Tokens(250, 25)
        assert stats.saved == pytest.approx(0.5 + 0.5 + 0.3)  # the free one counts as the master's calls do in the mean
        assert stats.hit_rate == pytest.approx(3 / 5)
        assert stats.bytes <= stats.disk
        check(cache)


def test_a_value_that_python_alone_can_tell_comes_back(tmp_path: Path) -> None:
    asked = a_question()
    with Cache.open(tmp_path) as cache:
        for value in (True, 10**30, -0.5, None, "x", [1, {"a": None}]):
            answer: Answer = an_answer(asked, Source.MASTER, value=value)
            cache.record(Ask.of(asked, answer))
            assert cache.answer(answer.id).value == value
        assert any("10000000000000000000000000000" in row for row in content(cache))
