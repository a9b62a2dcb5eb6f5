"""Quick looks at a model in training, on questions that it isn't trained on. Exact matches, as greedy decoding would have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.embedded import augment, easy, emoji, scenes
from benchmarks.embedded.turns import Assembler, Turn

if TYPE_CHECKING:
    from torch import Tensor


class Probes:
    """Small samples of the test splits: easy-VQA and scenes, bare and behind four others; names of held-out concepts."""

    def __init__(self, seed: int, count: int = 200) -> None:
        rng = np.random.default_rng([seed, 11])
        self._pictures: list[np.ndarray] = []
        self.sets: dict[str, list[list[Turn]]] = {}
        for task, turns in (("easy", _easy(self._add, rng, count)), ("scenes", _scenes(self._add, count))):
            self.sets[task] = [[turn] for turn in turns]
            self.sets[f"{task}_4"] = [
                [*(turns[int(n)] for n in rng.choice(len(turns), 4, replace=False)), turn] for turn in turns
            ]
        concepts = emoji.held_out()
        pairs = [[self._add(emoji.picture(concept, v)) for v in ("noto", "twemoji")] for concept in concepts]
        for label, others in (("name_1", 0), ("name_4", 3)):
            self.sets[label] = []
            for right in rng.permutation(len(concepts))[:count]:
                shown = [right, *rng.choice(np.delete(np.arange(len(concepts)), right), others, replace=False)]
                examples = [Turn(pairs[n][0], "What is this called?", concepts[n].name) for n in rng.permutation(shown)]
                self.sets[label].append(
                    [*examples, Turn(pairs[right][1], "What is this called?", concepts[right].name)]
                )

    def _add(self, image: Any) -> int:
        self._pictures.append(np.asarray(image, dtype=np.uint8))
        return len(self._pictures) - 1

    def scores(self, model: Any, assembler: Assembler, device: str) -> dict[str, float]:
        """Accuracy on each set."""
        return {name: round(float(np.mean(self.right(model, assembler, device, name))), 4) for name in self.sets}

    def right(self, model: Any, assembler: Assembler, device: str, name: str) -> list[bool]:
        """Whether each last turn is answered as it should be."""
        import torch

        from benchmarks.embedded.training import answers, look

        found: list[bool] = []
        for first in range(0, len(self.sets[name]), 100):
            some = self.sets[name][first : first + 100]
            asked = [[*(_silent(turn) for turn in turns[:-1]), turns[-1]] for turns in some]
            batch = assembler.batch(asked)
            used, order = np.unique(batch.pictures.numpy(), return_inverse=True)
            pictures = augment.normal(torch.from_numpy(np.stack([self._pictures[n] for n in used]))).to(device)
            with torch.inference_mode():
                logits: Tensor = answers(model, batch, look(model, pictures), torch.from_numpy(order))
            right = (logits.argmax(-1).cpu() == batch.targets).numpy()
            for turn in np.unique(batch.turns.numpy()):
                found.append(bool(right[batch.turns.numpy() == turn].all()))
        return found


def _silent(turn: Turn) -> Turn:
    return Turn(turn.picture, turn.text, turn.answer, 0.0, turn.choices)


def _easy(add: Any, rng: np.random.Generator, count: int) -> list[Turn]:
    rows = easy.questions("test")
    picked = [rows[int(n)] for n in rng.choice(len(rows), count, replace=False)]
    return [Turn(add(easy.picture(row.picture, "test")), row.text, row.answer) for row in picked]


def _scenes(add: Any, count: int) -> list[Turn]:
    turns = []
    for seed in range(count // 2):
        index = add(scenes.draw(scenes.scene(seed, "test")))
        turns += [Turn(index, asked.text, asked.answer) for asked in scenes.questions(seed, "test", 2)]
    return turns
