"""Objects to bytes and back: values, types and sharing survive, and the same objects give the same bytes."""

from __future__ import annotations

import types
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from model.machine import describe
from perdure.capture.fingerprint import CHUNK, Fingerprint
from perdure.capture.pickler import dump
from perdure.capture.unpickler import load

atoms = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.binary(max_size=8)
    | st.integers(-3, 3).map(complex)
)


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Any]:
    """Some variables over one heap of containers that refer to each other at will, themselves included."""
    makers = {
        "list": list,
        "dict": dict,
        "set": set,
        "bytearray": lambda: bytearray(draw(st.binary(max_size=5))),
        "array": lambda: np.array(
            draw(st.lists(st.integers(0, 255), max_size=6)), dtype=draw(st.sampled_from(["u1", "f8"]))
        ),
    }
    heap = [makers[kind]() for kind in draw(st.lists(st.sampled_from(sorted(makers)), min_size=1, max_size=8))]
    items = atoms | st.sampled_from(range(len(heap))).map(lambda at: heap[at])
    for container in heap:
        if isinstance(container, list):
            container.extend(draw(st.lists(items | st.tuples(items, items), max_size=5)))
        elif isinstance(container, dict):
            container.update(draw(st.dictionaries(atoms, items, max_size=4)))
        elif isinstance(container, set):
            container.update(draw(st.sets(atoms, max_size=4)))
        elif isinstance(container, np.ndarray) and container.size:
            heap.append(container[draw(st.integers(0, container.size - 1)) :: draw(st.sampled_from([1, 2]))])
    names = draw(st.lists(st.sampled_from(range(len(heap))), min_size=1, max_size=5))
    return {f"n{at}": heap[index] for at, index in enumerate(names)}


def round_trip(values: dict[str, Any], namespace: dict[str, Any] | None = None) -> dict[str, Any]:
    namespace = namespace if namespace is not None else dict(values)
    roots = list({id(value): value for value in values.values()}.values())
    pickled = dump(roots, namespace)
    buffers = [np.frombuffer(bytearray(view), "u1").copy() for view in pickled.buffers]
    made = load(pickled.stream, buffers, len(roots), namespace, namespace.__getitem__)
    by_id = {id(root): new for root, new in zip(roots, made, strict=True)}
    return {name: by_id[id(value)] for name, value in values.items()}


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(graphs())
def test_any_graph_comes_back_with_its_sharing(values: dict[str, Any]) -> None:
    assert describe(round_trip(values), None) == describe(values, None)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(graphs())
def test_the_same_objects_give_the_same_bytes(values: dict[str, Any]) -> None:
    roots = list({id(value): value for value in values.values()}.values())
    once, again = dump(roots, dict(values)), dump(roots, dict(values))
    one, other = (Fingerprint.of(pickled.stream, pickled.buffers) for pickled in (once, again))
    assert one.same_as(other)


def test_what_was_visited_is_listed_per_root() -> None:
    shared: list[object] = []
    first, second, third = [shared], [shared, "x"], ["x"]
    visited = [set(map(id, log)) for log in dump([first, second, third], {}).visited]
    assert id(shared) in visited[0]
    assert id(shared) in visited[1]
    assert id(shared) not in visited[2]


@pytest.mark.parametrize("size", [10, 1_000, 100_000])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_come_back_writable_and_their_views_on_them(size: int, order: Any) -> None:
    array = np.asarray(np.arange(float(size)).reshape(2, -1), order=order)
    back = round_trip({"a": array, "v": array[1:], "t": array.T})
    assert back["a"].flags.writeable
    assert back["a"].flags.f_contiguous == array.flags.f_contiguous
    assert np.array_equal(back["a"], array)
    back["a"][1, 0] = -1.0
    assert back["v"][0, 0] == -1.0
    assert back["t"][0, 1] == -1.0


def test_a_big_buffer_is_not_in_the_stream() -> None:
    pickled = dump([np.zeros(1_000_000)], {})
    assert len(pickled.stream) < 1_000
    assert [view.nbytes for view in pickled.buffers] == [8_000_000]


def test_one_edit_changes_the_prints_of_its_chunks_only() -> None:
    array = np.zeros(4 * CHUNK, "u1")
    before = Fingerprint.of(b"", [memoryview(array)])
    array[CHUNK + 5] = 1
    after = Fingerprint.of(b"", [memoryview(array)])
    assert not after.same_as(before)
    pairs = zip(before.buffers[0].digests, after.buffers[0].digests, strict=True)
    assert [one == other for one, other in pairs] == [True, False, True, True]


def function(namespace: dict[str, Any], source: str, name: str) -> Any:
    exec(source, namespace)
    return namespace[name]


def test_a_function_gets_the_globals_that_it_is_loaded_into() -> None:
    namespace: dict[str, Any] = {"__name__": "__main__", "n": 1}
    f = function(namespace, "def f(): return n", "f")
    pickled = dump([f], namespace)
    other = {"__name__": "__main__", "n": 2}
    (loaded,) = load(pickled.stream, [], 1, other, other.__getitem__)
    assert isinstance(loaded, types.FunctionType)
    assert loaded.__globals__ is other
    assert loaded() == 2


def test_a_function_inside_another_value_is_kept_by_name() -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    f = function(namespace, "def f(): return 1", "f")
    pickled = dump([[f]], namespace)
    assert pickled.references == {"f"}
    marker = object()
    (loaded,) = load(pickled.stream, [], 1, namespace, lambda name: marker)
    assert loaded == [marker]


def test_the_reach_of_what_is_inside_is_known() -> None:
    namespace: dict[str, Any] = {"__name__": "__main__", "x": []}
    function(namespace, "def f(): x.append(y)", "f")
    assert {"x", "y"} <= dump([namespace["f"]], namespace).reach.names
    exec("g = [lambda: exec('1')]", namespace)
    assert dump([namespace["g"]], namespace).reach.everything


def test_pickling_keeps_nothing_alive() -> None:
    import gc
    import weakref

    class Thing:
        pass

    gc.collect()
    gc.disable()
    try:
        thing = Thing()
        seen = weakref.ref(thing)
        dump([[thing]], {"Thing": Thing, "__name__": __name__})
        del thing
        assert seen() is None
    finally:
        gc.enable()
