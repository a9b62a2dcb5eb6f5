"""Several processes that need the same reply at the same moment: one makes the call, whatever becomes of any of them."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cot.caches import check, child
from cot.fault_rig import PRICE, WHICH, Till, alone, asker, interrupt, taken
from cot.painters import Painter, disc
from perdure.cot import Cot, Price
from perdure.cot.cache import Cache, Call, Claim
from perdure.cot.cache.claims import LAPSE
from perdure.cot.calling import calls
from perdure.errors import StoreFull
from perdure.store.process import this_process

PATIENCE = 30.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "c"


@pytest.fixture
def till(tmp_path: Path) -> Path:
    return tmp_path / "till"


# -- the claim ---------------------------------------------------------------------------------------------------------


def claims(folder: Path) -> int:
    with sqlite3.connect(folder / "cot.db") as connection:
        return int(connection.execute("SELECT count(*) FROM claims").fetchone()[0])


def age(folder: Path, seconds: float) -> None:
    """Let all claims be that much older."""
    with sqlite3.connect(folder / "cot.db") as connection:
        connection.execute("UPDATE claims SET time = time - ?", (seconds,))


def test_one_has_it_at_a_time(folder: Path) -> None:
    with Cache.open(folder) as cache, Cache.open(folder) as other:
        first = cache.claim("question", "prompt")
        assert first is not None
        assert other.claim("question", "prompt") is None
        assert cache.claim("question", "prompt") is None
        assert other.claim("question", "another") is not None
        assert other.claim("other question", "prompt") is not None
        cache.free([first])
        second = other.claim("question", "prompt")
        assert second not in {None, first}
        cache.free([first])  # again, and it isn't its own any more
        assert cache.claim("question", "prompt") is None


def test_it_ends_with_what_it_was_for(folder: Path) -> None:
    with Cache.open(folder) as cache:
        claim = cache.claim("question", "prompt")
        cache.record_call(Call("master", "big", "1", key="question", prompt="prompt", reply="red"), None, claim)
        assert claims(folder) == 0


def test_one_that_is_not_renewed_lapses(folder: Path) -> None:
    with Cache.open(folder) as cache:
        first = cache.claim("question", "prompt")
        assert first is not None
        age(folder, LAPSE + 1)
        cache.renew([first])
        assert cache.claim("question", "prompt") is None
        age(folder, LAPSE + 1)
        assert cache.claim("another", "prompt") is not None  # whoever comes next sweeps
        assert claims(folder) == 1
        assert cache.claim("question", "prompt") is not None
        cache.renew([first])
        cache.free([first])
        assert claims(folder) == 2


@pytest.mark.parametrize("seconds", [-LAPSE - 1, LAPSE + 1])
def test_a_clock_that_was_put_right_blocks_nobody(folder: Path, seconds: float) -> None:
    with Cache.open(folder) as cache:
        cache.claim("question", "prompt")
        age(folder, seconds)
        assert cache.claim("question", "prompt") is not None


def test_one_of_another_machine_is_believed_until_it_lapses(folder: Path) -> None:
    with Cache.open(folder) as cache:
        cache.claim("question", "prompt")
        with sqlite3.connect(folder / "cot.db") as connection:
            connection.execute("UPDATE claims SET host = 'elsewhere', pid = 1 << 30")
        assert cache.claim("question", "prompt") is None
        with sqlite3.connect(folder / "cot.db") as connection:
            connection.execute("UPDATE claims SET host = ?", (this_process().host,))
        assert cache.claim("question", "prompt") is not None  # here, no such process lives


def test_a_cache_from_before_claims_is_brought_up_to_date(folder: Path) -> None:
    master = Painter("master")
    with asker(master, None, folder) as cot:
        cot.ask(WHICH, disc("red"))
    with sqlite3.connect(folder / "cot.db") as connection:
        connection.execute("DROP TABLE claims")
        connection.execute("PRAGMA user_version = 1")
    with asker(master, None, folder) as cot:
        assert cot.ask(WHICH, disc("red")).source == "exact"
        assert cot.ask(WHICH, disc("blue")).text == "blue"
        check(cot.cache)


# -- two processes -----------------------------------------------------------------------------------------------------

_OWNER = """
from pathlib import Path
from cot.fault_rig import *
from cot.painters import disc
from perdure.errors import ModelRefused, NoAnswer
folder, till, end, role = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
def then(text):
    print("asked", flush=True)
    sys.stdin.readline()
    if end == "fails":
        raise ModelRefused("No.")
with asker(*alone(role, till, then=then), folder) as cot:
    try:
        print(cot.ask(WHICH, disc("red")).text, flush=True)
    except NoAnswer as error:
        print("no answer", flush=True)
"""


@contextmanager
def owner(folder: Path, till: Path, end: str = "answers", role: str = "master") -> Iterator[subprocess.Popen[str]]:
    """Another process, in the midst of its call about the red disc; it goes on when it is told."""
    with asker(None, None, folder):
        pass
    with child(_OWNER, folder, till, end, role) as process:
        try:
            assert line(process) == "asked"
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def finish(process: subprocess.Popen[str]) -> None:
    """Let the other process have its answer, and keep it."""
    go_on(process)
    assert line(process) == "red"


@pytest.fixture
def between_looks(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Cache], object]], None]:
    """Take what is to happen once: somebody in this process has found no kept answer, and has not yet looked at the claims."""

    def arrange(happens: Callable[[Cache], object]) -> None:
        claim, first = Cache.claim, True

        def late(self: Cache, key: str, prompt: str) -> Claim | None:
            nonlocal first
            if first:
                first = False
                assert claim(self, key, prompt) is None
                happens(self)
            return claim(self, key, prompt)

        monkeypatch.setattr(Cache, "claim", late)

    return arrange


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Set when somebody in this process has found a claim taken."""
    event, claim = threading.Event(), Cache.claim

    def watched(self: Cache, key: str, prompt: str) -> Claim | None:
        found = claim(self, key, prompt)
        if found is None:
            event.set()
        return found

    monkeypatch.setattr(Cache, "claim", watched)
    return event


def meanwhile(cot: Cot, looked: threading.Event, then: Callable[[], object], **given: Any) -> Any:
    """Ask about the red disc; when that waits for the other process, ``then``."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(cot.ask, WHICH, disc("red"), **given)
        assert looked.wait(PATIENCE)
        then()
        return answer.result(PATIENCE)


def test_who_waits_is_given_what_the_other_paid_for(folder: Path, till: Path, looked: threading.Event) -> None:
    with owner(folder, till) as process, asker(Till("master", till=till), None, folder, budget=2 * PRICE) as cot:
        assert meanwhile(cot, looked, lambda: go_on(process)).text == "red"
        assert line(process) == "red"
        assert len(taken(till)) == 1
        assert cot.stats().cost == pytest.approx(PRICE)
        assert cot.cache.reserved() == 0
        assert claims(folder) == 0
        assert cot.ask(WHICH, disc("red")).source == "exact"
        check(cot.cache)


def test_the_database_is_free_for_others_while_one_waits(folder: Path, till: Path, looked: threading.Event) -> None:
    def write() -> None:
        with asker(Painter("master"), None, folder) as another:
            assert another.ask(WHICH, disc("blue")).text == "blue"
        go_on(process)

    with owner(folder, till) as process, asker(Till("master", till=till), None, folder) as cot:
        assert meanwhile(cot, looked, write).text == "red"
    assert len(taken(till)) == 1


def test_the_owner_is_killed_in_its_call(folder: Path, till: Path, looked: threading.Event) -> None:
    with owner(folder, till) as process, asker(Till("master", till=till), None, folder) as cot:
        assert meanwhile(cot, looked, lambda: process.send_signal(signal.SIGKILL)).text == "red"
        assert len(taken(till)) == 2  # what the first had paid died with it
        assert cot.stats().cost == pytest.approx(PRICE)
        assert claims(folder) == 0
        check(cot.cache)


def test_the_owners_call_fails(folder: Path, till: Path, looked: threading.Event) -> None:
    with owner(folder, till, "fails") as process, asker(Till("master", till=till), None, folder) as cot:
        answer = meanwhile(cot, looked, lambda: go_on(process))
        assert (answer.text, answer.source) == ("red", "master")
        assert line(process) == "no answer"
        assert len(taken(till)) == 2
        assert claims(folder) == 0


def test_who_is_interrupted_while_he_waits_pays_nothing(
    folder: Path, till: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = Cache.claim

    def pressed(self: Cache, key: str, prompt: str) -> Claim | None:
        found = claim(self, key, prompt)
        if found is None:
            interrupt()
        return found

    with owner(folder, till) as process, asker(Till("master", till=till), None, folder, budget=2 * PRICE) as cot:
        with monkeypatch.context() as patch:
            patch.setattr(Cache, "claim", pressed)
            with pytest.raises(KeyboardInterrupt):
                cot.ask(WHICH, disc("red"))
            cot.close()  # waits for its threads
        assert len(taken(till)) == 1
        with asker(Till("master", till=till), None, folder, budget=2 * PRICE) as again:
            assert again.cache.reserved() == 0
            go_on(process)
            assert line(process) == "red"
            assert again.ask(WHICH, disc("red")).source == "exact"
            assert claims(folder) == 0
    assert len(taken(till)) == 1


def test_who_was_interrupted_and_asks_again_waits_again(
    folder: Path, till: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, looks = Cache.claim, 0

    def pressed(self: Cache, key: str, prompt: str) -> Claim | None:
        nonlocal looks
        found = claim(self, key, prompt)
        looks += found is None
        if found is None and looks == 1:
            interrupt()
        elif found is None and looks == 3:
            go_on(process)
        return found

    monkeypatch.setattr(Cache, "claim", pressed)
    with owner(folder, till) as process, asker(Till("master", till=till), None, folder) as cot:
        with pytest.raises(KeyboardInterrupt):
            cot.ask(WHICH, disc("red"))
        assert cot.ask(WHICH, disc("red")).text == "red"
        assert len(taken(till)) == 1


@pytest.mark.parametrize("role", ["master", "apprentice"])
def test_an_answer_that_was_kept_between_two_looks_is_a_hit(
    folder: Path, till: Path, between_looks: Callable[..., None], role: str
) -> None:
    with (
        owner(folder, till, role=role) as process,
        asker(*alone(role, till), folder, budget=2 * PRICE) as cot,
    ):
        between_looks(lambda cache: finish(process))
        answer = cot.ask(WHICH, disc("red"))
        assert (answer.text, answer.source) == ("red", "exact")
        assert cot.cache.reserved() == 0
        assert cot.stats().entries == 1
        assert claims(folder) == 0
    assert len(taken(till)) == 1


def test_an_answer_that_was_kept_and_found_wrong_between_two_looks_is_asked_for(
    folder: Path, till: Path, between_looks: Callable[..., None]
) -> None:
    with owner(folder, till) as process, asker(Till("master", till=till), None, folder, budget=3 * PRICE) as cot:

        def corrected(cache: Cache) -> None:
            finish(process)
            cache.mark_wrong(cache.log(1)[0].id)

        between_looks(corrected)
        answer = cot.ask(WHICH, disc("red"))
        assert (answer.text, answer.source) == ("red", "master")
        assert len(taken(till)) == 2
        assert cot.stats().cost == pytest.approx(2 * PRICE)
        assert cot.cache.reserved() == 0


def test_what_is_asked_afresh_waits_for_nobody(folder: Path, till: Path) -> None:
    with owner(folder, till) as process, asker(Till("master", till=till), None, folder) as cot:
        assert cot.ask(WHICH, disc("red"), route="fresh").text == "red"
        go_on(process)
        assert line(process) == "red"
        assert len(taken(till)) == 2


def test_two_processes_over_the_same_rows_pay_for_each_once(folder: Path, till: Path) -> None:
    code = """
from pathlib import Path
from cot.fault_rig import *
from cot.painters import disc
folder, till, backwards = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "backwards"
rows = [(WHICH, disc(colour, radius=radius)) for radius in range(8, 24, 2) for colour in ("red", "blue", "green", "yellow")]
with asker(Till("master", till=till), None, folder, concurrency=3, budget=1.0) as cot:
    print("ready", flush=True)
    sys.stdin.readline()
    found = cot.ask_many(rows[::-1] if backwards else rows)
    print(len(found), len({str(answer) for answer in found}), flush=True)
"""
    with asker(None, None, folder):
        pass
    both = [child(code, folder, till, way) for way in ("forwards", "backwards")]
    assert [line(process) for process in both] == ["ready", "ready"]
    for process in both:
        go_on(process)
    assert [process.communicate(timeout=60)[0].strip() for process in both] == ["32 4", "32 4"]
    assert len(taken(till)) == 32
    with asker(None, None, folder) as cot:
        assert cot.stats().cost == pytest.approx(32 * PRICE)
        assert cot.cache.reserved() == 0
        assert claims(folder) == 0
        check(cot.cache)


# -- while it is held --------------------------------------------------------------------------------------------------


def test_a_long_call_keeps_its_claim(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    renewed, renew = threading.Event(), Cache.renew

    def watched(self: Cache, held: Any) -> None:
        renew(self, held)
        if aged.is_set():
            renewed.set()

    def says(colour: str, prompt: Any) -> str:
        age(folder, LAPSE + 1)
        aged.set()
        assert renewed.wait(PATIENCE)
        with sqlite3.connect(folder / "cot.db") as connection:
            (last,) = connection.execute("SELECT time FROM claims").fetchone()
        assert abs(time.time() - last) < LAPSE / 2
        return colour

    aged = threading.Event()
    monkeypatch.setattr(calls, "RENEWED", 0.01)
    monkeypatch.setattr(Cache, "renew", watched)
    with asker(Painter("master", says=says), None, folder) as cot:
        assert cot.ask(WHICH, disc("red")).text == "red"
        assert claims(folder) == 0


@pytest.mark.filterwarnings("ignore:Answers are given but not kept:RuntimeWarning")
def test_a_cache_that_takes_no_claims_stops_no_answer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise StoreFull("It is full.")

    for name in ("claim", "free", "renew"):
        monkeypatch.setattr(Cache, name, full)
    with asker(Painter("master"), None, folder) as cot:
        assert cot.ask(WHICH, disc("red")).text == "red"
        assert cot.ask(WHICH, disc("red")).source == "exact"


@pytest.mark.filterwarnings("ignore:Answers are given but not kept:RuntimeWarning")
def test_a_claim_that_could_not_be_freed_is_freed_later(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise StoreFull("It is full.")

    master = Painter("master")
    with asker(master, None, folder) as cot:
        with monkeypatch.context() as patch:
            for name in ("free", "record_call", "record"):
                patch.setattr(Cache, name, full)
            assert cot.ask(WHICH, disc("red")).text == "red"
            assert claims(folder) == 1
        assert cot.ask(WHICH, disc("red")).text == "red"
        assert claims(folder) == 0
    assert master.calls == 1


def test_what_costs_nothing_takes_no_claim(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cache, "claim", lambda *_: pytest.fail("it has taken one"))
    with asker(None, Painter("small", price=Price()), folder) as cot:
        assert cot.ask(WHICH, disc("red")).text == "red"
        assert cot.ask(WHICH, disc("red")).source == "exact"
