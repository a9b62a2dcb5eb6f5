"""How Matplotlib's figures differ: what one sees of them, in a few lines."""

from __future__ import annotations

import pickle
from typing import Any

import numpy
import pytest
from matplotlib.figure import Figure

from perdure.timeline.difference import Difference, difference


def differ(before: Any, after: Any) -> Difference:
    found = difference(before, after)
    assert len(found.as_text().splitlines()) <= 22
    assert "0x" not in found.as_text()
    return found


def drawn() -> Figure:
    figure = Figure()
    axes = figure.add_subplot()
    axes.plot([1.0, 2.0, 3.0], label="growth")
    axes.set_title("one")
    return figure


@pytest.fixture
def pair() -> tuple[Figure, Figure]:
    """Two copies of one figure, as they come out of a store."""
    stream = pickle.dumps(drawn())
    return pickle.loads(stream), pickle.loads(stream)


def test_the_same_figure_is_no_difference(pair: tuple[Figure, Figure]) -> None:
    before, after = pair
    assert differ(before, after).equal
    assert differ([before, 1], [after, 1]).equal
    assert differ(before.axes[0], after.axes[0]).equal


def test_a_title_is_told_in_one_line(pair: tuple[Figure, Figure]) -> None:
    before, after = pair
    after.axes[0].set_title("two")
    found = differ(before, after)
    assert (found.kind, found.summary) == ("figure", "axes 1 title: 'one' → 'two'")
    assert differ(before.axes[0], after.axes[0]).summary == "title: 'one' → 'two'"


def test_size_axes_labels_and_data(pair: tuple[Figure, Figure]) -> None:
    before, after = pair
    after.set_size_inches(3, 2)
    axes = after.axes[0]
    axes.set_xlabel("days")
    axes.lines[0].set_data([0, 1, 2, 3], [1, 2, 3, 5])
    axes.plot([3, 2, 1])
    axes.legend()
    after.add_axes((0.7, 0.7, 0.2, 0.2))
    text = differ(before, after).as_text()
    for told in (
        "size: '6.4 x 4.8 inches' → '3 x 2 inches'",
        "axes: 1 → 2",
        "axes 1 x label: '' → 'days'",
        "axes 1 lines: 1 → 2",
        "axes 1 line 1 data: 3 points → 4 points",
        "axes 1 legend: 'none' → 'growth'",
    ):
        assert told in text


def test_other_values_in_as_many_points(pair: tuple[Figure, Figure]) -> None:
    before, after = pair
    after.axes[0].lines[0].set_ydata([1.0, float("nan"), 3.0])
    assert differ(before, after).summary == "axes 1 line 1 data: 3 points, other values"
    assert differ(list(before.axes[0].lines), list(after.axes[0].lines)).kind == "sequence"


@pytest.mark.parametrize(
    ("draw", "told"),
    [
        (lambda axes, by: axes.bar([1, 2], [3, 4 + by]), "patch 2 outline"),
        (lambda axes, by: axes.scatter([1, 2], [3, 4 + by]), "collection 1 places"),
        (lambda axes, by: axes.imshow(numpy.eye(3) + by), "image 1 values"),
        (lambda axes, by: axes.text(0, 0, f"at {by}"), "text 1 text"),
        (lambda axes, by: axes.plot([1, 2], color=("red", "blue")[by]), "line 1 style"),
    ],
)
def test_every_kind_of_artist(draw: Any, told: str) -> None:
    figures = Figure(), Figure()
    for by, figure in enumerate(figures):
        draw(figure.add_subplot(), by)
    assert f"axes 1 {told}" in differ(*figures).as_text()


def test_what_is_not_looked_at_is_not_said_to_be_the_same(pair: tuple[Figure, Figure]) -> None:
    before, after = pair
    after.axes[0].tick_params(length=20)
    found = differ(before, after)
    assert not found.equal
    assert not found.certain
    assert "the rest isn't compared" in found.summary


def test_a_full_figure_is_told_in_a_bounded_number_of_lines() -> None:
    figures = Figure(), Figure()
    for by, figure in enumerate(figures):
        for axes in figure.subplots(5, 6).flat:
            for line in range(30):
                axes.plot([by, line], label=f"{by}")
    found = differ(*figures)
    assert len(found.summary) < 200
    assert "things more changed" in found.summary
