"""How sure an apprentice's answer is, before any audit and after."""

from __future__ import annotations

from perdure.cot.judgement.confidence import Confidence, Evidence


def evidence(
    *, certainty: float = 0.9, support: float = 0.5, nearness: float = 0.9, lead: float = 0.0, apart: bool = False
) -> Evidence:
    return Evidence(certainty, support, nearness, lead, apart)


def test_before_any_audit_all_that_speaks_for_an_answer_counts() -> None:
    sure = Confidence().probability
    assert sure(evidence(certainty=0.99)) > sure(evidence(certainty=0.9)) > sure(evidence(certainty=0.5))
    assert sure(evidence(support=0.9)) > sure(evidence()) > sure(evidence(support=0.1))


def test_where_no_two_neighbours_say_the_same_it_counts_most_how_one_stands_out() -> None:
    sure = Confidence().probability

    def apart(**given: float) -> float:
        return sure(evidence(apart=True, **given))  # type: ignore[arg-type]

    assert apart(lead=0.05) > apart() > apart(lead=-0.05)
    assert apart(lead=0.3) == apart(lead=1.0) > apart(lead=0.2)
    assert apart(certainty=0.999) - apart(certainty=0.5) < apart(lead=0.1) - apart(lead=-0.1)
    assert sure(evidence(certainty=0.999)) - sure(evidence(certainty=0.5)) > 0.5


def test_where_only_the_lead_tells_audits_teach_that() -> None:
    learned = Confidence()
    before = learned.probability(evidence(lead=0.1)) - learned.probability(evidence(lead=0.01))
    for _ in range(100):
        learned.learn(evidence(lead=0.1), agreed=True)
        learned.learn(evidence(lead=0.01), agreed=False)
    assert learned.probability(evidence(lead=0.1)) > 0.8
    assert learned.probability(evidence(lead=0.01)) < 0.3
    assert learned.probability(evidence(lead=0.1)) - learned.probability(evidence(lead=0.01)) > before + 0.5


def test_audits_that_contradict_the_prior_are_believed() -> None:
    learned = Confidence()
    assert learned.probability(evidence(certainty=0.999)) > 0.9
    for _ in range(200):
        learned.learn(evidence(certainty=0.999), agreed=False)
    assert learned.probability(evidence(certainty=0.999)) < 0.05


def test_audits_of_an_older_version_are_not_mixed_in() -> None:
    old = [((1.0, 0.5, 0.0, 0.0, 0.0), False)] * 100
    assert Confidence(old).record == (0, 0)
    assert Confidence(old).probability(evidence()) == Confidence().probability(evidence())
