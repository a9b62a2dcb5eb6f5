"""What a preview says, and that taking one leaves the value, and everything else, alone."""

import collections
import enum
import json
import math
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import ClassVar

import numpy
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.capture.preview import LIMIT, describe, preview


class Hostile:
    """Raises at whatever is asked of it, and remembers that it was asked."""

    asked: ClassVar[list[str]] = []

    def __getattribute__(self, name):
        Hostile.asked.append(name)
        raise RuntimeError(name)

    def __repr__(self):
        Hostile.asked.append("repr")
        raise RuntimeError

    __len__ = __str__ = __iter__ = __bool__ = __eq__ = __hash__ = __repr__


class Colour(enum.Enum):
    RED = 1


class Own(list):
    def __repr__(self):
        raise AssertionError

    def __len__(self):
        raise AssertionError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (None, "None"),
        (1.5, "1.5"),
        ("abc", "'abc'"),
        (b"abc", "b'abc'"),
        ([], "[]"),
        ((1,), "(1,)"),
        (set(), "set()"),
        ({"a": [1, 2]}, "{'a': [1, 2]}"),
        (frozenset({1}), "frozenset({1})"),
        (10**400, "<int of 1,329 bits>"),
        (Path("/tmp"), f"{type(Path('/tmp')).__name__}('/tmp')"),
        (json, "<module json>"),
        (Own([1, 2]), f"<{__name__}.Own with 2 items>"),
        (Colour.RED, f"<{__name__}.Colour.RED>"),
        (Own, f"<class {__name__}.Own>"),
        (collections.OrderedDict(a=1), "<collections.OrderedDict with 1 items>"),
    ],
)
def test_small_values_are_spelled_out_and_others_named(value, text):
    assert preview(value)["repr"] == text


def test_a_function_shows_its_parameters():
    def area(width, height=2):
        return width * height

    assert preview(area)["repr"].endswith("area(width, height)>")


def test_a_cycle_ends():
    loop = [1]
    loop.append(loop)
    assert preview(loop)["repr"] == "[1, […]]"


def test_nothing_is_asked_of_a_users_object():
    class Loud:
        """As hostile as an object can be that pandas puts into a frame."""

        __repr__ = __str__ = __bool__ = __eq__ = __hash__ = Hostile.__repr__

    values = [Hostile(), [Hostile()], {"a": (Hostile(),)}, pandas.DataFrame({"Hostile": [Loud()]}, dtype=object)]
    Hostile.asked.clear()
    for value in values:
        assert "Hostile" in json.dumps(preview(value))
    assert Hostile.asked == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.text() | st.integers(), inner)
            | st.tuples(inner)
            | st.sets(st.integers())
        ),
    )
)
def test_any_plain_value_gives_bounded_json(value):
    told = preview(value)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert len(told["repr"]) <= LIMIT
    json.dumps(told, ensure_ascii=False).encode("utf-8")
    assert told["type"] == type(value).__name__
    if isinstance(value, (list, dict, tuple, set, str, bytes)):
        assert told["length"] == len(value)


@given(st.text(alphabet=st.characters(), max_size=30))
def test_a_short_string_is_shown_as_it_is(value):
    assert describe(value) == repr(value) or "…" in describe(value)


def test_text_that_utf8_cannot_hold_is_shown_escaped():
    frame = pandas.DataFrame({"a": [1]})
    frame.columns = pandas.Index(["\ud800"], dtype=object)
    json.dumps([preview("\ud800"), preview(frame)], ensure_ascii=False).encode("utf-8")


def test_an_array_tells_shape_dtype_and_size():
    told = preview(numpy.arange(12.0).reshape(3, 4))
    assert told == {
        "type": "numpy.ndarray",
        "repr": "<numpy.ndarray 3x4 float64: 0, 1, 2, 3, 4, 5, …>",
        "shape": [3, 4],
        "dtype": "float64",
        "size": 96,
        "length": 3,
    }


@pytest.mark.parametrize(
    "value", [numpy.array(1), numpy.zeros((0, 3)), numpy.array([{}], dtype=object), numpy.ma.array([1])]
)
def test_every_array_has_a_shape(value):
    assert preview(value)["shape"] == list(value.shape)


def test_a_subclass_of_an_array_is_not_asked_either():
    class Loud(numpy.ndarray):
        shape = property(lambda self: 1 / 0)
        nbytes = property(lambda self: 1 / 0)

    assert preview(numpy.zeros(3).view(Loud))["shape"] == [3]


def test_a_frame_tells_columns_and_its_first_cells():
    frame = pandas.DataFrame({"a": range(10), "when": pandas.date_range("2020", periods=10), "list": [[1]] * 10})
    told = preview(frame)
    assert (told["shape"], told["length"]) == ([10, 3], 10)
    assert told["type"] in ("pandas.DataFrame", "pandas.core.frame.DataFrame")
    assert [name for name, _ in told["columns"]] == ["a", "when", "list"]
    assert told["columns"][0][1] == "int64"
    assert told["head"][2] == ["2", "<pandas.Timestamp 2020-01-03 00:00:00>", "[1]"]
    assert told["size"] > 0
    json.dumps(told, allow_nan=False)


def test_a_wide_frame_is_bounded():
    told = preview(pandas.DataFrame(numpy.zeros((2, 5000))))
    assert len(told["columns"]) == 20
    assert [len(row) for row in told["head"]] == [5, 5]


@pytest.mark.parametrize(
    "frame",
    [
        pandas.DataFrame(),
        pandas.DataFrame([[1, 2]], columns=["a", "a"]),
        pandas.DataFrame([[1, 2]], columns=pandas.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
        pandas.DataFrame({"a": pandas.Categorical(["x", None])}),
    ],
)
def test_odd_frames_are_described(frame):
    assert preview(frame)["shape"] == list(frame.shape)
    assert len(preview(frame)["columns"]) == frame.shape[1]


def test_a_frame_is_left_as_it_was():
    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    before = dict(vars(frame))
    preview(frame)
    assert vars(frame).keys() == before.keys()


def test_random_generators_are_not_drawn_from():
    states = random.getstate(), numpy.random.get_state()[1].tolist()
    for value in (numpy.random.default_rng(1), random.Random(1), numpy.zeros(5), pandas.Series([1])):
        preview(value)
    assert (random.getstate(), numpy.random.get_state()[1].tolist()) == states


def test_no_library_is_imported():
    code = (
        "import sys; from perdure.capture.preview import preview; preview([1, {'a': object()}]);"
        "print([name for name in ('numpy', 'pandas', 'torch', 'polars', 'sklearn') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_tensors_tell_their_device():
    torch = pytest.importorskip("torch")
    told = preview(torch.zeros(3, 4, dtype=torch.bfloat16))
    assert (told["shape"], told["dtype"], told["device"], told["size"]) == ([3, 4], "bfloat16", "cpu", 24)
    assert preview(torch.nn.Parameter(torch.zeros(2)))["shape"] == [2]
    assert preview(torch.eye(3).to_sparse())["shape"] == [3, 3]


def test_polars_frames_are_described():
    polars = pytest.importorskip("polars")
    told = preview(polars.DataFrame({"a": [1, None], "b": [[1], [2]]}))
    assert told["columns"] == [["a", "Int64"], ["b", "List(Int64)"]]
    assert told["head"] == [["1", "[1]"], ["None", "[2]"]]


@pytest.mark.parametrize(
    "value",
    [
        "x" * 10**7,
        list(range(10**6)),
        {i: [i] for i in range(10**5)},
        numpy.zeros(10**6),
        pandas.DataFrame(numpy.zeros((10**5, 30))),
    ],
    ids=["text", "list", "dict", "array", "frame"],
)
def test_the_cost_does_not_follow_the_size(value):
    best = math.inf
    for _ in range(20):
        start = time.perf_counter()
        preview(value)
        best = min(best, time.perf_counter() - start)
    assert best < 0.005  # some tens or hundreds of microseconds, on a machine that does nothing else
