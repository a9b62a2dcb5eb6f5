"""How two Matplotlib figures, or parts of them, differ: in size, axes, words and data, as one would look at them.

Their attributes are of no use here: each leads to the whole figure, and most of them are what drawing has left behind.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, TypeAlias

import numpy

from perdure.capture.preview import JSON, is_kind
from perdure.timeline.difference.elements import Array, unequal
from perdure.timeline.difference.report import EQUAL, Change, Difference, became, compose, counted

Fact: TypeAlias = "str | int | tuple[float, float] | Array"

_MOST = 20
"""Axes that are looked at, and artists of a kind in each; more are only counted."""
_NAMED = 3
_KINDS = ("line", "patch", "collection", "image", "text")
_PLURALS = {"patch": "patches"}


def figure_difference(before: Any, after: Any) -> Difference:
    """How two figures, axes or other artists differ."""
    facts = dict(_facts(before)), dict(_facts(after))
    changes = [
        Change(name, "changed", _became(fact, facts[1][name]))
        for name, fact in facts[0].items()
        if name in facts[1] and not _same(fact, facts[1][name])
    ]
    if changes:
        names = ", ".join(change.path for change in changes[:_NAMED])
        more = f" and {counted(len(changes) - _NAMED, 'thing')} more" if len(changes) > _NAMED else ""
        summary = changes[0].line()[2:] if len(changes) == 1 else f"{names}{more} changed"
        rows: list[JSON] = [change.to_json() for change in changes]
        return compose("figure", summary, {"changes": rows}, (change.line() for change in changes))
    if _same_bytes(before, after):
        return EQUAL
    return Difference(
        "figure", "no difference in size, axes, words and data, and the rest isn't compared", certain=False
    )


# -- what one sees -------------------------------------------------------------------------------------------------


def _facts(artist: Any) -> Iterator[tuple[str, Fact]]:
    if is_kind(type(artist), "matplotlib.figure", "FigureBase"):
        return _figure_facts(artist)
    if is_kind(type(artist), "matplotlib.axes", "Axes"):
        return _axes_facts(artist)
    return _artist_facts(artist)


def _figure_facts(figure: Any) -> Iterator[tuple[str, Fact]]:
    if is_kind(type(figure), "matplotlib.figure", "Figure"):
        yield "size", "{:g} x {:g} inches".format(*figure.get_size_inches())
    yield "title", figure.get_suptitle()
    yield "axes", len(figure.axes)
    for place, axes in enumerate(figure.axes[:_MOST], 1):
        for name, fact in _axes_facts(axes):
            yield f"axes {place} {name}", fact


def _axes_facts(axes: Any) -> Iterator[tuple[str, Fact]]:
    yield "title", " | ".join(filter(None, (axes.get_title(place) for place in ("left", "center", "right"))))
    for name in ("x", "y"):
        yield f"{name} label", getattr(axes, f"get_{name}label")()
        yield f"{name} scale", getattr(axes, f"get_{name}scale")()
    legend = axes.get_legend()
    yield "legend", ", ".join(text.get_text() for text in legend.get_texts()) if legend is not None else "none"
    for kind in _KINDS:
        plural = _PLURALS.get(kind, f"{kind}s")
        artists = getattr(axes, plural)
        yield plural, len(artists)
        for place, artist in enumerate(islice(artists, _MOST), 1):
            for name, fact in _artist_facts(artist):
                yield f"{kind} {place} {name}", fact
    for name in ("x", "y"):  # last, because they mostly follow the data
        low, high = getattr(axes, f"get_{name}lim")()
        yield f"{name} limits", (float(low), float(high))


def _artist_facts(artist: Any) -> Iterator[tuple[str, Fact]]:
    kind = type(artist)
    label = str(artist.get_label())
    yield "label", "" if label.startswith("_") else label  # such a one was not given by the user
    yield "visible", str(artist.get_visible())
    if is_kind(kind, "matplotlib.lines", "Line2D"):
        yield "style", f"{artist.get_color()} {artist.get_linestyle()} {artist.get_linewidth()} {artist.get_marker()}"
        yield "data", _numbers(artist.get_xydata())
    elif is_kind(kind, "matplotlib.text", "Text"):
        yield "text", artist.get_text()
    elif is_kind(kind, "matplotlib.patches", "Patch"):
        yield "colour", str(artist.get_facecolor())
        yield "outline", _numbers(artist.get_patch_transform().transform(artist.get_path().vertices))
    elif is_kind(kind, "matplotlib.collections", "Collection"):
        yield "places", _numbers(artist.get_offsets())
        yield "outlines", _numbers([len(path.vertices) for path in artist.get_paths()])
    values = (
        artist.get_array() if hasattr(artist, "get_array") else None
    )  # of images, and of what colours are made from
    if values is not None:
        yield "values", _numbers(values)


def _numbers(data: Any) -> Array:
    """An array, with what is masked as not-a-number: there it isn't drawn."""
    if not numpy.ma.is_masked(data):
        return numpy.asarray(data)
    return numpy.where(numpy.ma.getmaskarray(data), numpy.nan, numpy.ma.getdata(data))


# -- two of them ---------------------------------------------------------------------------------------------------


def _same(before: Fact, after: Fact) -> bool:
    if isinstance(before, numpy.ndarray) and isinstance(after, numpy.ndarray):
        return before.shape == after.shape and not unequal(before.reshape(-1), after.reshape(-1))[0].any()
    return bool(before == after)


def _became(before: Fact, after: Fact) -> str:
    if isinstance(before, str):
        return became(before, after)
    words = _words(before), _words(after)
    return f"{words[0]} → {words[1]}" if words[0] != words[1] else f"{words[0]}, other values"


def _words(fact: Fact) -> str:
    if isinstance(fact, numpy.ndarray):
        points = fact.ndim == 2 and fact.shape[1] == 2
        return counted(len(fact), "point") if points else f"{' x '.join(map(str, fact.shape))} numbers"
    if isinstance(fact, tuple):
        return "{:.6g} to {:.6g}".format(*fact)
    return str(fact)


def _same_bytes(before: Any, after: Any) -> bool:
    """Whether the two are saved as the same bytes; then all of them is the same."""
    with suppress(Exception):  # what a figure holds may be anybody's
        return pickle.dumps(before) == pickle.dumps(after)
    return False
