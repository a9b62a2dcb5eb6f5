from __future__ import annotations

import random

import pytest

from perdure.cot.judgement.bound import Alarm, evidence, upper


@pytest.mark.parametrize("rate", [0.005, 0.02, 0.1])
def test_whoever_stops_when_it_looks_best_is_misled_in_alpha_of_all_cases_at_most(rate: float) -> None:
    rng = random.Random(1)
    alpha, misled = 0.1, 0
    for _ in range(200):
        wrong = 0
        for audits in range(1, 1000):
            wrong += rng.random() < rate
            # The adversary looks after each audit, and stops as soon as the bound is under the truth.
            if evidence(wrong, audits, rate) >= 2.302585092994046:
                misled += 1
                break
    assert misled <= 200 * alpha
    assert upper(0, 1000, alpha) < 0.005 < upper(10, 1000, alpha), "and yet it says something"


def test_the_mean_of_chances_that_change_with_what_came_before_is_bounded_too() -> None:
    rng = random.Random(2)
    misled = 0
    for _ in range(150):
        wrong, chances = 0, 0.0
        for audits in range(1, 800):
            # An adversary who makes errors likely after a while without one, and unlikely while the bound is loose.
            chance = 0.08 if wrong < 0.03 * audits else 0.005
            chances += chance
            wrong += rng.random() < chance
            if evidence(wrong, audits, chances / audits) >= 2.302585092994046:
                misled += 1
                break
    assert misled <= 15


def test_the_bound_is_what_the_evidence_says() -> None:
    for wrong, audits in ((0, 200), (1, 300), (7, 400), (40, 400)):
        bound = upper(wrong, audits, 0.05)
        assert wrong / audits < bound < 1
        assert evidence(wrong, audits, bound + 1e-6) > 2.995732 > evidence(wrong, audits, bound - 1e-6)


def test_nothing_known_bounds_nothing_and_more_errors_bound_less() -> None:
    assert upper(0, 0, 0.05) == 1.0
    assert upper(3, 3, 0.05) == 1.0
    bounds = [upper(wrong, 500, 0.05) for wrong in range(10)]
    assert bounds == sorted(bounds)
    assert bounds[0] < 0.01
    assert upper(0, 500, 0.001) > bounds[0]


def test_an_alarm_is_quick_after_a_change_and_rare_without_one() -> None:
    rng = random.Random(3)
    runs, late = [], []
    for _ in range(60):
        alarm = Alarm(0.02)
        runs.append(next((audits for audits in range(5000) if alarm.sees(wrong=rng.random() < 0.02)), 5000))
        alarm = Alarm(0.02)
        for _ in range(200):
            alarm.sees(wrong=False)
        late.append(next(audits for audits in range(5000) if alarm.sees(wrong=rng.random() < 0.5)))
    assert sum(runs) / len(runs) > 1000
    assert sum(late) / len(late) < 15
