"""Training of the encoder, by contrast: two drawings of a thing, a drawing and its name, a question and its paraphrase."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.embedded import augment, emoji, encoder, phrasing
from benchmarks.embedded.pool import Pool, pool
from benchmarks.embedded.precision import mixed
from benchmarks.embedded.schedule import Budget
from benchmarks.embedded.tokenizer import tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from torch.nn import Module

CONCEPTS: Final = 112
OTHERS: Final = 24
TEXTS: Final = 32
RATE: Final = 1.5e-3
CAPTIONS: Final = ("{}", "{}", "a picture of {}", "{} emoji", "an icon of {}", "this is called {}")


def run(
    folder: Path,
    budget: Budget,
    seed: int,
    config: dict[str, Any] = encoder.CONFIG,
    device: str = "cpu",
    start: Path | None = None,
) -> Module:
    """Train, saving now and then; ``start`` goes on from a saved encoder."""
    import torch
    from open_clip.loss import ClipLoss

    torch.manual_seed(seed)
    rng, noise = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    data, words, loss_of = pool(), tokenizer(), ClipLoss()
    model: Any = encoder.build(config) if start is None else encoder.Encoder(start).model
    model.to(device).train()
    bare = [p for p in model.parameters() if p.ndim < 2]
    heavy = [p for p in model.parameters() if p.ndim >= 2]
    optimizer = torch.optim.AdamW(
        [{"params": heavy, "weight_decay": 0.1}, {"params": bare, "weight_decay": 0.0}], lr=RATE, betas=(0.9, 0.98)
    )
    others = np.array(sorted(data.captions))
    own_scale = torch.nn.Parameter(torch.tensor(np.log(1 / 0.07), dtype=torch.float32, device=device))
    optimizer.add_param_group({"params": [own_scale], "weight_decay": 0.0})
    while budget.left():
        for group in optimizer.param_groups:
            group["lr"] = RATE * budget.rate()
        one, two, texts = _emoji(data, rng)
        chosen = rng.choice(others, OTHERS, replace=False)
        raw = augment.normal(torch.from_numpy(data.pictures[np.concatenate([one, two, chosen])]))
        drawn, hidden = augment.disguised(raw[: 2 * CONCEPTS], torch.arange(CONCEPTS).repeat(2), noise, 0.6)
        drawn = augment.changed(drawn, noise, 1.5, colour=0.2)
        plain = raw[2 * CONCEPTS :]
        batch = torch.cat([drawn, augment.changed(plain, noise, 0.7), augment.changed(plain, noise, 0.7)])
        with mixed(device, math=True):
            seen = model.encode_image(batch.to(device), normalize=True)
        seen = seen.float()
        a, b = seen[:CONCEPTS], seen[CONCEPTS : 2 * CONCEPTS]
        c, d = seen[2 * CONCEPTS :].chunk(2)
        told, again = _questions(data, rng)
        captions = [str(rng.choice(data.captions[int(n)] or ("a shape",))) for n in chosen]
        ids = encoder.text_ids(words, [*texts, *captions, *told, *again]).to(device)
        with mixed(device, math=True):
            said = encoder.text_features(model, ids)
        said = said.float()
        named, captioned, first, second = said.split([CONCEPTS, OTHERS, TEXTS, TEXTS])
        plainly = (~hidden[:CONCEPTS]).nonzero()[:, 0].to(device)
        scale, own = model.logit_scale.exp(), own_scale.exp()
        loss = (
            loss_of(torch.cat([a, c]), torch.cat([b, d]), own)
            + 0.5 * loss_of(torch.cat([a[plainly], c]), torch.cat([named[plainly], captioned]), scale)
            + 0.3 * loss_of(first, second, own)
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, np.log(100))
            own_scale.clamp_(0, np.log(60))
        if budget.step(loss=float(loss.detach())):
            model.eval()
            budget.note(**score(model, data))
            encoder.save(model, words, folder, config)
            model.train()
    return model


def score(model: Any, data: Pool) -> dict[str, float]:
    """How often the nearest drawing of another vendor is of the same concept; held-out concepts and trained ones."""
    import torch

    found = {}
    for label, concepts in (("held_out", emoji.held_out()), ("trained", data.concepts)):
        sides = []
        for vendor in ("noto", "twemoji"):
            images = np.stack([np.asarray(emoji.picture(concept, vendor)) for concept in concepts])
            with torch.inference_mode():
                sides.append(
                    model.encode_image(
                        augment.normal(torch.from_numpy(images)).to(model.logit_scale.device), normalize=True
                    ).cpu()
                )
        nearest = (sides[0] @ sides[1].T).argmax(1)
        found[f"{label}_nearest"] = round(float((nearest == torch.arange(len(concepts))).float().mean()), 4)
    return found


def _emoji(data: Pool, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Two vendors' drawings of as many concepts, and what they are called; half the time of few kinds, which is harder."""
    numbers = rng.choice(len(data.concepts), CONCEPTS, replace=False)
    pairs = np.array([rng.choice(data.drawn[n], 2, replace=False) for n in numbers])
    texts = [str(rng.choice(CAPTIONS)).format(data.concepts[n].name) for n in numbers]
    return pairs[:, 0], pairs[:, 1], texts


_GROUPS: Final = tuple(
    wordings
    for wordings in vars(phrasing).values()
    if isinstance(wordings, tuple) and wordings and isinstance(wordings[0], str)
)


def _questions(data: Pool, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Pairs of wordings of as many different questions."""
    from benchmarks.embedded.scenes import COLOURS, SHAPES

    pairs: dict[str, tuple[str, str]] = {}
    colours, shapes = list(COLOURS), [*SHAPES, "shape", "rectangle", "thing"]
    while len(pairs) < TEXTS:
        group = _GROUPS[int(rng.integers(len(_GROUPS)))]
        one, two = (
            f"{rng.choice(colours)} {rng.choice(shapes)}" if rng.random() < 0.7 else str(rng.choice(shapes))
            for _ in range(2)
        )
        slots = {
            "n": int(rng.integers(1, 9)),
            "things": f"{one}s",
            "thing": one,
            "a_thing": phrasing.article(one),
            "one": one,
            "two": two,
            "ones": f"{one}s",
            "twos": f"{two}s",
        }
        first, second = rng.choice(group, 2)
        pairs[group[0].format(**slots)] = (_worn(first.format(**slots), rng), _worn(second.format(**slots), rng))
    return [a for a, _ in pairs.values()], [b for _, b in pairs.values()]


def _worn(text: str, rng: np.random.Generator) -> str:
    """The text, sometimes with what doesn't matter added."""
    before = ("", "", "", "Please tell me: ", "In this picture, ", "Look: ")
    return str(rng.choice(before)) + (text.rstrip("?.") if rng.random() < 0.2 else text)
