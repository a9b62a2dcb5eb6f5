"""How alike two pictures are, to an eye that looks for one changed detail.

An embedding sees what a picture is of, and hardly that a flag has one star fewer. Here both pictures are laid over one another: turned by a
mirror if that fits better, shifted and scaled where one is a crop of the other (Gauss-Newton on four numbers, after Lucas and Kanade 1981),
and freed of a shift of all colours. What then differs in some small place is a detail that one has and the other hasn't. Each thing
that had to be undone is measured too, since a question may ask for just that: how many are there, in a picture that was cut?

Works on thumbnails (`perdure.cot.picture.THUMBNAIL`), in one to three milliseconds a pair.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from perdure.cot.picture import THUMBNAIL, Picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    Grid = NDArray[np.float32]

_FINE: Final = 96
"""Cells each way of the grid on which details are looked for: three pixels of a thumbnail."""
_MIDDLE: Final = 48
_COARSE: Final = 16
_CLOSE: Final = 0.06
"""Where nothing differs by more than this as it lies, nothing needs to be laid over anything."""
_FITS: Final = 0.04
"""A mean difference at which one picture surely lies right over the other."""
_LIES: Final = 0.01
"""A mean difference at which it lies nearly right as it is."""
_STRANGE: Final = 0.12
"""A mean difference at which the two have nothing in common."""
_FURTHEST: Final = 0.3
"""The largest part of a picture's side that may be outside of the other one."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What differs between two pictures: 0 is nothing, 1 the most there can be."""

    detail: float
    """The largest difference in any small place, once all else is undone."""
    whole: float
    """The mean difference, once all else is undone."""
    colour: float
    """How far the colours of the whole have moved."""
    cut: float
    """The part of one picture that the other doesn't show."""
    lost: float
    """How much there is to see in that part: 0 if it is plain background."""
    mirrored: bool
    """One is the mirror image of the other."""


class Look:
    """A picture made ready to be compared. Making it takes a millisecond; keep it for the next comparison."""

    def __init__(self, image: Image) -> None:
        import numpy as np
        from PIL.Image import Resampling

        small = image if image.mode == "RGB" else image.convert("RGB")
        if max(small.size) > THUMBNAIL:
            # As the cache's thumbnails are made, so that a picture equals its own thumbnail.
            small = small.copy()
            small.thumbnail((THUMBNAIL, THUMBNAIL))
        scaled = small.resize((_FINE, _FINE), Resampling.BILINEAR)
        # Channels first: NumPy is slow along an axis of three.
        self.fine: Grid = np.ascontiguousarray(np.asarray(scaled, dtype=np.float32).transpose(2, 0, 1)) / np.float32(
            255
        )

    @classmethod
    def of(cls, picture: Picture | bytes) -> Look:
        """The look of a picture, or of a thumbnail in PNG."""
        if isinstance(picture, Picture):
            return cls(picture.image)
        from PIL import Image

        with Image.open(io.BytesIO(picture)) as image:
            return cls(image)

    @cached_property
    def mirrored(self) -> Look:
        """The same in a mirror."""
        import numpy as np

        other = object.__new__(Look)
        other.fine = np.ascontiguousarray(self.fine[:, :, ::-1])
        return other

    @cached_property
    def middle(self) -> Grid:
        """Fewer, larger cells."""
        return _smaller(self.fine, _FINE // _MIDDLE)

    @cached_property
    def coarse(self) -> Grid:
        """Few, large cells."""
        return _smaller(self.fine, _FINE // _COARSE)

    @cached_property
    def range(self) -> tuple[Grid, Grid]:
        """The least and the greatest of each cell and its neighbours."""
        return _range(self.fine)


def likeness(one: Look, other: Look) -> Likeness:
    """Compare two pictures."""
    import numpy as np

    plain = _apart(one.range, one.fine, other.range, other.fine)
    if float(plain.max()) <= _CLOSE:
        return Likeness(
            float(plain.max()), float(np.abs(one.fine - other.fine).mean()), _shift(one, other), 0.0, 0.0, False
        )
    looks = sorted(
        ((other, False), (other.mirrored, True)), key=lambda found: _unlike(one, found[0], mirrored=found[1])
    )
    laid = [(*_laid_over(one, look), look, mirrored) for look, mirrored in looks[:1]]
    if laid[0][0] > _FITS:
        laid.append((*_laid_over(one, looks[1][0]), *looks[1]))
    _, frame, look, mirrored = min(laid, key=lambda found: found[0] * (1.4 if found[3] else 1.0))
    return _compared(one, look, frame, mirrored=mirrored)


def worst(pairs: Sequence[Likeness]) -> Likeness:
    """Of several pictures, compared one by one, all that differs in any."""
    return Likeness(
        max(pair.detail for pair in pairs),
        max(pair.whole for pair in pairs),
        max(pair.colour for pair in pairs),
        max(pair.cut for pair in pairs),
        max(pair.lost for pair in pairs),
        any(pair.mirrored for pair in pairs),
    )


SAME: Final = Likeness(0.0, 0.0, 0.0, 0.0, 0.0, False)
"""The likeness of the very same pixels, and of two questions without pictures."""


# -- laying one over the other ------------------------------------------------------------------------------------------

_STARTS: Final = (1.0, 0.9, 1.11)
"""Scales from which the search begins: none is the crop of the other, the first is, the second is."""
_STILL: Final = 5e-4
"""A step this small ends the search."""


def _unlike(one: Look, other: Look, *, mirrored: bool) -> float:
    """A first guess at how unlike two pictures are. One that is its own mirror image is taken as it is."""
    import numpy as np

    return float(np.abs(_matched(other.coarse, one.coarse) - one.coarse).mean()) * (1.4 if mirrored else 1.0)


def _laid_over(one: Look, other: Look) -> tuple[float, Grid]:
    """How ``other`` is to be scaled and shifted (scale and shift down, then across) to lie over ``one``, and what differs then."""
    import numpy as np

    middle = _matched(other.middle, one.middle)
    best = (float(np.abs(middle - one.middle).mean()), np.array([1, 0, 1, 0], dtype=np.float32))
    if best[0] > _LIES:
        coarse = _matched(other.coarse, one.coarse)
        best = (np.inf, best[1])
        for scale in _STARTS:
            start = np.array([scale, (1 - scale) / 2, scale, (1 - scale) / 2], dtype=np.float32)
            found = _search(one.coarse, coarse, start, steps=6)
            if found[0] < 0.95 * best[0]:
                best = found
            if best[0] < _FITS:
                break
        if best[0] > _STRANGE:
            return best
    return _search(one.middle, middle, best[1], steps=5)


def _search(one: Grid, other: Grid, start: Grid, steps: int) -> tuple[float, Grid]:
    """Gauss-Newton from ``start``, with large differences (a changed detail) weighing little: the least difference found, and where."""
    import numpy as np

    size = one.shape[1]
    places = (np.arange(size, dtype=np.float32) + 0.5) / size
    frame, best = start, (np.inf, start)
    for step in range(steps + 1):
        warped, inside = _warped(other, frame)
        over = float(inside.mean())
        if over < (1 - _FURTHEST) ** 2:
            break
        gone = warped - one
        size_of = np.abs(gone)
        error = float(np.einsum("kij,ij->", size_of, inside)) / (3 * size * size * over * over)
        if error < best[0]:
            best = (error, frame)
        if step == steps:
            break
        down, across = _slopes(warped, size)
        slopes = np.stack([down * places[:, None], down, across * places, across]).reshape(4, -1)
        slopes /= np.array([[frame[0]], [frame[0]], [frame[2]], [frame[2]]], dtype=np.float32)
        weighted = slopes * (inside / (0.02 + size_of)).reshape(-1)
        normal = weighted @ slopes.T
        normal[np.diag_indices(4)] += 1e-4 * np.trace(normal) + 1e-6
        change = np.linalg.solve(normal, weighted @ gone.reshape(-1)).astype(np.float32)
        frame = frame - change
        if float(np.abs(change).max()) < _STILL:
            break
    return best


def _slopes(grid: Grid, size: int) -> tuple[Grid, Grid]:
    """How fast a picture changes downwards and across, for a side of length one."""
    import numpy as np

    down, across = np.zeros_like(grid), np.zeros_like(grid)
    down[:, 1:-1] = (grid[:, 2:] - grid[:, :-2]) * (size / 2)
    across[:, :, 1:-1] = (grid[:, :, 2:] - grid[:, :, :-2]) * (size / 2)
    return down, across


def _warped(other: Grid, frame: Grid) -> tuple[Grid, Grid]:
    """``other`` scaled and shifted, and which cells lie inside of it."""
    import numpy as np

    size = other.shape[1]
    centres = (np.arange(size, dtype=np.float32) + 0.5) / size
    weights, inside = [], []
    for scale, shift in (frame[:2], frame[2:]):
        at = (centres * scale + shift) * size - 0.5
        inside.append((at > -0.75) & (at < size - 0.25))
        at = np.clip(at, 0, size - 1)
        weights.append(np.clip(1 - np.abs(at[:, None] - np.arange(size)), 0, None).astype(np.float32))
    warped = weights[0] @ other @ weights[1].T
    return warped, np.outer(*inside).astype(np.float32)


def _matched(other: Grid, one: Grid) -> Grid:
    """``other`` with the mean and the contrast that ``one`` has, channel by channel: neither says where a picture lies."""
    import numpy as np

    flat = [grid.reshape(3, -1) for grid in (other, one)]
    means = [grid.mean(axis=1, keepdims=True) for grid in flat]
    centred = [grid - mean for grid, mean in zip(flat, means, strict=True)]
    spreads = [np.sqrt(np.einsum("kn,kn->k", grid, grid) / grid.shape[1]) + 0.02 for grid in centred]
    gain = np.clip(spreads[1] / spreads[0], 0.5, 2.0)
    matched: Grid = (centred[0] * gain[:, None] + means[1]).reshape(other.shape)
    return matched


# -- what differs then --------------------------------------------------------------------------------------------------


def _compared(one: Look, other: Look, frame: Grid, *, mirrored: bool) -> Likeness:
    import numpy as np

    warped, inside = _warped(other.fine, frame)
    recoloured, shift = _recoloured(warped, one.fine, inside)
    apart = _apart(one.range, one.fine, _range(recoloured), recoloured) * _cells(inside)
    whole = float((np.abs(recoloured - one.fine).mean(axis=0) * inside).sum() / inside.sum())
    cut, lost = _cut(one.fine, inside)
    back = np.array([1 / frame[0], -frame[1] / frame[0], 1 / frame[2], -frame[3] / frame[2]], dtype=np.float32)
    cut_other, lost_other = _cut(other.fine, _warped(one.fine, back)[1])
    return Likeness(float(apart.max()), whole, shift, max(cut, cut_other), max(lost, lost_other), mirrored)


def _apart(range_one: tuple[Grid, Grid], one: Grid, range_other: tuple[Grid, Grid], other: Grid) -> Grid:
    """How far each small place of one is from all that the other has around it, or the other way round.

    Edges that lie a cell beside each other, and what compression does to them, are no detail; a thing that one lacks is.
    """
    import numpy as np

    there = np.maximum(one - range_other[1], range_other[0] - one)
    back = np.maximum(other - range_one[1], range_one[0] - other)
    far = np.maximum(np.maximum(there, back), 0).max(axis=0)
    # The mean over two cells by two: a single cell may be noise.
    return np.asarray((far[:-1, :-1] + far[1:, :-1] + far[:-1, 1:] + far[1:, 1:]) / 4, dtype=np.float32)


def _cells(inside: Grid) -> Grid:
    """Which places of two cells by two are inside, and not at the very edge of what is."""
    return inside[:-1, :-1] * inside[1:, 1:] * inside[1:, :-1] * inside[:-1, 1:]


def _recoloured(warped: Grid, one: Grid, inside: Grid) -> tuple[Grid, float]:
    """``warped`` in the colours of ``one``, as far as one map of all colours does it, and how far that moves them."""
    import numpy as np

    weight = inside[::3, ::3].reshape(-1)
    before = warped[:, ::3, ::3].reshape(3, -1)
    source = np.concatenate([before, np.ones((1, weight.size), np.float32)])
    weighted = source * weight
    normal = weighted @ source.T + np.diag([1.0, 1.0, 1.0, 0.2]).astype(np.float32)
    change = np.linalg.solve(normal, weighted @ (one[:, ::3, ::3].reshape(3, -1) - before).T).T.astype(np.float32)
    shift = np.abs(change @ source).max(axis=0)[weight > 0]
    moved = (change[:, :3] @ warped.reshape(3, -1) + change[:, 3:]).reshape(warped.shape)
    return warped + moved, float(np.quantile(shift, 0.98)) if shift.size else 0.0


def _shift(one: Look, other: Look) -> float:
    import numpy as np

    return float(np.abs(one.coarse - other.coarse).max())


def _cut(grid: Grid, inside: Grid) -> tuple[float, float]:
    """The part that is outside, and how much it stands out from its own background."""
    import numpy as np

    outside = inside == 0
    part = float(outside.mean())
    if part == 0.0:
        return 0.0, 0.0
    cells = grid[:, outside]
    far = np.abs(cells - np.median(cells, axis=1, keepdims=True)).max(axis=0)
    return part, float(np.quantile(far, 0.97))


def _range(grid: Grid) -> tuple[Grid, Grid]:
    import numpy as np

    low, high = grid, grid
    for first, last in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:, :, :-1], np.s_[:, :, 1:])):
        pairs = [(low, np.minimum), (high, np.maximum)]
        grown = []
        for values, pick in pairs:
            wide = values.copy()
            pick(wide[first], values[last], out=wide[first])
            pick(wide[last], values[first], out=wide[last])
            grown.append(wide)
        low, high = grown
    return low, high


def _smaller(grid: Grid, by: int) -> Grid:
    size = grid.shape[1] // by
    smaller: Grid = grid.reshape(3, size, by, size, by).mean(axis=(2, 4))
    return smaller
