"""Which names belong to the session."""

from __future__ import annotations

from typing import Any

import pytest

from perdure.capture.names import Namespace


@pytest.mark.parametrize(
    "name", ["x", "_x", "__x", "_private", "_iterate", "i", "In_", "_ii_", "exit2", "Ω", "_hidden"]
)
def test_users_names(name: str) -> None:
    assert name in Namespace({name: [1]}).snapshot()


@pytest.mark.parametrize(
    "name", ["In", "Out", "_i", "_ii", "_iii", "_i12", "_ih", "_oh", "_dh", "get_ipython", "exit", "quit", "__name__"]
)
def test_ipythons_names(name: str) -> None:
    assert name not in Namespace({name: [1]}).snapshot()


def test_a_hidden_name_counts_once_the_user_has_bound_it() -> None:
    hidden: dict[str, Any] = {"open": print}
    user = {"open": print, "helper": 1}
    hidden["helper"] = user["helper"]
    names = Namespace(user, hidden)
    assert "helper" not in names.snapshot()
    user["helper"] = [2]
    assert names["helper"] == [2]
    assert "helper" in names.snapshot()


def test_an_output_is_a_name_of_its_own() -> None:
    user: dict[str, Any] = {}
    outputs = {3: [1], 4: "x"}
    names = Namespace(user, {}, outputs)
    assert {name for name in names if name.startswith("Out")} == {"Out[3]", "Out[4]"}
    assert names["Out[3]"] is outputs[3]
    names["Out[5]"] = value = [5]
    assert outputs[5] is value
    assert user["_5"] is value
    del names["Out[5]"]
    assert 5 not in outputs
    assert "_5" not in user


def test_a_shorthand_that_the_user_took_is_left_alone() -> None:
    user: dict[str, Any] = {}
    outputs: dict[int, Any] = {}
    names = Namespace(user, {}, outputs)
    names["Out[5]"] = [5]
    user["_5"] = "mine"
    del names["Out[5]"]
    assert user["_5"] == "mine"


def test_writing_goes_to_the_live_dict() -> None:
    user: dict[str, Any] = {"x": 1}
    names = Namespace(user)
    names["y"] = 2
    del names["x"]
    assert user == {"y": 2}


def test_keys_that_are_no_strings_are_passed_over() -> None:
    user: Any = {5: 1, None: 2, "x": 3, ("t",): 4}
    assert [name for name in Namespace(user).snapshot() if not str(name).startswith("<")] == ["x"]
