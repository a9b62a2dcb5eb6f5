"""How frames and series differ: columns, rows and cells."""

import json
import pickle

import numpy
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.timeline.difference import Difference, difference


def differ(before, after) -> Difference:
    found = difference(before, after)
    json.dumps(found.to_json(), allow_nan=False)
    assert found.as_text()
    return found


@pytest.fixture
def frame():
    return pandas.DataFrame(
        {
            "number": range(1000),
            "text": ["x", None] * 500,
            "kind": pandas.Categorical(["u", "v"] * 500),
            "when": pandas.date_range("2020", periods=1000),
            "zone": pandas.date_range("2020", periods=1000, tz="Europe/Berlin"),
            "list": [[1]] * 1000,
            "gaps": pandas.array([1, None] * 500, dtype="Int64"),
            "real": [0.5, numpy.nan] * 500,
            "span": pandas.interval_range(0, 1000),
            "month": pandas.period_range("2000", periods=1000, freq="D"),
            "sparse": pandas.arrays.SparseArray([0, 1] * 500),
        }
    )


def test_a_frame_equals_its_copy(frame):
    assert differ(frame, frame.copy(deep=True)).equal
    assert differ(frame.set_index(["number", "text"]), frame.set_index(["number", "text"])).equal


def test_the_issues_example(frame):
    after = frame.copy()
    after.loc[[1, 5, 7], "number"] = -1
    after["b"] = 1
    found = differ(frame, after)
    assert (found.kind, found.summary) == ("frame", "3 of 1,000 rows changed, column 'b' added")
    assert found.details["cells"] == {"'number'": 3}
    assert found.details["samples"][0] == {"row": "1", "column": "'number'", "before": "1", "after": "-1"}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("number", -1),
        ("text", "y"),
        ("text", None),
        ("kind", "v"),
        ("kind", None),
        ("when", pandas.Timestamp("1999")),
        ("when", pandas.NaT),
        ("zone", pandas.Timestamp("1999", tz="Europe/Berlin")),
        ("list", [2]),
        ("gaps", 7),
        ("gaps", None),
        ("real", numpy.nan),
        ("span", pandas.Interval(5, 6)),
        ("month", pandas.Period("1999-01-01", "D")),
    ],
)
def test_one_cell_of_any_dtype(frame, column, value):
    after = frame.copy()
    after.at[4, column] = value
    found = differ(frame, after)
    assert found.summary == "1 of 1,000 rows changed"
    assert found.details["cells"] == {repr(column): 1}
    assert found.details["samples"][0]["row"] == "4"


def test_columns_come_go_move_and_change_their_type(frame):
    assert differ(frame, frame.drop(columns="text")).summary == "column 'text' removed"
    assert differ(frame, frame.rename(columns={"text": "t"})).summary == "column 't' added, column 'text' removed"
    assert differ(frame, frame[frame.columns[::-1]]).summary == "columns reordered"
    assert differ(frame, frame.astype({"number": "float64"})).summary == "column 'number' int64 became float64"
    assert differ(frame, frame.astype({"number": "Int64"})).summary == "column 'number' int64 became Int64"
    assert differ(frame, frame.astype({"kind": object})).summary == "column 'kind' category became object"
    assert differ(frame, frame.astype({"number": str})).details["rows"]["changed"] == 1000
    assert differ(frame[["number"]], pandas.DataFrame(index=frame.index)).summary == "column 'number' removed"


def test_rows_are_followed_by_index_where_it_is_unique(frame):
    found = differ(frame, frame.drop(index=[3, 10]))
    assert found.summary == "2 rows removed"
    assert found.details["rows_removed"] == {"count": 2, "first": ["3", "10"]}
    assert differ(frame, frame.iloc[::-1]).summary == "rows reordered"
    assert differ(frame.iloc[5:], frame).summary == "5 rows added"
    assert differ(frame, frame.set_axis(frame.index + 5000)).summary == "index changed"
    after = frame.drop(index=0)
    after.at[500, "number"] = -1
    assert differ(frame, after).summary == "1 of 999 rows changed, 1 row removed"


def test_rows_are_followed_by_position_where_the_index_is_not_unique():
    before = pandas.DataFrame({"a": [1, 2, 3]}, index=["x", "x", "y"])
    after = pandas.DataFrame({"a": [1, 5]}, index=["x", "x"])
    assert differ(before, after).summary == "1 of 2 rows changed, 1 row removed"


def test_columns_of_one_name_are_told_apart():
    before = pandas.DataFrame([[1, 2, 3]], columns=["a", "a", "b"])
    after = pandas.DataFrame([[1, 5, 3]], columns=["a", "a", "b"])
    assert differ(before, after).details["cells"] == {"'a' (number 2)": 1}
    assert differ(before, before.iloc[:, [0, 2]]).summary == "column 'a' (number 2) removed"


def test_indexes_of_several_levels():
    before = pandas.DataFrame(
        numpy.zeros((4, 2)),
        index=pandas.MultiIndex.from_product([["x", "y"], [1, 2]], names=["letter", "digit"]),
        columns=pandas.MultiIndex.from_tuples([("a", 1), ("a", 2)]),
    )
    after = before.copy()
    after.iloc[3, 1] = 1
    found = differ(before, after)
    assert found.details["samples"][0]["row"] == "('y', 2)"
    assert found.details["cells"] == {"('a', 2)": 1}
    assert differ(before, before.drop(index=("y", 1))).details["rows_removed"]["first"] == ["('y', 1)"]
    assert differ(before, before.rename_axis(index={"letter": "l"})).summary == "index renamed"


def test_series_and_indexes():
    found = differ(pandas.Series([1.0, numpy.nan, 3]), pandas.Series([1.0, numpy.nan, 4]))
    assert (found.kind, found.summary) == ("series", "1 of 3 values changed")
    assert differ(pandas.Series([1], name="a"), pandas.Series([1], name="b")).summary == "name changed"
    assert differ(pandas.Series([1]), pandas.Series([1.0])).summary == "dtype int64 became float64"
    assert differ(pandas.Index([1, 2]), pandas.Index([1, 3])).summary == "1 of 2 values changed"
    assert differ(pandas.Index([1, 2]), pandas.Index([1, 2])).equal


@pytest.mark.parametrize(
    "frame",
    [
        pandas.DataFrame(),
        pandas.DataFrame(index=[1, 2]),
        pandas.DataFrame(columns=["a"]),
        pandas.DataFrame({None: [1], numpy.nan: [2], ("a", 1): [3]}),
        pandas.DataFrame({"a": [numpy.zeros(3), {"k": numpy.ones(2)}]}),
    ],
)
def test_odd_frames(frame):
    assert differ(frame, frame.copy()).equal
    assert not differ(frame, pandas.DataFrame({"other": [1, 2, 3]})).equal


def test_a_comparison_leaves_no_trace_and_no_warning(frame, recwarn):
    before = frame.set_index("when")
    after = before.drop(index=before.index[3])
    states = pickle.dumps((before, after))
    indexes = before.index, after.index
    lookups = ["_engine" in index._cache for index in indexes]
    assert differ(before, after).summary == "1 row removed"
    assert pickle.dumps((before, after)) == states
    assert ["_engine" in index._cache for index in indexes] == lookups
    assert not recwarn.list


cells = st.none() | st.integers(-5, 5) | st.floats() | st.text(max_size=2) | st.booleans()


@given(st.lists(st.tuples(cells, cells), max_size=6), st.lists(st.tuples(cells, cells), max_size=6))
def test_frames_are_equal_only_if_their_cells_are(before, after):
    frames = [pandas.DataFrame(rows, columns=["a", "b"], dtype=object) for rows in (before, after)]
    found = differ(*frames)
    same = [[(type(cell), repr(cell).lstrip("-") if cell == 0 else repr(cell)) for cell in row] for row in before] == [
        [(type(cell), repr(cell).lstrip("-") if cell == 0 else repr(cell)) for cell in row] for row in after
    ]
    assert found.equal == same


def test_polars_frames():
    polars = pytest.importorskip("polars")
    before = polars.DataFrame(
        {"a": [1, 2, None], "b": [[1], [2], []], "c": [1.0, float("nan"), None], "d": [{"q": 1}] * 3}
    )
    assert differ(before, before.clone()).equal
    after = before.with_columns(a=polars.Series([1, 3, None]), b=polars.Series([[1], [2, 3], []]), z=polars.lit(1))
    found = differ(before, after)
    assert (found.kind, found.summary) == ("frame", "1 of 3 rows changed, column 'z' added")
    assert "[1]: [2] → [2, 3]" in found.as_text()
    assert differ(before, before[:2]).summary == "1 row removed"
    assert (
        differ(before, before.with_columns(polars.col("a").cast(polars.Float64))).summary
        == "column 'a' Int64 became Float64"
    )
    assert differ(before["a"], after["a"]).kind == "series"
    words = polars.DataFrame({"c": polars.Series(["u", "v"]).cast(polars.Categorical)})
    assert differ(words, words.with_columns(c=polars.Series(["u", "u"]).cast(polars.Categorical))).details["cells"] == {
        "'c'": 1
    }
