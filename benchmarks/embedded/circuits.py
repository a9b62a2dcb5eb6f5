"""A start for the language model from which reading examples is a short way: heads that copy, laid out by hand.

Small transformers learn to copy from their context only after very many steps (*In-context learning and induction heads*, Olsson
et al. 2022), more than two cores have time for. So the model begins with such heads, and training goes on from there: in the first
layer each token looks at the one before it; in the second, at the picture of its turn, and at tokens that followed its
like; in the third, at those of them whose picture is like its own. All else begins at random, and nothing is frozen.

The width is used in three parts: content (tokens, pictures), what the token before was, and what the turn's picture is like.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from benchmarks.embedded.tokenizer import USER, tokenizer

if TYPE_CHECKING:
    from torch import Tensor

CONTENT: Final = 64
BEFORE: Final = slice(64, 96)
LIKENESS: Final = slice(96, 128)
HEAD: Final = 64
THETA: Final = 1e10
"""So large that most of a head's dimensions don't turn with distance, and can compare content."""
SAME_TOKEN: Final = 7.0
SAME_PICTURE: Final = 2.2
"""How sharply the third layer compares."""
_STILL: Final = [*range(10, 32), *range(42, 64)]
"""Dimensions of a head that turn by less than a fifth of a turn in 300 tokens."""


def lay_out(model: Any, hidden: Tensor, embed: Tensor, gain: Tensor, shift: Tensor, seed: int = 0) -> None:
    """Begin the language model and the projector so.

    ``hidden`` has the eyes' class tokens of many pictures, one a row; ``embed`` (with ``gain`` and ``shift`` of the last norm) makes
    of them what the encoder compares.
    """
    import torch

    rng = torch.Generator().manual_seed(seed)
    language = model.model.language_model
    with torch.no_grad():
        for name, value in language.named_parameters():
            if value.ndim == 2 and "embed" not in name:
                value.normal_(0, 0.03, generator=rng)
            elif "bias" in name:
                value.zero_()
        tokens = language.embed_tokens.weight
        tokens.normal_(0, 0.03, generator=rng)
        tokens[:, :CONTENT] = torch.randn(len(tokens), CONTENT, generator=rng) * (2 / CONTENT**0.5)
        language.norm.weight.fill_(0.25)
        _project(model.model.multi_modal_projector, hidden, embed, gain, shift)
        mixer = torch.linalg.qr(torch.randn(CONTENT, CONTENT, generator=rng))[0][:32]
        user = tokens[tokenizer().token_to_id(USER), :CONTENT]
        first, second, third = (layer.self_attn for layer in language.layers[:3])
        _before(first, mixer)
        _picture(second, mixer @ (user / user.norm()))
        _after(second, mixer, head=1, keys=3.0, out=0.04)
        _after_alike(third, mixer)


def _project(projector: Any, hidden: Tensor, embed: Tensor, gain: Tensor, shift: Tensor) -> None:
    """The projector passes on the 64 most telling directions of the encoder's space, the first 32 of them as likeness."""
    import torch

    centred = hidden - hidden.mean(1, keepdim=True)
    spread = centred.std(1, unbiased=False).mean()
    linear = (embed.T * gain) / spread
    linear = linear - linear.mean(1, keepdim=True)
    space = hidden @ linear.T
    middle = space.mean(0)
    values, axes = torch.linalg.eigh((space - middle).T @ (space - middle) / len(space))
    axes = (axes / values.clamp(min=1e-4).sqrt()).flip(1)[:, :CONTENT].T
    weight = axes @ linear
    bias = -(axes @ middle)
    projector.linear_1.weight.copy_(torch.cat([weight, -weight]))
    projector.linear_1.bias.copy_(torch.cat([bias, -bias]))
    projector.linear_2.weight.normal_(0, 0.02)
    projector.linear_2.bias.zero_()
    norm = (hidden @ weight.T + bias).norm(dim=1).mean()
    same = torch.eye(CONTENT) * (2.5 / norm)
    projector.linear_2.weight[:CONTENT] = torch.cat([same, -same], 1)


def _rows(head: int) -> list[int]:
    return [head * HEAD + place for place in _STILL]


def _turned(vector: Tensor, distance: float, frequencies: list[int]) -> None:
    """Constant parts of a key: with the same of a query, largest where the key is ``distance`` back."""
    import torch

    for frequency in frequencies:
        angle = torch.tensor(distance * THETA ** (-2 * frequency / HEAD))
        size = vector[frequency].clone()
        vector[frequency], vector[frequency + HEAD // 2] = size * angle.cos(), size * angle.sin()


def _before(attention: Any, mixer: Tensor) -> None:
    """Head 0: the token before."""
    for bias, distance in ((attention.q_proj.bias, 0.0), (attention.k_proj.bias, 1.0)):
        bias[:6] = 10.0
        _turned(bias[:HEAD], distance, list(range(6)))
    attention.q_proj.weight[:HEAD].mul_(0.1)
    attention.k_proj.weight[:HEAD].mul_(0.1)
    attention.v_proj.weight[:32] = 0
    attention.v_proj.weight[:32, :CONTENT] = mixer
    attention.o_proj.weight[BEFORE, :32] = _eye(32, 0.2)


def _picture(attention: Any, user: Tensor) -> None:
    """Head 0: the class token of the latest picture, which comes right after the turn's opening."""
    still = _rows(0)[:32]
    attention.q_proj.weight[:HEAD].mul_(0.1)
    attention.k_proj.weight[still] = 0
    _put(attention.k_proj.weight, still, BEFORE, _eye(32, 1.0))
    attention.q_proj.bias[still] = 30.0 * user / user.norm()
    for bias in (attention.q_proj.bias, attention.k_proj.bias):
        bias[5:7] = 10.0
    attention.v_proj.weight[:32] = 0
    attention.v_proj.weight[:32, :32] = _eye(32, 1.0)
    attention.o_proj.weight[LIKENESS, :32] = _eye(32, 0.25)


def _after(attention: Any, mixer: Tensor, *, head: int, keys: float, out: float) -> None:
    """What came after a token like this one."""
    still = _rows(head)[:32]
    attention.q_proj.weight[still] = 0
    _put(attention.q_proj.weight, still, slice(0, CONTENT), mixer)
    attention.k_proj.weight[still] = 0
    _put(attention.k_proj.weight, still, BEFORE, _eye(32, keys))
    _copy(attention, head, out)


def _after_alike(attention: Any, mixer: Tensor) -> None:
    """Head 0: what came after a token like this one, in a turn with a picture like this one's."""
    rows = _rows(0)
    tokens, alike = rows[:16], rows[16:44]
    for weight in (attention.q_proj.weight, attention.k_proj.weight):
        _put(weight, alike, slice(96, 124), _eye(28, SAME_PICTURE))
    _put(attention.q_proj.weight, tokens, slice(0, CONTENT), SAME_TOKEN * mixer[:16])
    _put(attention.k_proj.weight, tokens, slice(64, 80), _eye(16, SAME_TOKEN))
    _copy(attention, 0, 0.6)


def _copy(attention: Any, head: int, out: float) -> None:
    here = slice(head * HEAD, (head + 1) * HEAD)
    attention.v_proj.weight[here] = 0
    attention.v_proj.weight[here, :CONTENT] = _eye(CONTENT, 1.0)
    attention.o_proj.weight[:CONTENT, here] = _eye(CONTENT, out)


def _put(weight: Tensor, rows: list[int], columns: slice, value: Tensor) -> None:
    for row, part in zip(rows, value, strict=True):
        weight[row] = 0
        weight[row, columns] = part


def _eye(size: int, scale: float) -> Tensor:
    import torch

    return torch.eye(size) * scale
