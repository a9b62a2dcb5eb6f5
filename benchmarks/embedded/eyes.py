"""The eyes' own schooling: each patch of a drawn scene tells what has its middle there, and the class token what a plain picture shows.

Answers alone teach seeing slowly: an answer is one word about one of five things, and a gradient through a language model that can't
read yet. Told patch by patch, eyes with patches of 16 pixels learn the shapes of things of 12 pixels in minutes (after dense
supervision as of *FCN*, arXiv 1411.4038). The heads that tell are thrown away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.embedded import augment, scenes
from benchmarks.embedded.pool import SCENES, Pool

if TYPE_CHECKING:
    from torch import Generator, Tensor

SHOWN: Final = {"scenes": 96, "plain": 32, "emoji": 32}
"""Pictures of a step that is for the eyes alone."""
BESIDE: Final = {"scenes": 32, "plain": 16, "emoji": 0}
"""Pictures beside a step that learns answers."""
ALONE: Final = 900
"""Steps at the beginning that are for the eyes alone."""
MOST: Final = 0.5
"""... but no larger a share of a short training."""
_EMPTY: Final = 0.3
"""The weight of a patch where nothing is."""
_KINDS: Final = ("circle", "rectangle", "triangle", *map(str, range(10)))
_COLOURS: Final = ("black", "blue", "brown", "gray", "green", "red", "teal", "yellow")
_UNKNOWN: Final = -100
"""What `torch` leaves out of a cross entropy."""


class School:
    """What the eyes are told about training pictures, and the heads that they tell it with.

    The class token of emoji stays what it was, since the language model's first heads are laid out by it (see `circuits`).
    """

    def __init__(self, tower: Any, data: Pool, seed: int, device: str) -> None:
        import torch

        vision = tower.config
        self._tower, self._data, self._device = tower, data, device
        self._rng = np.random.default_rng([seed, 23])
        self._first = len(data.pictures) - SCENES
        self._side = vision.image_size // vision.patch_size
        self._there = [self._laid(scenes.scene(number, "train")) for number in range(SCENES)]
        self._plain = _plain(data, self._first)
        self._showing = list(self._plain)
        self.heads = torch.nn.ModuleList(
            torch.nn.Linear(vision.hidden_size, count)
            for count in (len(scenes.SHAPES) + 1, len(scenes.COLOURS) + 1, len(_KINDS), len(_COLOURS))
        ).to(device)
        self._drawings = data.drawn[-1][-1] + 1
        with torch.no_grad():
            every = augment.normal(torch.from_numpy(data.pictures[: self._drawings]))
            some = [tower(pixel_values=part.to(device)).last_hidden_state[:, 0] for part in every.split(200)]
        self._was = torch.cat(some)
        self._spread = self._was.var(0).mean()

    def loss(self, shown: dict[str, int], noise: Generator) -> Tensor:
        """How badly the eyes tell ``shown`` pictures of each sort, drawn by chance."""
        import torch
        from torch.nn.functional import cross_entropy

        ways = self._rng.integers(0, SCENES, shown["scenes"])
        things = torch.from_numpy(np.stack([self._there[way] for way in ways]))
        scenery = augment.normal(torch.from_numpy(self._data.pictures[self._first + ways]))
        mirrored = torch.rand(len(ways), generator=noise) < 0.5
        scenery = torch.where(mirrored[:, None, None, None], scenery.flip(3), scenery)
        things = torch.where(mirrored[:, None, None, None], things.flip(3), things).flatten(2).to(self._device)
        numbers = self._rng.choice(self._showing, shown["plain"])
        said = torch.tensor([self._plain[int(number)] for number in numbers], device=self._device)
        plain = augment.changed(augment.normal(torch.from_numpy(self._data.pictures[numbers])), noise, 0.35)
        drawn = self._rng.integers(0, self._drawings, shown["emoji"])
        emoji = augment.normal(torch.from_numpy(self._data.pictures[drawn]))
        hidden = self._tower(pixel_values=torch.cat([scenery, plain, emoji]).to(self._device)).last_hidden_state
        patches, first = hidden[: len(ways), 1:], hidden[len(ways) :, 0]
        weight = torch.where(things[:, 0] > 0, 1.0, _EMPTY)
        loss = torch.zeros((), device=self._device)
        for head, told in zip(self.heads[:2], things.unbind(1), strict=True):
            each = cross_entropy(head(patches).float().transpose(1, 2), told, reduction="none")
            loss = loss + (each * weight).sum() / weight.sum()
        for head, told in zip(self.heads[2:], said.unbind(1), strict=True):
            loss = loss + 0.3 * cross_entropy(head(first[: len(said)]).float(), told)
        if len(drawn):
            loss = loss + (first[len(said) :].float() - self._was[drawn]).square().mean() / self._spread
        return loss

    def _laid(self, scene: scenes.Scene) -> np.ndarray:
        """(2, rows, columns): the shape and the colour of what has its middle in each patch, from 1 on; 0 where nothing has."""
        found = np.zeros((2, self._side, self._side), np.int64)
        for thing in scene.things:
            place = int(thing.y * self._side / scenes.SIDE), int(thing.x * self._side / scenes.SIDE)
            found[0][place] = 1 + scenes.SHAPES.index(thing.shape)
            found[1][place] = 1 + list(scenes.COLOURS).index(thing.colour)
        return found


def _plain(data: Pool, end: int) -> dict[int, tuple[int, int]]:
    """The kind and the colour of what is on pictures that show one thing, by their captions."""
    found = {}
    for number, captions in data.captions.items():
        if number < end and captions:
            *before, kind = captions[0].split()
            found[number] = (_KINDS.index(kind), _COLOURS.index(before[1]) if before[0] == "a" else _UNKNOWN)
    return found
