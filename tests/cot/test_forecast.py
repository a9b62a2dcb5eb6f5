"""What asking the apprentice first will save, told before it is asked."""

from __future__ import annotations

from perdure.cot.judgement.confidence import Confidence, Evidence
from perdure.cot.judgement.forecast import Forecast, Prospect

ALONE = Prospect(nearness=0.95, consent=0.3, lead=0.2)
"""One neighbour stands apart from the others."""
LOST = Prospect(nearness=0.85, consent=0.3, lead=0.0)


def taught() -> Forecast:
    """By an apprentice that is sure where a neighbour stands apart."""
    forecast = Forecast()
    for _ in range(50):
        forecast.learn(ALONE, Evidence(0.99, 0.6, 0.95, 0.2))
        forecast.learn(LOST, Evidence(0.3, 0.2, 0.85, -0.05))
    return forecast


def test_before_anything_is_known_everything_is_worth_asking() -> None:
    forecast = Forecast()
    assert forecast.saving(LOST, Confidence().weights, 0.5) == 1.0
    for _ in range(20):
        forecast.learn(LOST, Evidence(0.1, 0.0, 0.8, -0.2))
    assert forecast.saving(LOST, Confidence().weights, 0.5) == 1.0


def test_what_neighbours_promise_is_told_from_what_they_do_not() -> None:
    weights = Confidence().weights
    assert taught().saving(ALONE, weights, 0.5) > 0.3
    assert taught().saving(LOST, weights, 0.5) < 0.05


def test_the_higher_the_line_the_less_is_saved() -> None:
    forecast, weights = taught(), Confidence().weights
    savings = [forecast.saving(ALONE, weights, line) for line in (0.1, 0.5, 0.8, 0.99)]
    assert savings == sorted(savings, reverse=True)
    assert savings[-1] < 0.1


def test_where_no_answer_will_do_none_saves_anything() -> None:
    assert taught().saving(ALONE, Confidence().weights, 1.0) == 0.0


def test_it_follows_the_confidence_at_once() -> None:
    forecast, confidence = taught(), Confidence()
    before = forecast.saving(ALONE, confidence.weights, 0.5)
    for _ in range(200):
        confidence.learn(Evidence(0.99, 0.6, 0.95, 0.2), agreed=False)
    assert forecast.saving(ALONE, confidence.weights, 0.5) < 0.5 * before


def test_all_answers_alike_are_no_trouble() -> None:
    forecast = Forecast()
    for _ in range(40):
        forecast.learn(Prospect(0.0, 0.5, 0.0), Evidence(1.0, 0.5, 0.0))
    assert 0.0 <= forecast.saving(Prospect(0.0, 0.5, 0.0), Confidence().weights, 0.5) <= 1.0
