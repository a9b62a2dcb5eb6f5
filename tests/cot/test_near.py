from __future__ import annotations

import random
import threading
import time

import pytest

from perdure.cot.judgement.likeness import SAME, Likeness
from perdure.cot.judgement.near import FLOOR, Calibration, score
from perdure.cot.judgement.near_prior import EDGES
from perdure.cot.judgement.wording import compare
from perdure.errors import UsageError

TOP = 0.9999
NOTHING = tuple((0, 0) for _ in EDGES)
"""A prior that knows nothing."""


def served(calibration: Calibration, rng: random.Random, chance: float, asks: int) -> tuple[int, int]:
    """Hits given and wrong ones among them, where a kept answer of the top band is wrong with ``chance``."""
    given = wrong = 0
    for ask in range(asks):
        is_wrong = rng.random() < chance
        decision = calibration.decide(TOP, f"{rng.random()} {ask}")
        if decision.audit:
            calibration.learn(TOP, agreed=not is_wrong)
        elif decision.accept:
            given += 1
            wrong += is_wrong
    return given, wrong


def test_words_and_pictures_decide_the_score() -> None:
    same, reversed_ = compare("Is A left of B?", "is A left of B"), compare("Is A left of B?", "Is B left of A?")
    assert score(SAME, same) > EDGES[-1]
    assert score(SAME, reversed_) == 0.0
    assert score(None, same) == 0.0, "pictures that can't be compared are no match"
    assert score(Likeness(0.5, 0.01, 0.0, 0.0, 0.0, False), same) < EDGES[0], "one changed detail"
    count = compare("How many dogs are there?", "Count the dogs")
    mirrored = Likeness(0.0, 0.0, 0.0, 0.0, 0.0, True)
    assert score(mirrored, same) < EDGES[0], "a mirror changes sides"
    assert score(mirrored, same) < score(mirrored, count)
    redder = Likeness(0.01, 0.001, 0.4, 0.0, 0.0, False)
    assert score(redder, compare("What colour is the car?", "What color is the car")) < EDGES[0] < score(SAME, count)


def test_it_starts_useful_with_the_shipped_prior_and_not_without() -> None:
    for delta in (0.01, 0.02, 0.05):
        assert Calibration(delta).decide(TOP, "key").accept
        assert not Calibration(delta, prior=NOTHING).decide(TOP, "key").accept


def test_without_a_prior_audits_alone_open_a_band() -> None:
    calibration = Calibration(0.02, prior=NOTHING)
    given, wrong = served(calibration, random.Random(1), 0.001, 6000)
    assert given > 2000
    assert wrong <= 0.02 * given
    assert calibration.bands[-1].open


def test_delta_zero_turns_it_off() -> None:
    calibration = Calibration(0.0, [(TOP, True)])
    decision = calibration.decide(TOP, "key")
    assert not decision.accept
    assert not decision.audit
    assert decision.why == "near matches are off"
    assert calibration.bands == ()
    with pytest.raises(UsageError, match=r"delta is 1\.5"):
        Calibration(1.5)


@pytest.mark.parametrize("delta", [0.01, 0.02, 0.05])
def test_a_band_that_is_too_often_wrong_never_opens_by_luck(delta: float) -> None:
    opened = 0
    for seed in range(25):
        rng = random.Random(seed)
        calibration = Calibration(delta, prior=NOTHING)
        for _ in range(1000):
            calibration.learn(TOP, agreed=rng.random() >= delta * 1.01)
            if calibration._bands[-1].open:
                opened += 1
                break
    assert opened <= 1, "far fewer than 5 %, which all bands share"


@pytest.mark.parametrize("chance", [0.1, 0.3, 1.0])
def test_a_prior_that_misleads_costs_few_wrong_answers(chance: float) -> None:
    wrong = []
    for seed in range(12):
        calibration = Calibration(0.02)
        wrong.append(served(calibration, random.Random(seed), chance, 1200)[1])
        assert not calibration.bands[-1].open
    assert sum(wrong) / len(wrong) < 25


def test_a_change_is_noticed_and_what_was_known_is_forgotten() -> None:
    rng = random.Random(5)
    calibration = Calibration(0.02)
    served(calibration, rng, 0.0, 20_000)
    before = calibration.bands[-1]
    given, wrong = served(calibration, rng, 0.5, 20_000)
    after = calibration.bands[-1]
    assert before.open
    assert not after.open
    assert after.alarms > before.alarms == 0
    assert wrong < 8 / FLOOR, "eight audits at most saw errors before it closed"
    assert given < 20 / FLOOR
    served(calibration, rng, 0.0, 60_000)
    assert calibration.bands[-1].open, "and it opens again on its own audits"


def test_many_are_audited_at_first_and_a_few_always() -> None:
    calibration = Calibration(0.02)
    first = sum(calibration.decide(TOP, f"first {key}").audit for key in range(4000)) / 4000
    for _ in range(20_000):
        calibration.learn(TOP, agreed=True)
    later = sum(calibration.decide(TOP, f"later {key}").audit for key in range(4000)) / 4000
    assert 0.17 < first < 0.23
    assert 0.5 * FLOOR < later < 1.5 * FLOOR


def test_the_draw_is_the_questions_own_and_another_one_each_time_it_is_asked() -> None:
    random.seed(1)
    state = random.getstate()
    one, other = Calibration(0.02), Calibration(0.02)
    drawn = [one.decide(TOP, "key", turn).audit for turn in range(200)]
    assert drawn == [other.decide(TOP, "key", turn).audit for turn in range(200)]
    assert 20 < sum(drawn) < 65
    assert random.getstate() == state


def test_all_of_the_state_is_the_audits() -> None:
    rng = random.Random(9)
    audits = [(rng.choice((0.1, *EDGES, TOP)), rng.random() < 0.99) for _ in range(10_000)]
    began = time.perf_counter()
    rebuilt = Calibration(0.02, audits)
    assert time.perf_counter() - began < 1
    learned = Calibration(0.02)
    for at, agreed in audits:
        learned.learn(at, agreed=agreed)
    assert rebuilt.bands == learned.bands
    assert [rebuilt.decide(at, "key") for at, _ in audits[:50]] == [learned.decide(at, "key") for at, _ in audits[:50]]


def test_the_reason_is_a_sentence_with_the_bound() -> None:
    calibration = Calibration(0.02)
    assert "% of the time (95% sure)" in calibration.decide(TOP, "key").why
    assert "2.0% is allowed" in Calibration(0.02, prior=NOTHING).decide(TOP, "key").why
    assert calibration.decide(0.1, "key").why == "too much differs"


def test_several_threads_lose_no_audit() -> None:
    calibration = Calibration(0.02)

    def learn() -> None:
        for _ in range(2000):
            calibration.learn(TOP, agreed=True)
            calibration.decide(TOP, "key")

    threads = [threading.Thread(target=learn) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calibration.bands[-1].audits == 8000
