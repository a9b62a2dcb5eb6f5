"""How models differ: which parameters moved and how far, and which settings changed."""

import copy
import json
import pickle

import numpy
import pytest

from perdure.timeline.difference import Difference, difference


def differ(before, after) -> Difference:
    found = difference(before, after)
    json.dumps(found.to_json(), allow_nan=False)
    assert found.as_text()
    return found


@pytest.fixture
def network():
    torch = pytest.importorskip("torch")
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(0.1), torch.nn.BatchNorm1d(4))


def test_a_network_equals_its_copy(network):
    assert differ(network, copy.deepcopy(network)).equal
    assert differ(network, pickle.loads(pickle.dumps(network))).equal


def test_parameters_that_moved_and_settings_that_changed(network):
    torch = pytest.importorskip("torch")
    after = copy.deepcopy(network)
    with torch.no_grad():
        after[0].weight *= 1.5
    after[1].p = 0.2
    found = differ(network, after)
    assert found.kind == "model"
    assert found.summary == "1 parameter changed, 1 setting changed, furthest 0.weight by 0.5 of its norm"
    assert [row["path"] for row in found.details["parameters"]] == ["0.weight"]
    assert found.details["parameters"][0]["details"]["relative"] == pytest.approx(0.5)
    assert found.details["settings"][0]["text"] == "0.1 → 0.2"
    assert "['net'].0.weight" in differ({"net": network}, {"net": after}).as_text()


def test_buffers_and_the_mode_belong_to_a_network(network):
    after = copy.deepcopy(network).eval()
    after[2].running_mean += 1
    found = differ(network, after)
    assert "2.running_mean" in {row["path"] for row in found.details["parameters"]}
    assert any(row["path"] == "training" for row in found.details["settings"])


def test_layers_come_and_go(network):
    torch = pytest.importorskip("torch")
    after = copy.deepcopy(network)
    after.append(torch.nn.Linear(4, 1))
    assert "+ .3: " in differ(network, after).as_text()


def test_optimizers_differ_by_attributes(network):
    torch = pytest.importorskip("torch")
    before = torch.optim.Adam(network.parameters())
    after = copy.deepcopy(before)
    assert differ(before, copy.deepcopy(before)).equal
    after.param_groups[0]["lr"] = 0.5
    assert "['lr']: 0.001 → 0.5" in differ(before, after).as_text()


def test_estimators():
    linear_model = pytest.importorskip("sklearn.linear_model")
    inputs = numpy.random.default_rng(0).random((50, 3))
    labels = inputs[:, 0] > 0.5
    before = linear_model.LogisticRegression().fit(inputs, labels)
    after = linear_model.LogisticRegression(C=2.0).fit(inputs, labels)
    assert differ(before, pickle.loads(pickle.dumps(before))).equal
    found = differ(before, after)
    assert found.kind == "model"
    assert found.summary.startswith("1 parameter changed, ")
    assert found.details["parameters"] == [{"path": "C", "action": "changed", "text": "1.0 → 2.0"}]
    assert {"coef_", "intercept_"} <= {row["path"] for row in found.details["fitted_values"]}
    unfitted = differ(linear_model.LogisticRegression(), before)
    assert {row["action"] for row in unfitted.details["fitted_values"]} == {"added"}


def test_estimators_inside_estimators():
    pytest.importorskip("sklearn")
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    inputs = numpy.random.default_rng(0).random((50, 3))
    labels = inputs[:, 0] > 0.5
    pipes = [make_pipeline(StandardScaler(), LogisticRegression(C=number)).fit(inputs, labels) for number in (1.0, 3.0)]
    assert "steps[1][1].C" in {row["path"] for row in differ(*pipes).details["parameters"]}
    forests = [RandomForestClassifier(5, random_state=seed).fit(inputs, labels) for seed in (0, 1)]
    assert differ(forests[0], pickle.loads(pickle.dumps(forests[0]))).equal
    assert differ(*forests).kind == "model"


def test_a_model_of_ones_own_is_compared_by_attributes():
    class Network:
        def __init__(self, scale):
            self.weights = [numpy.full(3, scale), numpy.zeros(2)]

    found = differ(Network(1.0), Network(2.0))
    assert found.summary.startswith("1 attribute changed: .weights[0]: 3 of 3 elements differ, max |Δ| 1")
    assert found.details["changes"][0]["details"]["relative"] == 1.0
