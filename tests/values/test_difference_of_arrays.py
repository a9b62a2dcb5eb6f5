"""How arrays and tensors differ: shape, dtype, where and how far."""

import json
import tracemalloc

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from perdure.timeline.difference import Difference, difference


def differ(before, after) -> Difference:
    found = difference(before, after)
    json.dumps(found.to_json(), allow_nan=False)
    assert found.as_text()
    return found


anything = arrays.arrays(
    dtype=st.one_of(
        arrays.scalar_dtypes(),
        arrays.array_dtypes(max_size=3),
        st.just(numpy.dtype(object)),
    ),
    shape=arrays.array_shapes(min_dims=0, min_side=0, max_side=4),
)


@given(anything)
def test_an_array_equals_its_copy_in_any_layout(array):
    assert differ(array, array.copy()).equal
    assert differ(array, numpy.asfortranarray(array) if array.ndim else array.copy()).equal


@given(
    arrays.arrays(numpy.float64, arrays.array_shapes(max_dims=3, max_side=6)),
    st.data(),
)
def test_where_and_how_far_agree_with_numpy(before, data):
    mask = data.draw(arrays.arrays(bool, before.shape))
    after = numpy.where(mask, data.draw(arrays.arrays(numpy.float64, before.shape)), before)
    changed = ~((before == after) | (numpy.isnan(before) & numpy.isnan(after)))
    found = differ(before, after)
    assert found.equal == (not changed.any())
    if not found.equal:
        places = numpy.argwhere(changed).tolist()
        assert found.kind == "array"
        assert found.details["differing"] == len(places)
        assert (found.details["first"], found.details["last"]) == (places[0], places[-1])
        with numpy.errstate(all="ignore"):
            distance = numpy.abs(after - before)[changed]
        distance = distance[numpy.isfinite(distance)]
        if len(distance):
            assert found.details["largest"] == distance.max()


@given(arrays.arrays(numpy.int64, 5), arrays.arrays(numpy.int64, 5))
def test_distances_of_integers_are_exact(before, after):
    found = differ(before, after)
    distances = [abs(one - other) for one, other in zip(before.tolist(), after.tolist(), strict=True)]
    assert found.equal == (max(distances) == 0)
    if not found.equal:
        assert found.details["largest"] == max(distances)


@pytest.mark.parametrize(
    ("before", "after", "summary"),
    [
        (numpy.array(1), numpy.array(2), "1 of 1 element differs, max |Δ| 1, mean |Δ| 1"),
        (
            numpy.array([1.0, numpy.nan, 3]),
            numpy.array([numpy.nan, numpy.nan, 3.5]),
            "2 of 3 elements differ, max |Δ| 0.5, mean |Δ| 0.5, 1 NaN new, from [0] to [2]",
        ),
        (numpy.zeros((3, 4)), numpy.zeros((5, 4)), "shape 3x4 became 5x4, values of the part in common equal"),
        (numpy.zeros(4), numpy.zeros((2, 2)), "shape 4 became 2x2"),
        (numpy.zeros(3, "f8"), numpy.zeros(3, "f4"), "dtype float64 became float32, values equal"),
        (numpy.array([True]), numpy.array([False]), "1 of 1 element differs, at [0]"),
        (numpy.array(["a", "b"]), numpy.array(["a", "c"]), "1 of 2 elements differs, at [1]"),
        (
            numpy.array(["2020-01-01", "NaT"], "M8[10s]"),
            numpy.array(["2020-01-02", "NaT"], "M8[10s]"),
            "1 of 2 elements differs, max |Δ| 86400 seconds, at [0]",
        ),
        (
            numpy.array([(1, "a")], dtype=[("x", "i4"), ("y", "U3")]),
            numpy.array([(1, "b")], dtype=[("x", "i4"), ("y", "U3")]),
            "1 of 1 element differs, at [0]",
        ),
        (
            numpy.array([1, [2], {"a": numpy.zeros(2)}], dtype=object),
            numpy.array([1, [2], {"a": numpy.ones(2)}], dtype=object),
            "1 of 3 elements differs, at [2]",
        ),
        (
            numpy.ma.array([1, 2, 3], mask=[0, 1, 0]),
            numpy.ma.array([1, 9, 3], mask=[0, 1, 1]),
            "1 of 3 elements differs, max |Δ| 0, mean |Δ| 0, at [2]",
        ),
        (numpy.array([1 + 1j]), numpy.array([1 + 2j]), "1 of 1 element differs, max |Δ| 1, mean |Δ| 1, at [0]"),
        (numpy.array([1]), numpy.array(["1"]), "dtype int64 became <U1, 1 of 1 element differs, at [0]"),
        (numpy.array([2**63], "u8"), numpy.array([-1], "i8"), None),
        (numpy.zeros(3, "S3"), numpy.zeros(3, "V3"), None),
    ],
)
def test_what_is_said(before, after, summary):
    found = differ(before, after)
    assert found.kind == "array"
    assert summary is None or found.summary == summary


def test_numpy_scalars_are_values():
    assert differ(numpy.float64(1), numpy.float64(2)).kind == "value"
    assert differ(numpy.datetime64("2020"), numpy.datetime64("2021")).kind == "value"


def test_a_subclass_is_compared_as_an_array():
    assert differ(numpy.matrix([[1, 2]]), numpy.matrix([[1, 3]])).details["first"] == [0, 1]


def test_memory_stays_small():
    before = numpy.zeros((3000, 3000))
    after = before.T.copy().T  # the other layout
    after[2000, 1000] = 1
    tracemalloc.start()
    try:
        found = differ(before, after)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.details["first"] == [2000, 1000]
    assert peak < 16 << 20


def test_tensors_differ_as_arrays_and_in_where_they_live():
    torch = pytest.importorskip("torch")
    before = torch.arange(12.0).reshape(3, 4)
    after = before.clone()
    after[1, 2] = 7
    for change in (
        lambda t: t,
        lambda t: t.bfloat16(),
        lambda t: t.to(torch.float8_e4m3fn),
        lambda t: t.double(),
        lambda t: t.int(),
    ):
        found = differ(change(before), change(after))
        assert (found.kind, found.details["first"], found.details["largest"]) == ("tensor", [1, 2], 1.0)
        assert differ(change(before), change(before.clone())).equal
        assert differ(change(before).T, change(after).T).details["first"] == [2, 1]
    assert differ(before, before.clone().requires_grad_()).summary == "requires_grad False became True, values equal"
    assert differ(before, before.to("meta")).summary.startswith("device cpu became meta")
    assert differ(before, before[:2]).summary == "shape 3x4 became 2x4, values of the part in common equal"
    assert differ(before.to_sparse(), before.clone().to_sparse()).equal
    assert "values: 1 of 11" in differ(before.to_sparse(), after.to_sparse()).summary
    assert differ(torch.tensor(1), torch.tensor(2)).details["largest"] == 1
    assert differ(torch.tensor([1 + 2j]), torch.tensor([1 - 2j]).conj()).equal


def test_a_tensor_is_left_as_it_was():
    torch = pytest.importorskip("torch")
    before = torch.zeros(3, requires_grad=True)
    state = torch.get_rng_state()
    differ(before, torch.ones(3, requires_grad=True))
    assert before.grad_fn is None
    assert before.requires_grad
    assert torch.equal(state, torch.get_rng_state())
