"""Who goes to the master: the share that is paid for, however confidences drift."""

from __future__ import annotations

import numpy as np
import pytest

from perdure.cot.judgement.router import ConfidenceRouter


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_the_share_is_met_though_confidences_fall(share: float) -> None:
    rng = np.random.default_rng(0)
    router = ConfidenceRouter(enough=1.0)
    middles = np.linspace(0.8, 0.2, 600)  # as of an apprentice that turns out to be seldom right
    sent = [
        router.escalate(str(n), float(np.clip(rng.normal(middle, 0.1), 0, 1)), share)
        for n, middle in enumerate(middles)
    ]
    assert np.mean(sent[:300]) == pytest.approx(share, abs=0.08)
    assert np.mean(sent[300:]) == pytest.approx(share, abs=0.08)


def test_those_sent_are_the_least_sure() -> None:
    rng = np.random.default_rng(1)
    router = ConfidenceRouter(enough=1.0)
    confidences = rng.uniform(0, 1, 1_000)
    sent = np.array([router.escalate(str(n), float(sure), 0.3) for n, sure in enumerate(confidences)])
    later = slice(100, None)
    assert confidences[later][sent[later]].max() < 0.5
    assert confidences[later][sent[later]].mean() < 0.2


def test_what_was_sent_without_asking_counts() -> None:
    router = ConfidenceRouter(enough=1.0)
    for _ in range(100):
        router.sent(0.5)
        router.escalate("", 0.6, 0.5)
    assert router.line(0.5) < 0.6
    for _ in range(100):
        router.sent(0.5)
    assert router.line(0.5) < 0.1


def test_money_that_would_buy_nothing_is_kept() -> None:
    router = ConfidenceRouter(enough=0.9)
    assert not any(router.escalate(str(n), 0.95, 0.9) for n in range(200))
    assert router.escalate("", 0.3, 0.9)


def test_another_budget_moves_the_line_at_once() -> None:
    rng = np.random.default_rng(2)
    router = ConfidenceRouter(enough=1.0)
    for n in range(300):
        router.escalate(str(n), float(rng.uniform(0, 1)), 0.05)
    assert router.line(0.05) < 0.15
    assert router.line(0.8) == pytest.approx(0.8, abs=0.15)


def test_without_money_nobody_is_sent_and_without_a_limit_all_below_the_line() -> None:
    router = ConfidenceRouter(enough=0.9)
    assert not router.escalate("", 0.0, 0.0)
    assert router.escalate("", 0.89, None)
    assert router.escalate("", 0.89, 1.0)
    assert not router.escalate("", 0.9, None)
