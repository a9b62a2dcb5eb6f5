"""matplotlib's figures, and pyplot's hold on those that it has open, without importing either."""

from __future__ import annotations

import contextlib
import copyreg
import itertools
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perdure.capture.pickler import SessionPickler


def reduce_figure(_pickler: SessionPickler, figure: Any) -> Any:
    """A figure by itself. Whether pyplot shows it is pyplot's, and to make it again must open no window and display nothing."""
    reduced = figure.__reduce_ex__(5)
    if len(reduced) > 2 and isinstance(reduced[2], dict):
        reduced[2].pop("_restore_to_pylab", None)  # the state is a copy, made for this
    return reduced


def reduce_callbacks(_pickler: SessionPickler, registry: Any) -> Any:
    """What matplotlib notifies of changes. To ask it for its state counts it up: looking at a figure would change it."""
    state = registry.__getstate__()
    if isinstance(number := state.get("_cid_gen"), int):
        registry._cid_gen = itertools.count(number)  # noqa: SLF001 - put back what was just taken from it
    return copyreg.__newobj__, (type(registry),), state  # type: ignore[attr-defined]  # object's own protocol 2


def hand_over(replaced: Iterable[tuple[object, object]], bound: Iterable[object]) -> None:
    """Where pyplot has the figure of an old value open, it has that of the new one from now on.

    Else what a cell does next to the current figure would happen to one that nobody has a name for any more.

    :param replaced: values that names had, and those that they have instead.
    :param bound: all values that have a name now.
    """
    helpers = sys.modules.get("matplotlib._pylab_helpers")
    if helpers is None or not helpers.Gcf.figs:
        return
    with contextlib.suppress(Exception):  # a backend of somebody else's, say: the variables are right all the same
        managers = {id(manager.canvas.figure): manager for manager in helpers.Gcf.figs.values()}
        named = {id(_figure_of(obj)) for obj in bound}
        for old, new in replaced:
            before, after = _figure_of(old), _figure_of(new)
            if after is None or id(before) in named or id(before) not in managers:
                continue
            manager = managers.pop(id(before))
            after.set_canvas(manager.canvas)
            after.stale_callback = before.stale_callback
            after.stale = False  # or pyplot would draw it by itself, which changes it
            manager.canvas.figure = after
            sys.modules["matplotlib.backend_bases"].FigureCanvasBase(before)


def _figure_of(obj: object) -> Any:
    """The figure that ``obj`` is, or is on."""
    if not any(base.__module__ == "matplotlib.artist" for base in type(obj).__mro__):
        return None
    figure = getattr(obj, "figure", None)
    return getattr(figure, "figure", figure)  # of a part of a figure: the whole
