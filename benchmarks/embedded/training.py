"""Training of the apprentice and the master: next tokens of answers, in conversations whose turns are each other's examples."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.embedded import architecture, augment, eyes, probes
from benchmarks.embedded.encoder import replace
from benchmarks.embedded.episodes import Maker
from benchmarks.embedded.pool import pool
from benchmarks.embedded.precision import attend_singly, mixed
from benchmarks.embedded.schedule import Budget
from benchmarks.embedded.tokenizer import tokenizer
from benchmarks.embedded.turns import Assembler, Batch, check

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

BARE: Final = (160, 1)
SHORT: Final = (52, 3)
LONG: Final = (32, 5)
"""Conversations of a step and their turns."""
SHAPES: Final = {"first": (SHORT,), "apprentice": (LONG, BARE, LONG, SHORT), "master": (BARE, BARE, LONG, BARE)}
"""Step after step. At first the apprentice learns to copy, which is easier from few turns; a master is mostly asked bare."""
COPYING: Final = 600
"""Steps of that."""
LIKENESS: Final = 0.4
"""The weight of the eyes' own loss: two drawings of a thing should look alike to them."""
SEEING: Final = 0.5
"""The weight of what the eyes are told beside, see `eyes`."""
LIKE: Final = 32
"""So many dimensions of a picture's class token, as the language model reads it, are for that: see `circuits`."""


@dataclass(frozen=True, slots=True)
class Begin:
    """What a training begins from: the eyes of an encoder, or a model of the same size or smaller."""

    eyes: Path
    """The encoder's folder."""
    model: Path | None = None


def run(name: str, folder: Path, begin: Begin, budget: Budget, seed: int, device: str = "cpu") -> None:
    """Train the model of this name, saving now and then."""
    import torch
    from open_clip.loss import ClipLoss
    from safetensors.torch import load_file

    torch.manual_seed(seed)
    noise = torch.Generator().manual_seed(seed + budget.done)
    data, words = pool(), tokenizer()
    seen = json.loads((begin.eyes / "open_clip_config.json").read_text())["vision_cfg"]
    model: Any = architecture.build(architecture.SIZES[name], words, seen)
    processor = architecture.processor(words, seen)
    if begin.model is not None:
        known = type(model).from_pretrained(begin.model, dtype=torch.float32, local_files_only=True)
        architecture.grow(known.state_dict(), model)
    else:
        some = augment.normal(torch.from_numpy(data.pictures[: data.drawn[-1][-1] + 1]))
        architecture.open_eyes(model, load_file(begin.eyes / "model.safetensors"), some)
    model.to(device).train()
    if device == "cpu":
        attend_singly(model)
    school = eyes.School(model.model.vision_tower, data, seed + budget.done, device)
    assembler = Assembler(architecture.tokens_per_picture(seen))
    maker = Maker(data, seed + budget.done)
    check(assembler, processor, maker.conversations(24, 3), data.pictures)
    probe = probes.Probes(seed=0)
    optimizer = torch.optim.AdamW(_groups(model, school, name), betas=(0.9, 0.98))
    alike = ClipLoss()
    concept_of = np.array([number for number, drawn in enumerate(data.drawn) for _ in drawn])
    peaks = [group["lr"] for group in optimizer.param_groups]
    begun = budget.done
    while budget.left():
        alone = budget.done < eyes.ALONE and budget.share() < eyes.MOST
        begun = budget.done + 1 if alone else begun
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * _pace(budget, begun, alone=alone)
        if alone:
            with mixed(device):
                loss = school.loss(eyes.SHOWN, noise)
            _learn(loss, optimizer, model)
            if budget.step(loss=float(loss.detach())):
                save(model, processor, folder)
            continue
        copying = begin.model is None and budget.done < eyes.ALONE + COPYING
        shapes = SHAPES["first" if copying else name]
        shape = shapes[budget.done % len(shapes)]
        masked = shape != BARE and budget.done // len(shapes) % 2 == 1
        naming = 0.42 if copying else 0.2
        batch = assembler.batch(maker.conversations(*shape, real_names=not masked, naming=naming))
        used, order = np.unique(batch.pictures.numpy(), return_inverse=True)
        raw = augment.normal(torch.from_numpy(data.pictures[used]))
        emoji = torch.from_numpy(used < len(concept_of))
        drawings = raw[emoji]
        if masked and len(drawings):
            drawings, _ = augment.disguised(drawings, torch.from_numpy(concept_of[used[emoji.numpy()]]), noise)
        raw[emoji] = augment.changed(drawings, noise, 1.2, colour=0.15)
        raw[~emoji] = augment.changed(raw[~emoji], noise, 0.35)
        with mixed(device):
            features = look(model, raw.to(device))
            logits = answers(model, batch, features, torch.from_numpy(order)).float()
            told = school.loss(eyes.BESIDE, noise)
        losses = torch.nn.functional.cross_entropy(logits, batch.targets.to(device), reduction="none")
        weights = batch.weights.to(device)
        loss = (losses * weights).sum() / weights.sum() + SEEING * told
        one, two = _pairs(used[used < len(concept_of)], concept_of)
        if len(one) > 1:
            seen_as = torch.nn.functional.normalize(features[:, 0, :LIKE].float(), dim=-1)
            loss = loss + LIKENESS * alike(seen_as[one], seen_as[two], 20.0)
        _learn(loss, optimizer, model)
        if budget.step(loss=float(loss.detach())):
            model.eval()
            budget.note(**probe.scores(model, assembler, device))
            save(model, processor, folder)
            model.train()


def _pace(budget: Budget, begun: int, *, alone: bool) -> float:
    """The learning rate as a share of its peak: eyes alone learn twice as fast, and who reads what they see begins slowly."""
    return 2 * budget.rate() if alone else budget.rate() * min(1.0, (budget.done - begun + 1) / 100)


def _learn(loss: Tensor, optimizer: Any, model: Any) -> None:
    import torch

    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


def look(model: Any, pictures: Tensor) -> Tensor:
    """What the language model reads of each picture."""
    import torch

    seen = model.model.get_image_features(pixel_values=pictures, return_dict=True)
    return torch.stack(list(seen.pooler_output))


def answers(model: Any, batch: Batch, features: Tensor, order: Tensor) -> Tensor:
    """The logits where answers are told. Each picture is seen once, however many turns show it."""
    ids = batch.ids.to(model.device)
    told = model.get_input_embeddings()(ids)
    shown = features[order.to(model.device)].flatten(0, 1).to(told.dtype)
    told = told.masked_scatter((ids == model.config.image_token_id)[..., None], shown)
    hidden = model.model.language_model(inputs_embeds=told, use_cache=False).last_hidden_state
    found: Tensor = model.lm_head(hidden.flatten(0, 1)[batch.places.to(model.device)])
    return found


def _pairs(used: np.ndarray, concept_of: np.ndarray) -> tuple[list[int], list[int]]:
    """Places of two drawings of each concept of which two are there."""
    places: dict[int, list[int]] = {}
    for place, picture in enumerate(used):
        places.setdefault(int(concept_of[picture]), []).append(place)
    found = [some for some in places.values() if len(some) > 1]
    return [some[0] for some in found], [some[-1] for some in found]


def save(model: Any, processor: Any, folder: Path) -> None:
    """Write the checkpoint in half precision; each file is replaced whole."""
    import tempfile
    from pathlib import Path as Folder

    from safetensors.torch import load_file
    from safetensors.torch import save as packed

    with tempfile.TemporaryDirectory() as made:
        beside = Folder(made)
        model.save_pretrained(beside)
        processor.save_pretrained(beside)
        weights = {key: value.half() for key, value in load_file(beside / "model.safetensors").items()}
        (beside / "model.safetensors").write_bytes(packed(weights, {"format": "pt"}))
        config = json.loads((beside / "config.json").read_text())
        config["dtype"] = "float16"
        (beside / "config.json").write_text(json.dumps(config, indent=2))
        for file in sorted(beside.iterdir()):
            if file.is_file():
                replace(folder / file.name, file.read_bytes())


def _groups(model: Any, school: eyes.School, name: str) -> list[dict[str, Any]]:
    """Eyes learn more slowly, having been taught before, and so does what a master's first heads look at, which the apprentice has
    found out. What has one dimension doesn't decay.
    """
    rate = 1.5e-3 if name == "apprentice" else 7e-4
    chosen: dict[tuple[float, bool], list[Any]] = {}
    for key, value in (*model.named_parameters(), *school.heads.named_parameters()):
        share = 0.5 if "vision_tower" in key else 0.1 if name == "master" and _FIRST_HEADS.search(key) else 1.0
        chosen.setdefault((share, value.ndim >= 2), []).append(value)
    return [
        {"params": values, "lr": share * rate, "weight_decay": 0.05 if heavy else 0.0}
        for (share, heavy), values in chosen.items()
    ]


_FIRST_HEADS: Final = re.compile(r"language_model\.layers\.[012]\.self_attn\.[qk]_proj\.")
