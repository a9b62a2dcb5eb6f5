"""matplotlib's figures, and pyplot's hold on those that it has open, without importing either."""

from __future__ import annotations

import contextlib
import copyreg
import gc
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


# -- what all figures have in common ----------------------------------------------------------------------------


_ATOMS = frozenset({str, bytes, int, float, bool, type(None)})
_OF_CONSTANTS = frozenset(f"matplotlib.{module}" for module in ("path", "colors", "units", "dates", "category"))
_known: dict[int, object] = {}
_modules = 0


def is_drawn(kinds: Iterable[type]) -> bool:
    """Whether a value with objects of these types has to do with a figure."""
    return any(kind.__module__.startswith("matplotlib") for kind in kinds if type(kind.__module__) is str)


def constants() -> dict[int, object]:
    """By their ids, what matplotlib's modules and classes have for all figures: settings, markers, colormaps, converters.

    Two figures that draw with the same ones have nothing to do with each other. Found anew when more of the library is imported.
    """
    global _modules  # noqa: PLW0603 - of this process, as the library is
    modules = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] == "matplotlib"]
    if _modules != len(modules):
        _modules = len(modules)
        _collect([value for module in modules for value in list(vars(module).values())])
    if "matplotlib.path" in sys.modules:  # which makes its own when they are first drawn
        _collect([obj for cached in _cached_paths() for obj in (cached, vars(cached))])
    return _known


def _collect(queue: list[object]) -> None:
    while queue:
        obj = queue.pop()
        if id(obj) not in _known and (parts := _parts(obj)) is not None:
            _known[id(obj)] = obj
            queue += [part for part in parts if type(part) not in _ATOMS]


def _parts(obj: object) -> Iterable[object] | None:
    """What a constant is made of; ``None`` for anything that may have to do with one figure."""
    kind = type(obj)
    home = kind.__module__
    if kind in (list, tuple, set, frozenset, dict) or (
        issubclass(kind, dict) and home in ("matplotlib", "matplotlib.units")
    ):
        return gc.get_referents(obj)
    if issubclass(kind, type):
        return list(vars(obj).values()) if str(obj.__module__).partition(".")[0] == "matplotlib" else None
    if any(base.__module__ in _OF_CONSTANTS for base in kind.__mro__):
        return [vars(obj)] if hasattr(obj, "__dict__") else []
    return () if kind.__name__ == "ndarray" and home == "numpy" else None


def _cached_paths() -> list[Any]:
    path = sys.modules["matplotlib.path"].Path
    found: list[Any] = []
    for value in list(vars(path).values()):
        found += [value] if isinstance(value, path) else value.values() if hasattr(value, "valuerefs") else ()
    return found
