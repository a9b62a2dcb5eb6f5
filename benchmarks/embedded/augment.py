"""Changes that leave a picture what it is: shift, scale, a little turn, brightness, blur as of re-encoding and resizing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from torch import Generator, Tensor

MEAN: Final = (0.5, 0.5, 0.5)
STD: Final = (0.5, 0.5, 0.5)


def normal(pictures: Tensor) -> Tensor:
    """Bytes (n, height, width, 3) as the models take them: (n, 3, height, width) in -1 to 1."""
    return pictures.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)


def changed(pictures: Tensor, rng: Generator, strength: float = 1.0, colour: float = 0.0) -> Tensor:
    """Normal pictures, each changed a little in its own way; ``colour`` also shifts the balance of colours."""
    import torch
    from torch.nn.functional import affine_grid, avg_pool2d, grid_sample

    n = len(pictures)

    def draw(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=rng) * 2 - 1

    scale = 1 + 0.12 * strength * draw(n)
    turn = 0.12 * strength * draw(n)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = scale * turn.cos()
    theta[:, 0, 1] = -turn.sin()
    theta[:, 1, 0] = turn.sin()
    theta[:, 1, 1] = scale * (1 + 0.06 * strength * draw(n)) * turn.cos()
    theta[:, :, 2] = 0.1 * strength * draw(n, 2)
    moved = grid_sample(
        pictures,
        affine_grid(theta, list(pictures.shape), align_corners=False),
        padding_mode="border",
        align_corners=False,
    )
    soft = avg_pool2d(moved, 3, 1, 1)
    share = (torch.rand(n, 1, 1, 1, generator=rng) - 0.5).clamp(min=0) * 1.4
    moved = moved + share * (soft - moved)
    moved = moved * (1 + 0.1 * strength * draw(n, 1, 1, 1)) + 0.05 * strength * draw(n, 1, 1, 1)
    if colour:
        moved = moved * (1 + colour * draw(n, 3, 1, 1))
    return moved.clamp_(-1, 1)


def disguised(pictures: Tensor, group: Tensor, rng: Generator, share: float = 1.0) -> tuple[Tensor, Tensor]:
    """Pictures with their colours exchanged, mirrored or turned by a right angle: a ``share`` of the groups, each in its own way.

    All pictures of a group change alike, so that they still show one thing, but none that anybody has seen: so few concepts go a
    longer way. Says also which pictures are changed.
    """
    import torch

    groups = int(group.max()) + 1
    order = torch.tensor(_ORDERS)[torch.randint(len(_ORDERS), (groups,), generator=rng)][group]
    turns = torch.randint(len(_TURNS), (groups,), generator=rng)[group]
    hidden = (torch.rand(groups, generator=rng) < share)[group]
    changed = pictures.gather(1, order[:, :, None, None].expand_as(pictures))
    changed = torch.stack([_TURNS[int(turn)](picture) for turn, picture in zip(turns, changed, strict=True)])
    return torch.where(hidden[:, None, None, None], changed, pictures), hidden


_ORDERS: Final = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
_TURNS: Final = (
    lambda picture: picture,
    lambda picture: picture,
    lambda picture: picture.flip(2),
    lambda picture: picture.flip(2),
    lambda picture: picture.rot90(1, (1, 2)),
    lambda picture: picture.rot90(3, (1, 2)),
)
