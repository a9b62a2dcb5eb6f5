"""How plain values, containers, objects and code differ, and what is said when they can't be compared."""

import collections
import copy
import datetime
import decimal
import enum
import fractions
import json
import pathlib
import pickle
import random
import re
import threading
import uuid
from typing import NamedTuple

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.timeline.difference import Difference, difference


def differ(before, after) -> Difference:
    """The difference, having seen that it is fit to be shown and sent."""
    found = difference(before, after)
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert told["kind"] == found.kind
    assert "\n" not in found.summary
    assert found.as_text().startswith(found.summary)
    assert found.as_text(0).count("\n") <= 1
    return found


class Thing:
    def __init__(self, **held):
        self.__dict__.update(held)


class Slotted:
    __slots__ = ("left", "right")

    def __init__(self, left):
        self.left = left


class Silent:
    """Neither compares nor shows itself."""

    __hash__ = None

    def __init__(self, content=None):
        self.content = content

    def __eq__(self, other):
        raise ValueError

    def __repr__(self):
        raise ValueError


class Vague:
    """Compares like an array."""

    __hash__ = None

    def __init__(self, content):
        self.content = content

    def __eq__(self, other):
        return numpy.array([True, False])


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Point(NamedTuple):
    x: int
    y: int


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3) | st.integers() | st.booleans(), inner, max_size=4)
        | st.tuples(inner, inner)
        | st.frozensets(st.integers(), max_size=4)
        | inner.map(lambda held: Thing(held=held))
    ),
    max_leaves=12,
)


@given(plain)
@settings(max_examples=150)
def test_a_value_and_its_copy_are_equal(value):
    assert differ(value, pickle.loads(pickle.dumps(value))).kind == "equal"


@given(plain, plain)
@settings(max_examples=150)
def test_equal_both_ways_or_neither(before, after):
    found = differ(before, after)
    assert found.equal == differ(after, before).equal
    if not found.equal:
        assert found.certain
        assert pickle.dumps(before) != pickle.dumps(after)


@given(st.lists(st.integers(0, 5), max_size=30), st.lists(st.integers(0, 5), max_size=30))
def test_the_changes_of_a_list_lead_from_one_to_the_other(before, after):
    found = differ(before, after)
    if found.equal:
        assert before == after
        return
    counts = found.details["counts"]
    assert len(before) + counts["added"] - counts["removed"] == len(after)
    assert sum(counts.values()) == len(found.details["changes"])


@pytest.mark.parametrize(
    ("before", "after", "kind", "summary"),
    [
        (3, 5, "value", "3 → 5 (+2)"),
        (1.5, 1.0, "value", "1.5 → 1.0 (-0.5)"),
        (True, False, "value", "True → False"),
        (None, 3, "type", "NoneType became int: None → 3"),
        (1, True, "type", "int became bool: int 1 → bool True"),
        ([1], (1,), "type", "list became tuple: list [1] → tuple (1,)"),
        ("abc", "abd", "text", "'abc' → 'abd'"),
        (b"abc", b"abd", "value", "b'abc' → b'abd' (from byte 2 on)"),
        ([1, 2], [1, 3], "sequence", "1 of 2 items changed: [1]: 2 → 3"),
        ([1, 2, 3], [0, 1, 2, 3], "sequence", "1 item added: [0]: 0"),
        ({"a": 1}, {"a": 1, "b": 2}, "mapping", "1 key added: ['b']: 2"),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, "mapping", "the same keys in another order"),
        ({1: "x"}, {True: "x"}, "mapping", "1 key added, 1 key removed"),
        ({1, 2}, {2, 3}, "set", "1 element added, 1 element removed"),
        (Point(1, 2), Point(1, 3), "sequence", "1 of 2 items changed: .y: 2 → 3"),
        (
            collections.deque([1]),
            collections.deque([1], maxlen=3),
            "sequence",
            "1 attribute differs: .maxlen: None → 3",
        ),
        (Colour.RED, Colour.BLUE, "value", "<Colour.RED: 1> → <Colour.BLUE: 2>"),
        (fractions.Fraction(1, 2), fractions.Fraction(1, 3), "value", "Fraction(1, 2) → Fraction(1, 3)"),
        (decimal.Decimal("1.0"), decimal.Decimal("1.00"), "value", "Decimal('1.0') → Decimal('1.00')"),
        (re.compile("a"), re.compile("b"), "value", "re.compile('a') → re.compile('b')"),
        (Thing(x=1), Thing(x=2), "value", "1 attribute changed: .x: 1 → 2"),
        (Thing(), Thing(x=2), "value", "1 attribute added: .x: 2"),
        (Slotted(1), Slotted(2), "value", "1 attribute changed: .left: 1 → 2"),
        (Silent(1), Silent(2), "value", "1 attribute changed: .content: 1 → 2"),
        (Vague(1), Vague(2), "value", "1 attribute changed: .content: 1 → 2"),
        (int, float, "value", "<class 'int'> → <class 'float'>"),
    ],
)
def test_what_is_said(before, after, kind, summary):
    found = differ(before, after)
    assert (found.kind, found.summary) == (kind, summary)


@pytest.mark.parametrize(
    "make",
    [
        lambda: float("nan"),
        lambda: [float("nan"), {"a": complex("nan")}],
        lambda: datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
        lambda: uuid.UUID(int=3),
        lambda: pathlib.PurePosixPath("/a/b"),
        lambda: random.Random(3),
        lambda: numpy.random.default_rng(3),
        lambda: numpy.float32("nan"),
        lambda: numpy.datetime64("NaT"),
        lambda: Silent([1]),
        lambda: [Vague(numpy.zeros(3))],
        lambda: {Thing(x=1), Thing(x=2)},
        lambda: {Thing(x=1): 1, 3: 4},
        lambda: collections.defaultdict(list, a=[1]),
        lambda: collections.OrderedDict(a=1, b=2),
        lambda: ValueError("a", 3),
        object,
        lambda: iter([1, 2]),
        lambda: re.compile("a", re.IGNORECASE),
        lambda: json,
        lambda: lambda x: x + 1,
        lambda: Thing(method=Thing(x=1).__init__),
    ],
)
def test_values_made_alike_are_equal(make):
    assert differ(make(), make()).kind == "equal"


def test_a_path_leads_to_what_changed():
    before = {"a": [1, 2, 3, Thing(b=1)]}
    after = copy.deepcopy(before)
    after["a"][3].b = 2
    assert differ(before, after).details["changes"] == [
        {"path": "['a'][3].b", "action": "changed", "text": "1 → 2"},
    ]


def test_an_array_inside_is_compared_as_one():
    found = differ({"w": numpy.zeros(1000)}, {"w": numpy.eye(1, 1000)[0]})
    assert "1 of 1,000 elements differs" in found.summary
    assert found.details["changes"][0]["details"]["largest"] == 1.0


def test_cycles_and_depth_are_no_matter():
    before, after = [1], [1]
    before.append(before)
    after.append(after)
    assert differ(before, after).equal
    after.append(2)
    assert differ(before, after).summary == "1 item added: [2]: 2"
    chains = [None, None]
    for end in (0, 1):
        chain = Thing(next=None, last=end)
        for _ in range(3000):
            chain = Thing(next=chain, last=None)
        chains[end] = chain
    assert "0 → 1" in differ(*chains).summary


def test_long_lists_are_aligned_by_what_they_begin_and_end_with():
    before = [str(number) for number in range(100_000)]
    after = [*before[:500], "new", *before[500:]]
    assert differ(before, after).summary == "1 item added: [500]: 'new'"


def test_many_changes_are_counted_and_few_are_kept():
    found = differ(dict.fromkeys(range(5000), 1), dict.fromkeys(range(5000), 2))
    assert found.summary == "5,000 of 5,000 keys changed"
    assert found.details["omitted"] == 4000
    assert found.as_text(3).splitlines()[-1] == "  … 4,997 more lines"


def test_what_cannot_be_compared_is_said():
    found = differ(threading.Lock(), threading.Lock())
    assert (found.kind, found.certain, found.equal) == ("value", False, False)
    assert "could not be compared" in found.summary
    found = differ({"lock": threading.Lock(), "n": 1}, {"lock": threading.Lock(), "n": 2})
    assert found.certain
    assert found.summary == "1 of 2 keys changed, 1 key could not be compared"
    assert not differ(numpy.array([threading.Lock()]), numpy.array([threading.Lock()])).certain


def test_objects_that_break_when_looked_at_are_survived():
    class Broken:
        def __getattribute__(self, name):
            raise RuntimeError(name)

    class Forever:
        def __reduce__(self):
            return Forever, (Forever(),)

    found = differ({"a": Broken(), "b": 1}, {"a": Broken(), "b": 2})
    assert found.summary == "1 of 2 keys changed: ['b']: 1 → 2"
    found = differ([Broken(), Broken()], [Broken(), 1])
    assert found.summary.startswith("1 of 2 items changed: [1]: <")
    assert not differ(Forever(), Forever()).certain


def test_a_class_defined_anew_is_still_that_class():
    def cell(number):
        class Model:
            kind = number

            def __init__(self):
                self.weight = 1

            def predict(self):
                return number

        return Model

    old, new = cell(1), cell(2)
    assert differ(old(), new()).equal
    found = differ(old, new)
    assert found.kind == "code"
    assert "kind changed" in found.summary
    assert differ(cell(1), cell(1)).equal


def test_functions_differ_by_source():
    def area(width):
        return width * 2

    first = area

    def area(width):
        width = abs(width)
        return width * 2

    found = differ(first, area)
    assert found.kind == "code"
    assert any(line.strip() == "+        width = abs(width)" for line in found.lines)


def test_functions_without_source_differ_by_code():
    spaces = {}, {}
    exec("def f(x): return x + 1", spaces[0])
    exec("def f(x): return x + 2", spaces[1])
    found = differ(spaces[0]["f"], spaces[1]["f"])
    assert found.kind == "code"
    assert any("2" in line for line in found.lines if line.startswith("+"))
    exec("\n\ndef f(x): return x + 1", spaces[1])
    assert differ(spaces[0]["f"], spaces[1]["f"]).equal


def test_closures_and_defaults_belong_to_a_function():
    def make(number, default):
        def f(x, y=default):
            return x + number + y

        return f

    assert differ(make(1, 1), make(1, 1)).equal
    assert differ(make(1, 1), make(2, 1)).summary == "function changed: enclosed variables"
    assert differ(make(1, 1), make(1, 2)).summary == "function changed: defaults"


@given(st.text(), st.text())
def test_texts_are_equal_only_if_they_are(before, after):
    assert differ(before, after).equal == (before == after)


def test_texts_differ_by_lines():
    found = differ("a\nb\nc\n", "a\nc\nd\n")
    assert found.summary == "1 line added, 1 line removed"
    assert found.details["diff"] == ["@@ -1,3 +1,3 @@", " a", "-b", " c", "+d"]
    assert differ("a\nb", "a\r\nb").summary == "only line ends differ"


def test_the_place_where_two_long_texts_differ_is_shown():
    assert "'xxxxxxxxxyb'" in differ("x" * 500 + "ya", "x" * 500 + "yb").summary


def test_huge_texts_take_no_quadratic_time():
    before, after = ("\n".join(f"{mark}{i}" for i in range(50_000)) for mark in "ab")
    found = differ(before, after)
    assert found.summary == "50,000 lines added, 50,000 lines removed"


def test_nothing_is_changed_by_being_compared():
    value = {"a": [Thing(x=numpy.zeros(3))], "r": random.Random(1)}
    states = pickle.dumps(value), random.getstate(), numpy.random.get_state()[1].tolist()
    differ(value, pickle.loads(states[0]))
    assert (pickle.dumps(value), random.getstate(), numpy.random.get_state()[1].tolist()) == states
